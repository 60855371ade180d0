//! The name of a host, as it is configured.

use std::net::{Ipv4Addr, Ipv6Addr};

use idna::AsciiDenyList;

use super::Authority;

/// Why no request could ever be for a host of a name; found when the server starts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostNameError {
    /// It has no name.
    #[error("it is empty: write the name that stands in URLs, such as \"mysite.com\"")]
    Empty,
    /// There is more than a name and a port: a scheme, a user, a path.
    #[error("it is a URL or a part of one, where a name is enough: {}", what_to_write(instead))]
    Url {
        /// What can be written in its place, if that can be made out.
        instead: Option<String>,
    },
    /// RFC 5890: browsers ask for such a name in its `xn--` form.
    #[error("browsers ask for it in letters of ASCII: {}", what_to_write(instead))]
    NotAscii {
        /// What can be written in its place, if that can be made out.
        instead: Option<String>,
    },
    /// An IPv6 address that is not in brackets (RFC 3986 §3.2.2), or a part of an IPv4 address.
    #[error("it is an address in a form that browsers do not ask for: {}", what_to_write(instead))]
    Address {
        /// What can be written in its place, if that can be made out.
        instead: Option<String>,
    },
    /// A name with a `*` in it.
    #[error(
        "there are no wildcards: add a `Host` or an alias for each name, or use `Host::any` for all \
         that are no other host's"
    )]
    Wildcard,
    /// RFC 3986 §3.2.3: what is behind the colon is not 0 to 65535.
    #[error("what is behind the colon is no port: {}", what_to_write(instead))]
    Port {
        /// What can be written in its place, if that can be made out.
        instead: Option<String>,
    },
    /// It has characters, or parts between its dots, that no name has.
    #[error("it is no name that browsers ask for: {}", what_to_write(instead))]
    Impossible {
        /// What can be written in its place, if that can be made out.
        instead: Option<String>,
    },
}

/// The normal form of a host's name. Its port, if it has one, does not matter.
pub(crate) fn configured_name(name: &str) -> Result<String, HostNameError> {
    use HostNameError::{Address, Empty, Impossible, NotAscii, Port, Url, Wildcard};
    let instead = Authority::guess(name).filter(|it| is_possible(&it.host));
    let instead = instead.map(|it| it.host.into_owned());
    if name.trim().is_empty() {
        Err(Empty)
    } else if name.contains('*') {
        Err(Wildcard)
    } else if name.contains(['/', '\\', '?', '#', '@']) {
        Err(Url { instead })
    } else if !name.is_ascii() {
        Err(NotAscii { instead })
    } else if name.parse::<Ipv6Addr>().is_ok() {
        Err(Address { instead })
    } else if let Some(authority) = Authority::parse(name) {
        match authority.host {
            host if is_possible(&host) => Ok(host.into_owned()),
            host if is_number(&host) => Err(Address { instead: None }),
            _ => Err(Impossible { instead: None }),
        }
    } else if let Some((name, _)) = name.rsplit_once(':')
        && let Some(Authority { host, port: None }) = Authority::parse(name)
    {
        Err(Port { instead: Some(host.into_owned()) })
    } else {
        Err(Impossible { instead })
    }
}

/// Whether a browser could ask for a host that is in its normal form.
fn is_possible(host: &str) -> bool {
    // RFC 1035 §2.3.4.
    let is_label = |label: &str| (1..=63).contains(&label.len());
    host.starts_with('[')
        || host.len() <= 253
            && host.split('.').all(is_label)
            && idna::domain_to_ascii_cow(host.as_bytes(), AsciiDenyList::URL).is_ok()
            && (!is_number(host) || host.parse::<Ipv4Addr>().is_ok())
}

/// Whether browsers take it for an IPv4 address: its last part is a number.
fn is_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_hex = |digits: &str| digits.bytes().all(|it| it.is_ascii_hexdigit());
    last.strip_prefix("0x").is_some_and(is_hex)
        || !last.is_empty() && last.bytes().all(|it| it.is_ascii_digit())
}

fn what_to_write(instead: &Option<String>) -> String {
    match instead {
        Some(instead) => format!("write {instead:?}"),
        None => "write it as it stands in URLs, such as \"mysite.com\" or \"127.0.0.1\"".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{HostNameError::*, *};

    #[test]
    fn a_name_has_one_form_however_it_is_written() {
        for (name, normal) in [
            ("localhost", "localhost"),
            ("MySite.com", "mysite.com"),
            ("mysite.com.", "mysite.com"),
            ("mysite.com:8080", "mysite.com"),
            ("my_site", "my_site"),
            ("127.0.0.1", "127.0.0.1"),
            ("[0::1]:80", "[::1]"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("7.example", "7.example"),
        ] {
            assert_eq!(configured_name(name).as_deref(), Ok(normal), "{name}");
        }
    }

    #[test]
    fn what_nobody_can_ask_for_is_refused_with_what_one_can() {
        let some = |name: &str| Some(name.to_owned());
        let long = ["a"; 64].concat();
        for (name, error) in [
            ("", Empty),
            (" \t", Empty),
            ("*", Wildcard),
            ("*.a.com", Wildcard),
            ("http://a.com", Url { instead: some("a.com") }),
            ("https://A.com:443/x?y#z", Url { instead: some("a.com") }),
            ("http://bücher.example/", Url { instead: some("xn--bcher-kva.example") }),
            ("http://[0::1]/", Url { instead: some("[::1]") }),
            ("//a.com", Url { instead: some("a.com") }),
            ("a.com/x", Url { instead: some("a.com") }),
            ("me@a.com", Url { instead: some("a.com") }),
            ("a.com?", Url { instead: some("a.com") }),
            ("http://", Url { instead: None }),
            ("bücher.example", NotAscii { instead: some("xn--bcher-kva.example") }),
            ("BÜCHER.example.:80", NotAscii { instead: some("xn--bcher-kva.example") }),
            ("日本語。jp", NotAscii { instead: some("xn--wgv71a119e.jp") }),
            ("bü cher", NotAscii { instead: None }),
            ("::1", Address { instead: some("[::1]") }),
            ("2001:DB8:0::1", Address { instead: some("[2001:db8::1]") }),
            ("127.1", Address { instead: None }),
            ("0x7f.0.0.1", Address { instead: None }),
            ("256.0.0.1", Address { instead: None }),
            ("a.com:http", Port { instead: some("a.com") }),
            ("a.com:65536", Port { instead: some("a.com") }),
            (" a.com", Impossible { instead: some("a.com") }),
            ("my site.com", Impossible { instead: None }),
            ("a..com", Impossible { instead: None }),
            (".a.com", Impossible { instead: None }),
            ("[::1", Impossible { instead: None }),
            ("a.com:80:80", Impossible { instead: None }),
            ("xn--a", Impossible { instead: None }),
            ("a%20b", Impossible { instead: None }),
            (&long, Impossible { instead: None }),
        ] {
            assert_eq!(configured_name(name), Err(error), "{name}");
        }
    }
}
