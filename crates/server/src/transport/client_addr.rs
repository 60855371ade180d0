//! Where a client is, which need not be where its connection comes from.

use std::{fmt, net::IpAddr, sync::Arc};

use tracing::field::{DisplayValue, display};

use super::{peer::PeerAddr, tls::TlsInfo};

/// The address of a client: its connection's, or what a trusted proxy has said.
#[derive(Clone, Debug)]
pub(crate) enum ClientAddr {
    Peer(PeerAddr),
    /// In a box, so that a client without a proxy takes no memory for it.
    Behind(Box<BehindProxy>),
}

#[derive(Clone, Debug)]
pub(crate) struct BehindProxy {
    client: IpAddr,
    proxy: PeerAddr,
}

/// Who makes a request, as far as it is known.
#[derive(Clone)]
pub(crate) struct Requester {
    pub(crate) address: ClientAddr,
    /// What was agreed upon, if the connection is within TLS.
    pub(crate) tls: Option<Arc<TlsInfo>>,
    /// Whether the client has spoken TLS, be it to a proxy.
    pub(crate) is_secure: bool,
}

impl ClientAddr {
    /// One whose connection comes from `peer`, and who is at `client` if that is not the same.
    pub(crate) fn new(peer: PeerAddr, client: Option<IpAddr>) -> Self {
        match client {
            Some(client) if peer.ip().map(|ip| ip.to_canonical()) != Some(client) => {
                Self::Behind(Box::new(BehindProxy { client, proxy: peer }))
            }
            _ => Self::Peer(peer),
        }
    }

    /// Where the connection comes from.
    pub(crate) fn peer(&self) -> &PeerAddr {
        match self {
            Self::Peer(peer) => peer,
            Self::Behind(behind) => &behind.proxy,
        }
    }

    /// The client's own IP address, as the field of a line in the log.
    pub(crate) fn shown_ip(&self) -> Option<DisplayValue<IpAddr>> {
        self.ip().map(display)
    }

    /// The client's own IP address. One of IPv4 is one, however the socket writes it.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        let ip = match self {
            Self::Peer(peer) => peer.ip()?,
            Self::Behind(behind) => behind.client,
        };
        Some(ip.to_canonical())
    }
}

/// As in `127.0.0.1:50412`, or `203.0.113.7 via 127.0.0.1:50412`.
impl fmt::Display for ClientAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(peer) => peer.fmt(f),
            Self::Behind(behind) => write!(f, "{} via {}", behind.client, behind.proxy),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_client_is_where_its_connection_comes_from_or_where_a_proxy_says() {
        let peer = |text: &str| PeerAddr::from(text.parse::<SocketAddr>().unwrap());
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for (peer, client, found, shown) in [
            (peer("10.0.0.1:80"), None, ip("10.0.0.1"), "10.0.0.1:80"),
            (peer("10.0.0.1:80"), ip("10.0.0.1"), ip("10.0.0.1"), "10.0.0.1:80"),
            (peer("10.0.0.1:80"), ip("1.2.3.4"), ip("1.2.3.4"), "1.2.3.4 via 10.0.0.1:80"),
            (peer("[::ffff:1.2.3.4]:8"), None, ip("1.2.3.4"), "[::ffff:1.2.3.4]:8"),
            (peer("[::ffff:1.2.3.4]:8"), ip("1.2.3.4"), ip("1.2.3.4"), "[::ffff:1.2.3.4]:8"),
            (PeerAddr::Unix(None), ip("::1"), ip("::1"), "::1 via unix:"),
            (PeerAddr::Unix(None), None, None, "unix:"),
        ] {
            let address = ClientAddr::new(peer.clone(), client);
            assert_eq!((address.ip(), address.peer()), (found, &peer), "{shown}");
            assert_eq!(address.to_string(), shown);
        }
    }

    #[test]
    fn a_client_without_a_proxy_takes_no_memory_for_one() {
        assert_eq!(size_of::<ClientAddr>(), size_of::<PeerAddr>());
    }
}
