//! Where a page comes from: RFC 6454.

use std::{borrow::Cow, fmt};

use super::Authority;

/// An origin in its normal form: RFC 6454 §4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin<'a> {
    /// RFC 6454 §4: a page that has none, such as a file.
    Opaque,
    Site {
        /// In lower case.
        scheme: Cow<'a, str>,
        /// With the scheme's own port if none is named.
        authority: Authority<'a>,
    },
}

impl<'a> Origin<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text == "null" {
            return Some(Self::Opaque);
        }
        let (scheme, authority) = text.split_once("://")?;
        let scheme = normal_scheme(scheme)?;
        let Authority { host, port } = Authority::parse(authority)?;
        let port = port.or_else(|| usual_port(&scheme));
        Some(Self::Site { scheme, authority: Authority { host, port } })
    }

    /// Whether it is that of the host that a request asks for, on the same port. A port that the
    /// request does not name is that of the origin's scheme: a proxy of which nothing is known may have
    /// taken TLS off it. One that is known to have come by TLS is for a page that has come so as well.
    pub(crate) fn is_of(&self, asked: &Authority<'_>, is_secure: bool) -> bool {
        let Self::Site { scheme, authority } = self else { return false };
        (!is_secure || scheme == "https")
            && usual_port(scheme).is_some_and(|usual| {
                asked.host == authority.host && Some(asked.port.unwrap_or(usual)) == authority.port
            })
    }

    /// Whether a page may come from there: none does from where websockets lead to, or from several
    /// hosts at once.
    pub(crate) fn is_of_a_page(&self) -> bool {
        match self {
            Self::Opaque => true,
            Self::Site { scheme, authority } => {
                !matches!(&**scheme, "ws" | "wss") && !authority.host.contains('*')
            }
        }
    }

    pub(crate) fn into_owned(self) -> Origin<'static> {
        match self {
            Self::Opaque => Origin::Opaque,
            Self::Site { scheme, authority } => Origin::Site {
                scheme: Cow::Owned(scheme.into_owned()),
                authority: authority.into_owned(),
            },
        }
    }

    /// How the origin that is most likely meant by this is written.
    pub(crate) fn guess(text: &str) -> Option<String> {
        let scheme = text.trim().split_once("://").map_or("https", |(scheme, _)| scheme);
        let scheme = match &*normal_scheme(scheme)? {
            "ws" => "http".to_owned(),
            "wss" => "https".to_owned(),
            scheme => scheme.to_owned(),
        };
        let Authority { host, port } = Authority::guess(text)?;
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Origin::parse(&format!("{scheme}://{host}{port}")).map(|it| it.to_string())
    }
}

/// RFC 6454 §6.2: scheme, host, and port unless it is the usual.
impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Site { scheme, authority: Authority { host, port } } = self else {
            return f.write_str("null");
        };
        write!(f, "{scheme}://{host}")?;
        match port {
            Some(port) if Some(*port) != usual_port(scheme) => write!(f, ":{port}"),
            _ => Ok(()),
        }
    }
}

/// RFC 3986 §3.1: letters, digits and `+-.`, a letter first, in lower case.
fn normal_scheme(scheme: &str) -> Option<Cow<'_, str>> {
    let is_other = |it: u8| it.is_ascii_alphanumeric() || b"+-.".contains(&it);
    if !scheme.starts_with(|it: char| it.is_ascii_alphabetic()) || !scheme.bytes().all(is_other) {
        return None;
    }
    Some(if scheme.bytes().any(|it| it.is_ascii_uppercase()) {
        Cow::Owned(scheme.to_ascii_lowercase())
    } else {
        Cow::Borrowed(scheme)
    })
}

fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}
