//! A host and its port: RFC 3986 §3.2.

use std::{borrow::Cow, net::Ipv6Addr};

use idna::AsciiDenyList;
use percent_encoding::percent_decode_str;

/// How long a percent-encoded name is looked at, in bytes: no name in the domain name system is longer
/// than 253 letters (RFC 1035 §2.3.4), nor a letter's encoding than three bytes for each of four.
const MAX_ENCODED_NAME: usize = 253 * 12;

/// A host in its normal form, and the port if one is named.
///
/// The host is in lower case, not percent-encoded, without the dot that stands for the root of all
/// names; letters beyond ASCII are in their `xn--` form, and an IPv6 address is in its shortest. An
/// empty port is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    pub(crate) host: Cow<'a, str>,
    pub(crate) port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// `None` if it is not `host [ ":" port ]`: a user has no place in it (RFC 9110 §4.2.4).
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = split_port(text);
        let port = match port {
            None | Some("") => None,
            Some(port) if port.bytes().all(|it| it.is_ascii_digit()) => Some(port.parse().ok()?),
            Some(_) => return None,
        };
        Some(Self { host: normal_host(host)?, port })
    }

    /// What the authority part of something like a URL comes to, if it can be made out: what is said
    /// to write in its place.
    pub(crate) fn guess(text: &str) -> Option<Authority<'static>> {
        let text = text.trim();
        let text = text.split_once("//").map_or(text, |(_, rest)| rest);
        let text = text.split(['/', '\\', '?', '#']).next()?;
        let text = text.rsplit('@').next()?;
        let authority = if text.parse::<Ipv6Addr>().is_ok() {
            Authority::parse(&format!("[{text}]")).map(Authority::into_owned)
        } else if text.is_ascii() {
            Authority::parse(text).map(Authority::into_owned)
        } else {
            let (host, port) = split_port(text);
            let host = idna::domain_to_ascii_cow(host.as_bytes(), AsciiDenyList::URL).ok()?;
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            Authority::parse(&format!("{host}{port}")).map(Authority::into_owned)
        };
        authority.filter(|it| !it.host.contains('*'))
    }

    pub(crate) fn into_owned(self) -> Authority<'static> {
        Authority { host: Cow::Owned(self.host.into_owned()), port: self.port }
    }
}

/// A colon within brackets belongs to an IPv6 address.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

/// RFC 3986 §3.2.2: `host = IP-literal / IPv4address / reg-name`, brought into its normal form.
fn normal_host(text: &str) -> Option<Cow<'_, str>> {
    if let Some(literal) = text.strip_prefix('[') {
        let address: Ipv6Addr = literal.strip_suffix(']')?.parse().ok()?;
        return Some(Cow::Owned(format!("[{address}]")));
    }
    let (mut has_upper, mut has_encoded) = (false, false);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {}
            b'!' | b'$' | b'&'..=b',' | b';' | b'=' => {}
            b'A'..=b'Z' => has_upper = true,
            b'%' => has_encoded = true,
            _ => return None,
        }
    }
    let name = if has_encoded {
        Cow::Owned(decoded_name(text)?)
    } else if has_upper {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    };
    let name = match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_suffix('.').unwrap_or(name)),
        Cow::Owned(mut name) => {
            name.truncate(name.strip_suffix('.').unwrap_or(&name).len());
            Cow::Owned(name)
        }
    };
    (!name.is_empty()).then_some(name)
}

/// RFC 3986 §3.2.2: a percent-encoded name is UTF-8, and as a domain it is "transformed to the IDNA
/// encoding".
fn decoded_name(text: &str) -> Option<String> {
    if text.len() > MAX_ENCODED_NAME {
        return None;
    }
    let decoded: Cow<'_, [u8]> = percent_decode_str(text).into();
    idna::domain_to_ascii_cow(&decoded, AsciiDenyList::URL).ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<(String, Option<u16>)> {
        Authority::parse(text).map(|it| (it.host.into_owned(), it.port))
    }

    #[test]
    fn what_means_the_same_host_and_port_has_one_form() {
        for (host, port, spellings) in [
            (
                "mysite.com",
                None,
                &["mysite.com", "MySite.COM", "mysite.com.", "mysite.com:", "MYSITE.com.:"][..],
            ),
            ("mysite.com", Some(80), &["mysite.com:80", "mysite.com.:080", "m%59site.com:80"]),
            ("a_b-c~d", None, &["a_b-c~d", "A%5fB-c%7Ed"]),
            ("127.0.0.1", Some(1337), &["127.0.0.1:1337", "127.0.0.1.:1337"]),
            ("[::1]", None, &["[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]:", "[0::1]"]),
            ("[2001:db8::a]", Some(8080), &["[2001:DB8:0::A]:8080", "[2001:db8::0.0.0.10]:8080"]),
            (
                "xn--bcher-kva.example",
                None,
                &["xn--bcher-kva.example", "XN--Bcher-KVA.example.", "b%C3%BCcher.example"],
            ),
        ] {
            for spelling in spellings {
                assert_eq!(parse(spelling), Some((host.to_owned(), port)), "{spelling}");
            }
        }
    }

    #[test]
    fn what_is_no_host_has_no_form() {
        for text in [
            "",
            ".",
            ":80",
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "me@a",
            "me:word@a",
            "a:b",
            "a:-1",
            "a:+80",
            "a:80:80",
            "a:65536",
            "a:8o",
            "::1",
            "[::1",
            "::1]",
            "[]",
            "[1.2.3.4]",
            "[::1]a",
            "[::1%25eth0]",
            "[::g]",
            "a%",
            "a%zz",
            "a%20b",
            "a%2Fb",
            "a%00",
            "a%ff",
            "bücher",
            "a\\b",
            "a\"b",
            "<a>",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let long = "%61".repeat(MAX_ENCODED_NAME);
        assert_eq!(parse(&long), None);
    }
}
