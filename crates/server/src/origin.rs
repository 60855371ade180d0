//! Which sites' pages may connect: RFC 6455 §10.2, RFC 6454.

use http::{HeaderValue, Uri, header, request::Parts, uri::Authority};

/// Which origins a handshake may come from.
///
/// A browser says with each handshake which site's page asks. Websockets know no other protection
/// from a page that speaks in its visitor's name, so only the host's own pages may connect unless
/// said otherwise. A request without an `Origin` comes from no browser, and passes.
///
/// ```
/// use aerys::{Options, Origins};
///
/// let options = Options::new()
///     .allowed_origins(Origins::list(["https://mysite.com", "https://www.mysite.com"]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origins {
    /// The host that the request is for, on the same port. A server's only host answers for every
    /// name, also for one that somebody else has pointed at this machine; where that matters, list
    /// the origins.
    #[default]
    Same,
    /// Any site at all.
    Any,
    /// These, each as a browser writes it: `https://mysite.com`, with a port unless it is the
    /// scheme's own.
    List(Vec<String>),
}

impl Origins {
    /// These origins and no others, the host's own included only if it is listed.
    pub fn list(origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::List(origins.into_iter().map(Into::into).collect())
    }

    /// Whether a request may come from where it comes from; if not, its `Origin`.
    pub(crate) fn check<'r>(&self, request: &'r Parts) -> Result<(), &'r HeaderValue> {
        let mut origins = request.headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(()) };
        let allowed = origins.next().is_none()
            && match self {
                Self::Any => true,
                Self::Same => is_same(origin, request).unwrap_or(false),
                Self::List(list) => list.iter().any(|it| origin.as_bytes() == it.as_bytes()),
            };
        if allowed { Ok(()) } else { Err(origin) }
    }

    /// The first that is listed and that no browser would ever send.
    pub(crate) fn first_impossible(&self) -> Option<&str> {
        let Self::List(list) = self else { return None };
        list.iter().map(String::as_str).find(|origin| *origin != "null" && !is_serialized(origin))
    }
}

/// Whether host and port are the same. A port that is not said is that of the origin's scheme,
/// also for the request: whether a proxy took TLS off it cannot be seen here.
fn is_same(origin: &HeaderValue, request: &Parts) -> Option<bool> {
    let origin: Uri = origin.to_str().ok()?.parse().ok()?;
    let usual = match origin.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let target = match request.uri.authority() {
        Some(authority) => authority.clone(),
        None => request.headers.get(header::HOST)?.to_str().ok()?.parse::<Authority>().ok()?,
    };
    let same_host = origin.host()?.eq_ignore_ascii_case(target.host());
    let same_port = origin.port_u16().unwrap_or(usual) == target.port_u16().unwrap_or(usual);
    Some(same_host && same_port)
}

/// RFC 6454 §6.2: scheme, host, and port unless it is the usual; nothing behind, all lower case.
fn is_serialized(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let Ok(parsed) = authority.parse::<Authority>() else { return false };
    let usual = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let plain = !authority.contains('@') && origin == origin.to_ascii_lowercase();
    plain
        && !parsed.host().is_empty()
        && (parsed.port_u16().is_none() || parsed.port_u16() != usual)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn allows(origins: &Origins, host: &str, origin: &str) -> bool {
        let request = Request::get("/").header("host", host).header("origin", origin);
        origins.check(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    #[test]
    fn the_same_origin_is_the_same_host_and_port() {
        for (host, origin, same) in [
            ("mysite.com", "https://mysite.com", true),
            ("mysite.com", "http://mysite.com", true),
            ("MySite.com", "https://mysite.com", true),
            ("mysite.com:443", "https://mysite.com", true),
            ("mysite.com:1337", "http://mysite.com:1337", true),
            ("127.0.0.1:1337", "http://127.0.0.1:1337", true),
            ("[::1]:1337", "http://[::1]:1337", true),
            ("mysite.com", "https://mysite.com:8443", false),
            ("mysite.com:1337", "http://mysite.com", false),
            ("mysite.com", "https://mysite.com.evil.example", false),
            ("mysite.com", "https://evil.example", false),
            ("mysite.com", "null", false),
            ("mysite.com", "file://mysite.com", false),
            ("mysite.com", "", false),
        ] {
            assert_eq!(allows(&Origins::Same, host, origin), same, "{origin} at {host}");
        }
    }

    #[test]
    fn a_list_names_exactly_who_may() {
        let list = Origins::list(["https://a.example", "null"]);
        for (origin, allowed) in [
            ("https://a.example", true),
            ("null", true),
            ("http://a.example", false),
            ("https://a.example:444", false),
            ("https://mysite.com", false),
        ] {
            assert_eq!(allows(&list, "mysite.com", origin), allowed, "{origin}");
        }
        assert!(allows(&Origins::Any, "mysite.com", "https://evil.example"));
    }

    #[test]
    fn no_origin_passes_and_two_do_not() {
        let bare = Request::get("/").header("host", "mysite.com").body(()).unwrap();
        assert!(Origins::list(["https://a.example"]).check(&bare.into_parts().0).is_ok());
        let twice = Request::get("/")
            .header("host", "mysite.com")
            .header("origin", "https://mysite.com")
            .header("origin", "https://mysite.com");
        assert!(Origins::Any.check(&twice.body(()).unwrap().into_parts().0).is_err());
    }

    #[test]
    fn what_no_browser_sends_is_found_in_a_list() {
        for (origin, possible) in [
            ("https://a.example", true),
            ("http://a.example:8080", true),
            ("chrome-extension://abcdef", true),
            ("null", true),
            ("a.example", false),
            ("https://a.example/", false),
            ("https://a.example/chat", false),
            ("https://A.example", false),
            ("https://a.example:443", false),
            ("*", false),
        ] {
            let found = Origins::list([origin]).first_impossible().map(str::to_owned);
            assert_eq!(found.is_none(), possible, "{origin}");
        }
    }
}
