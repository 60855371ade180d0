//! Who is at the other end of a connection.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{client_addr::ClientAddr, forwarded::Forwarded, tls::TlsInfo};

/// The address that a connection comes from.
///
/// It is in the extensions of each request that a [`Host::service`](crate::Host::service) is given. Behind a
/// proxy it is the proxy's, and a [`ClientIp`] beside it the client's:
///
/// ```
/// use std::{convert::Infallible, future::{Ready, ready}};
/// use aerys::{Body, PeerAddr, http::{Request, Response}};
///
/// fn answer(request: Request<Body>) -> Ready<Result<Response<String>, Infallible>> {
///     let address = request.extensions().get::<PeerAddr>();
///     ready(Ok(Response::new(address.map_or_else(String::new, |it| format!("you are {it}")))))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerAddr {
    /// An IP address and a port.
    Ip(SocketAddr),
    /// A Unix socket. Most of those who connect to one have no name.
    Unix(Option<Arc<Path>>),
    /// A name, as tests give one.
    Name(Arc<str>),
    /// The server around a [`Mount`](crate::Mount) has not said.
    Unknown,
}

/// The IP address of a client: that of its [connection](PeerAddr), or what a
/// [trusted proxy](crate::Server::trusted_proxies) has said.
///
/// It is in the extensions of each request that a [`Host::service`](crate::Host::service) is given, if it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientIp(pub IpAddr);

/// Who is at the other end of a connection, and how.
#[derive(Clone)]
pub(crate) struct PeerInfo {
    pub(crate) address: PeerAddr,
    /// What was agreed upon, if it is within TLS.
    pub(crate) tls: Option<Arc<TlsInfo>>,
    /// For whom it has connected, if it is a proxy that has said so by the PROXY protocol.
    pub(crate) proxied: Option<Proxied>,
    /// What is taken from its headers, if it is a trusted proxy.
    pub(crate) forwarded: Forwarded,
}

/// Whom a proxy has connected for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proxied {
    pub(crate) ip: IpAddr,
    /// Whether that one has spoken TLS to the proxy.
    pub(crate) is_secure: bool,
}

impl PeerInfo {
    /// Whoever is there in clear text, and speaks for itself.
    pub(crate) fn plain(address: PeerAddr) -> Self {
        Self { address, tls: None, proxied: None, forwarded: Forwarded::default() }
    }

    /// The address that the connection has come from at first, if it is an IP address. One of IPv4 is one, however
    /// the socket writes it.
    pub(crate) fn source(&self) -> Option<IpAddr> {
        let ip = self.proxied.map_or_else(|| self.address.ip(), |proxied| Some(proxied.ip));
        ip.map(|ip| ip.to_canonical())
    }

    /// The address of the client, as far as its connection tells.
    pub(crate) fn client_addr(&self) -> ClientAddr {
        ClientAddr::new(self.address.clone(), self.source())
    }

    /// Whether the connection was within TLS, as far as it is known.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some() || self.proxied.is_some_and(|proxied| proxied.is_secure)
    }
}

impl PeerAddr {
    /// The IP address and the port, if it has one.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) | Self::Name(_) | Self::Unknown => None,
        }
    }

    /// The IP address, if it has one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.socket_addr().map(|address| address.ip())
    }

    /// The path of its Unix socket, if it has one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => path.as_deref(),
            Self::Ip(_) | Self::Name(_) | Self::Unknown => None,
        }
    }
}

impl From<SocketAddr> for PeerAddr {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

impl From<&str> for PeerAddr {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

impl From<PathBuf> for PeerAddr {
    fn from(path: PathBuf) -> Self {
        Self::Unix(Some(path.into()))
    }
}

/// As in `127.0.0.1:50412`, `[::1]:50412`, `unix:/run/client.sock`, or `unix:` if that has no name, `unknown`.
impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::Unknown => f.write_str("unknown"),
            Self::Unix(None) => f.write_str("unix:"),
            Self::Unix(Some(path)) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Else it would be another's than the connection's, and counted twice; and this machine's own would count.
    #[test]
    fn the_source_of_a_connection_is_one_of_ipv4_if_it_can_be() {
        let mapped = PeerAddr::from("[::ffff:127.0.0.1]:80".parse::<SocketAddr>().unwrap());
        let peer = PeerInfo::plain(mapped);
        assert_eq!(peer.source(), Some([127, 0, 0, 1].into()));
        assert!(matches!(peer.client_addr(), ClientAddr::Peer(_)));
        let ip = "::ffff:203.0.113.7".parse().unwrap();
        let peer = PeerInfo { proxied: Some(Proxied { ip, is_secure: false }), ..peer };
        assert_eq!(peer.source(), Some([203, 0, 113, 7].into()));
    }

    #[test]
    fn an_address_is_shown_as_what_it_is() {
        for (address, shown) in [
            (PeerAddr::from(SocketAddr::from(([127, 0, 0, 1], 80))), "127.0.0.1:80"),
            (PeerAddr::from(SocketAddr::from(([0; 16], 80))), "[::]:80"),
            (PeerAddr::from(PathBuf::from("/run/a.sock")), "unix:/run/a.sock"),
            (PeerAddr::Unix(None), "unix:"),
            (PeerAddr::from("a phone"), "a phone"),
            (PeerAddr::Unknown, "unknown"),
        ] {
            assert_eq!(address.to_string(), shown);
        }
    }
}
