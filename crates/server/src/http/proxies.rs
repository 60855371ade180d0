//! Which proxies are believed when they say who their clients are.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::{
    error::ServerError,
    transport::{PeerAddr, PeerInfo},
};

/// Who connects to a Unix socket, in [`Server::trusted_proxies`](crate::Server::trusted_proxies).
const UNIX: &str = "unix:";

/// Those who are believed.
#[derive(Debug, Default)]
pub(crate) struct TrustedProxies {
    networks: Vec<IpNet>,
    /// Whoever may connect to a Unix socket.
    unix: bool,
}

impl TrustedProxies {
    /// # Errors
    ///
    /// [`ServerError::TrustedProxy`] if one is no address and no network.
    pub(crate) fn parse(given: &[String]) -> Result<Self, ServerError> {
        let mut trusted = Self::default();
        for given in given {
            if given == UNIX {
                trusted.unix = true;
            } else if let Some(network) = parse_network(given) {
                trusted.networks.push(network);
            } else {
                return Err(ServerError::TrustedProxy { given: given.clone() });
            }
        }
        Ok(trusted)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Whether whoever is at the other end of a connection is one.
    pub(crate) fn trusts_peer(&self, peer: &PeerAddr) -> bool {
        match peer {
            PeerAddr::Unix(_) => self.unix,
            _ => peer.ip().is_some_and(|ip| self.trusts(ip)),
        }
    }

    /// Whether whoever has begun a connection is one, if need be by another's PROXY header.
    pub(super) fn trusts_source(&self, peer: &PeerInfo) -> bool {
        match peer.proxied {
            Some(proxied) => self.trusts(proxied.ip),
            None => self.trusts_peer(&peer.address),
        }
    }

    pub(super) fn trusts(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

/// An address is a network of one.
fn parse_network(text: &str) -> Option<IpNet> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    Some(match network {
        // An address of IPv4 is compared as one.
        IpNet::V6(six) if six.prefix_len() >= 96 && six.addr().to_ipv4_mapped().is_some() => {
            IpNet::new(six.addr().to_canonical(), six.prefix_len() - 96).ok()?
        }
        network => network,
    })
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, path::PathBuf};

    use super::*;

    fn trusted(given: &[&str]) -> Result<TrustedProxies, ServerError> {
        let given: Vec<_> = given.iter().map(|&it| it.to_owned()).collect();
        TrustedProxies::parse(&given)
    }

    #[test]
    fn addresses_networks_and_unix_sockets_are_trusted_and_nobody_unless_said() {
        let proxies = trusted(&["10.0.0.7", "192.168.9.9/16", "fd00::/8", "::ffff:9.9.9.0/120"]);
        let proxies = proxies.unwrap();
        for (address, is_trusted) in [
            ("10.0.0.7:1", true),
            ("10.0.0.8:1", false),
            ("192.168.0.1:1", true),
            ("192.169.0.1:1", false),
            ("[fd12::1]:1", true),
            ("[fe80::1]:1", false),
            ("[::ffff:10.0.0.7]:1", true),
            ("9.9.9.1:1", true),
            ("9.9.8.1:1", false),
            ("127.0.0.1:1", false),
        ] {
            let peer = PeerAddr::from(address.parse::<SocketAddr>().unwrap());
            assert_eq!(proxies.trusts_peer(&peer), is_trusted, "{address}");
            assert!(!TrustedProxies::default().trusts_peer(&peer));
        }
        let unix = PeerAddr::from(PathBuf::from("/run/proxy.sock"));
        assert!(!proxies.trusts_peer(&unix));
        assert!(trusted(&["unix:"]).unwrap().trusts_peer(&unix));
        assert!(!trusted(&["unix:"]).unwrap().trusts_peer(&PeerAddr::Unknown));
        assert!(trusted(&[]).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_address_and_no_network_is_refused_by_a_sentence() {
        for given in ["", "localhost", "10.0.0.0/33", "10.0.0", "10.0.0.1:80", "unix:/run/a", "*"] {
            let error = trusted(&["10.0.0.1", given]).unwrap_err().to_string();
            assert!(error.contains(&format!("{given:?}")), "{error}");
        }
    }
}
