//! Who is at the other end of a connection.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::tls::TlsInfo;

/// The address that a connection comes from.
///
/// It is in the extensions of each request that a [`Host::service`](crate::Host::service) is given:
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

/// Who is at the other end of a connection, and how.
#[derive(Clone)]
pub(crate) struct PeerInfo {
    pub(crate) address: PeerAddr,
    /// What was agreed upon, if it is within TLS.
    pub(crate) tls: Option<Arc<TlsInfo>>,
}

impl PeerInfo {
    /// Whoever is there in clear text.
    pub(crate) fn plain(address: PeerAddr) -> Self {
        Self { address, tls: None }
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
