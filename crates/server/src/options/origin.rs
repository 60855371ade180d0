//! Which sites' pages may connect: RFC 6455 §10.2, RFC 6454.

use aerys_proto::Fields;
use http::header;

use super::OptionsError;
use crate::address::{Authority, Origin, visible};

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
    /// The host that the request is for, on the same port, and by https if the
    /// [connection is secure](crate::Handshake::is_secure). Names that somebody else may have pointed at this
    /// machine are none of a [`Host`](crate::Host)'s, unless it is [`Host::any`](crate::Host::any).
    #[default]
    Same,
    /// Any site at all.
    Any,
    /// These, each as a browser writes it: `https://mysite.com`, with a port unless it is the
    /// scheme's own. What no browser sends is refused when the server starts.
    List(Vec<String>),
}

impl Origins {
    /// These origins and no others, the host's own included only if it is listed.
    pub fn list(origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::List(origins.into_iter().map(Into::into).collect())
    }

    /// As requests are compared with them.
    ///
    /// # Errors
    ///
    /// The first that is listed and that no browser would ever send.
    pub(crate) fn validate(self) -> Result<AllowedOrigins, OptionsError> {
        let list = match self {
            Self::Same => return Ok(AllowedOrigins::Same),
            Self::Any => return Ok(AllowedOrigins::Any),
            Self::List(list) => list,
        };
        let settled = list.into_iter().map(|origin| match Origin::parse(&origin) {
            Some(parsed) if parsed.to_string() == origin && parsed.is_of_a_page() => {
                Ok(parsed.into_owned())
            }
            _ => Err(OptionsError::Origin { instead: Origin::guess(&origin), origin }),
        });
        settled.collect::<Result<_, _>>().map(AllowedOrigins::List)
    }
}

/// [`Origins`] that make sense.
#[derive(Clone, Debug)]
pub(crate) enum AllowedOrigins {
    Same,
    Any,
    List(Vec<Origin<'static>>),
}

impl AllowedOrigins {
    /// Whether a request for the host that `asked` answers may come from where it comes from; if not, its
    /// `Origin`.
    pub(crate) fn check<'r, 'h>(
        &self,
        fields: &'r impl Fields,
        asked: impl FnOnce() -> Option<Authority<'h>>,
        is_secure: bool,
    ) -> Result<(), &'r [u8]> {
        let mut origins = fields.values_of(header::ORIGIN);
        let Some(value) = origins.next() else { return Ok(()) };
        let origin = || Origin::parse(visible(value)?);
        let is_allowed = origins.next().is_none()
            && match self {
                Self::Any => true,
                Self::Same => origin()
                    .is_some_and(|origin| asked().is_some_and(|it| origin.is_of(&it, is_secure))),
                Self::List(list) => origin().is_some_and(|origin| list.contains(&origin)),
            };
        if is_allowed { Ok(()) } else { Err(value) }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::address::requested;

    fn allows(origins: &Origins, host: &str, origin: &str) -> bool {
        allows_by(origins, host, origin, false)
    }

    fn allows_by(origins: &Origins, host: &str, origin: &str, is_secure: bool) -> bool {
        let request = Request::get("/").header("host", host).header("origin", origin);
        let settled = origins.clone().validate().expect("browsers send them");
        let request = request.body(()).unwrap();
        let asked = || requested(request.uri(), request.headers());
        settled.check(request.headers(), asked, is_secure).is_ok()
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
            ("[0::1]", "http://[::1]", true),
            ("mysite.com.", "https://mysite.com", true),
            ("mysite.com:", "https://mysite.com.:443", true),
            ("xn--bcher-kva.example", "https://XN--bcher-kva.example", true),
            ("mysite.com", "https://mysite.com:8443", false),
            ("mysite.com:1337", "http://mysite.com", false),
            ("mysite.com", "https://mysite.com.evil.example", false),
            ("mysite.com", "https://evil.example", false),
            ("mysite.com", "null", false),
            ("mysite.com", "file://mysite.com", false),
            ("mysite.com", "ws://mysite.com", false),
            ("mysite.com", "https://mysite.com/", false),
            ("mysite.com", "https://me@mysite.com", false),
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
            ("HTTPS://A.example.:443", true),
            ("http://a.example", false),
            ("https://a.example:80", false),
            ("https://a.example/", false),
            ("Null", false),
            ("https://a.example:444", false),
            ("https://mysite.com", false),
        ] {
            assert_eq!(allows(&list, "mysite.com", origin), allowed, "{origin}");
        }
        assert!(allows(&Origins::Any, "mysite.com", "https://evil.example"));
    }

    #[test]
    fn what_has_come_by_tls_is_for_pages_that_have_come_so_too() {
        for (host, origin, same) in [
            ("mysite.com", "https://mysite.com", true),
            ("mysite.com", "http://mysite.com", false),
            ("mysite.com:80", "http://mysite.com", false),
            ("mysite.com:8443", "https://mysite.com:8443", true),
            ("mysite.com:8443", "http://mysite.com:8443", false),
        ] {
            assert_eq!(allows_by(&Origins::Same, host, origin, true), same, "{origin} at {host}");
            assert!(allows_by(&Origins::Same, host, origin, false), "{origin} at {host}");
        }
        let listed = Origins::list(["http://mysite.com"]);
        assert!(allows_by(&listed, "mysite.com", "http://mysite.com", true));
    }

    #[test]
    fn no_origin_passes_and_two_do_not() {
        let bare = Request::get("/").header("host", "mysite.com").body(()).unwrap();
        let list = Origins::list(["https://a.example"]).validate().unwrap();
        assert!(list.check(bare.headers(), || None, false).is_ok());
        let twice = Request::get("/")
            .header("host", "mysite.com")
            .header("origin", "https://mysite.com")
            .header("origin", "https://mysite.com");
        let twice = twice.body(()).unwrap();
        assert!(AllowedOrigins::Any.check(twice.headers(), || None, false).is_err());
    }

    #[test]
    fn what_no_browser_sends_is_refused_with_what_one_does() {
        for (origin, instead) in [
            ("a.example", Some("https://a.example")),
            ("https://a.example/", Some("https://a.example")),
            ("https://a.example/chat?x", Some("https://a.example")),
            ("https://MySite.com:443/", Some("https://mysite.com")),
            ("HTTP://a.example:80", Some("http://a.example")),
            ("http://a.example:08080", Some("http://a.example:8080")),
            ("https://a.example:", Some("https://a.example")),
            ("https://a.example.", Some("https://a.example")),
            ("https://me@a.example", Some("https://a.example")),
            ("http://[0:0::1]:8080", Some("http://[::1]:8080")),
            ("http://::1", Some("http://[::1]")),
            ("https://bücher.example", Some("https://xn--bcher-kva.example")),
            (" https://a.example", Some("https://a.example")),
            ("ws://a.example", Some("http://a.example")),
            ("wss://a.example:443", Some("https://a.example")),
            ("//a.example", Some("https://a.example")),
            ("*", None),
            ("https://*.a.example", None),
            ("", None),
            ("https://", None),
            ("file://", None),
            ("https://a b", None),
        ] {
            let error = Origins::list(["null", origin]).validate().expect_err(origin);
            let instead = instead.map(str::to_owned);
            assert_eq!(error, OptionsError::Origin { origin: origin.to_owned(), instead });
        }
    }

    #[test]
    fn what_a_browser_sends_is_taken_as_it_is() {
        for origin in [
            "https://a.example",
            "http://a.example:8080",
            "https://a.example:80",
            "http://[::1]",
            "https://xn--bcher-kva.example",
            "chrome-extension://abcdef",
            "capacitor://localhost",
            "null",
        ] {
            assert!(Origins::list([origin]).validate().is_ok(), "{origin}");
        }
    }
}
