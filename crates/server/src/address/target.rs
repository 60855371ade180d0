//! What a request is for: RFC 9112 §3.2 and §3.3.

use aerys_proto::Fields;
use http::{Method, Uri, Version, header};

use super::{Authority, visible};

/// A request's target, found to be proper.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target<'r> {
    /// Something at this host; at no host in particular if the request is older than HTTP/1.1 and
    /// names none.
    Resource(Option<Authority<'r>>),
    /// RFC 9112 §3.2.4: the server itself, by `OPTIONS *`.
    Server,
}

/// Why a request is for nothing. The texts are for whoever wrote the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("A request has one `Host` header, with the name of the host.")]
    Host,
    #[error("A request is for a path, which begins with a slash: `GET /path HTTP/1.1`.")]
    Form,
    #[error("A request for a whole URL is for one of `http` or `https`, of a host and no user.")]
    Url,
    #[error("`CONNECT` is for a host and a port: `CONNECT host:port HTTP/1.1`.")]
    Connect,
}

impl<'r> Target<'r> {
    pub(crate) fn of(
        method: &Method,
        uri: &'r Uri,
        version: Version,
        fields: &'r impl Fields,
    ) -> Result<Self, TargetError> {
        if version == Version::HTTP_2 {
            return Self::of_http2(method, uri, fields);
        }
        let named = named(fields, version)?;
        if method == Method::CONNECT {
            // RFC 9110 §9.3.6: a server "MUST reject a CONNECT request that targets an empty or
            // invalid port number".
            let tunnel = uri.authority().filter(|_| uri.scheme().is_none());
            let tunnel = tunnel.and_then(|it| Authority::parse(it.as_str()));
            let tunnel = tunnel.filter(|it| it.port.is_some()).ok_or(TargetError::Connect)?;
            return Ok(Self::Resource(Some(tunnel)));
        }
        match (uri.scheme_str(), uri.authority()) {
            (None, None) => match uri.path_and_query().map_or("", |it| it.as_str()) {
                "*" if method == Method::OPTIONS => Ok(Self::Server),
                path if path.starts_with('/') => Ok(Self::Resource(named)),
                _ => Err(TargetError::Form),
            },
            // RFC 9112 §3.2.2: the `Host` header is ignored then.
            (Some(scheme), Some(authority)) if is_known(scheme) => {
                let authority = Authority::parse(authority.as_str()).ok_or(TargetError::Url)?;
                Ok(Self::Resource(Some(authority)))
            }
            (Some(_), _) => Err(TargetError::Url),
            // RFC 9112 §3.2.3: `localhost:80` is what CONNECT alone is for.
            (None, Some(_)) => Err(TargetError::Form),
        }
    }
}

impl<'r> Target<'r> {
    /// RFC 9113 §8.3.1: a path, and the host in `:authority`, if there is one.
    fn of_http2(
        method: &Method,
        uri: &'r Uri,
        fields: &'r impl Fields,
    ) -> Result<Self, TargetError> {
        let authority = match uri.authority() {
            Some(authority) => {
                let authority = Authority::parse(authority.as_str()).ok_or(TargetError::Host)?;
                // "A server SHOULD treat a request as malformed if it contains a Host header field that
                // identifies an entity that differs from the entity in the ":authority"".
                let is_other =
                    |host| visible(host).and_then(Authority::parse).as_ref() != Some(&authority);
                if fields.values_of(header::HOST).any(is_other) {
                    return Err(TargetError::Host);
                }
                authority
            }
            None => named(fields, Version::HTTP_2)?.ok_or(TargetError::Host)?,
        };
        let path = uri.path_and_query().map_or("", |it| it.as_str());
        // RFC 9113 §8.5: a CONNECT that is not extended has neither scheme nor path.
        let is_tunnel = method == Method::CONNECT && uri.scheme().is_none() && path.is_empty();
        match path {
            "*" if method == Method::OPTIONS => Ok(Self::Server),
            _ if is_tunnel && authority.port.is_none() => Err(TargetError::Connect),
            _ if is_tunnel || path.starts_with('/') => Ok(Self::Resource(Some(authority))),
            _ => Err(TargetError::Form),
        }
    }
}

/// The host that a request with a proper target is for.
pub(crate) fn requested<'r>(uri: &'r Uri, fields: &'r impl Fields) -> Option<Authority<'r>> {
    match uri.authority() {
        Some(authority) => Authority::parse(authority.as_str()),
        None => Authority::parse(visible(fields.values_of(header::HOST).next()?)?),
    }
}

/// What the `Host` header says. RFC 9112 §3.2: a request has exactly one, unless it is older than
/// HTTP/1.1, when it may have none.
fn named(fields: &impl Fields, version: Version) -> Result<Option<Authority<'_>>, TargetError> {
    let mut values = fields.values_of(header::HOST);
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value,
        (None, _) if version < Version::HTTP_11 => return Ok(None),
        _ => return Err(TargetError::Host),
    };
    let authority = visible(value).and_then(Authority::parse);
    authority.map(Some).ok_or(TargetError::Host)
}

/// What a websocket's URL is written with, some clients ask for through a proxy.
fn is_known(scheme: &str) -> bool {
    ["http", "https", "ws", "wss"].iter().any(|it| scheme.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn of(method: &str, target: &str) -> Result<Option<String>, TargetError> {
        let request = Request::builder().method(method).uri(target).header("host", "Named:1");
        let request = request.body(()).unwrap();
        Target::of(request.method(), request.uri(), request.version(), request.headers()).map(
            |target| match target {
                Target::Resource(authority) => authority.map(|it| it.host.into_owned()),
                Target::Server => None,
            },
        )
    }

    #[test]
    fn each_form_of_a_target_is_for_its_methods() {
        let named = |name: &str| Ok(Some(name.to_owned()));
        for (method, target, found) in [
            ("GET", "/", named("named")),
            ("GET", "//a/b", named("named")),
            ("GET", "http://A.example.", named("a.example")),
            ("GET", "HTTPS://a.example:/?x", named("a.example")),
            ("GET", "ws://[0::1]:80/x", named("[::1]")),
            ("OPTIONS", "/", named("named")),
            ("OPTIONS", "http://a.example", named("a.example")),
            ("OPTIONS", "*", Ok(None)),
            ("CONNECT", "a.example:443", named("a.example")),
            ("GET", "*", Err(TargetError::Form)),
            ("GET", "a.example", Err(TargetError::Form)),
            ("GET", "a.example:80", Err(TargetError::Form)),
            ("GET", "me@a.example", Err(TargetError::Form)),
            ("OPTIONS", "a.example:80", Err(TargetError::Form)),
            ("GET", "ftp://a.example/", Err(TargetError::Url)),
            ("GET", "http://me@a.example/", Err(TargetError::Url)),
            ("GET", "http://a.example:99999/", Err(TargetError::Url)),
            ("CONNECT", "/", Err(TargetError::Connect)),
            ("CONNECT", "a.example", Err(TargetError::Connect)),
            ("CONNECT", "http://a.example:80/", Err(TargetError::Connect)),
        ] {
            assert_eq!(of(method, target), found, "{method} {target}");
        }
    }

    #[test]
    fn over_http_2_the_authority_names_the_host() {
        let named = |name: &str| Ok(Some(name.to_owned()));
        let host = || Err(TargetError::Host);
        for (method, target, hosts, found) in [
            ("GET", "https://A.example/", &[][..], named("a.example")),
            ("GET", "https://a.example/", &["A.example."], named("a.example")),
            ("GET", "https://a.example/", &["b.example"], host()),
            ("GET", "https://a.example/", &["a.example", "b.example"], host()),
            ("GET", "https://a.example:1/", &["a.example:2"], host()),
            ("GET", "https://me@a.example/", &[], host()),
            ("GET", "/", &["a.example"], named("a.example")),
            ("GET", "/", &[], host()),
            ("OPTIONS", "*", &["a.example"], Ok(None)),
            ("GET", "*", &["a.example"], Err(TargetError::Form)),
            // RFC 8441 §4, and RFC 9113 §8.5.
            ("CONNECT", "https://a.example/chat", &[], named("a.example")),
            ("CONNECT", "a.example:443", &[], named("a.example")),
            ("CONNECT", "a.example", &[], Err(TargetError::Connect)),
        ] {
            let mut request = Request::builder().method(method).uri(target);
            for name in hosts {
                request = request.header("host", *name);
            }
            let request = request.version(Version::HTTP_2).body(()).unwrap();
            let (method, uri) = (request.method(), request.uri());
            let target = Target::of(method, uri, request.version(), request.headers());
            let target = target.map(|target| match target {
                Target::Resource(authority) => authority.map(|it| it.host.into_owned()),
                Target::Server => None,
            });
            assert_eq!(target, found, "{method} {uri} {hosts:?}");
        }
    }
}
