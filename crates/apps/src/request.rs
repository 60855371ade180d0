//! A request, as OPEN tells it.

use std::borrow::Cow;

use aerys::Handshake;
use http::{Version, header};
use serde::Serialize;

/// What OPEN says. What is not known is null.
#[derive(Serialize)]
struct Request<'a> {
    method: &'a str,
    uri: Cow<'a, str>,
    path: &'a str,
    query: Option<&'a str>,
    version: &'static str,
    scheme: &'static str,
    host: Option<&'a str>,
    param: Params<'a>,
    headers: Vec<(&'a str, Cow<'a, str>)>,
    remote_addr: Option<String>,
    remote_port: Option<u16>,
    client_ip: Option<String>,
    server_addr: Option<&'a str>,
    server_port: Option<u16>,
    subprotocols: Vec<&'a str>,
}

/// Parameters of the path, as an object.
struct Params<'a>(Vec<(&'a str, &'a str)>);

impl Serialize for Params<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// The request of a handshake on an endpoint of this path, as JSON.
pub(crate) fn json<S>(handshake: &Handshake<S>, path: &str) -> String {
    let parts = handshake.request();
    let is_secure = handshake.is_secure();
    let name = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let host = authority.or(name);
    let peer = handshake.peer_addr().socket_addr();
    let port = host.map(|host| port_of(host).unwrap_or(if is_secure { 443 } else { 80 }));
    let text =
        |value: &'_ http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let request = Request {
        method: parts.method.as_str(),
        uri: parts.uri.path_and_query().map_or("/", |it| it.as_str()).into(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        version: version(parts.version),
        scheme: if is_secure { "https" } else { "http" },
        host: host.map(without_port),
        param: Params(
            params(path).filter_map(|name| Some((name, handshake.param(name)?))).collect(),
        ),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), text(value).into()))
            .collect(),
        remote_addr: peer.map(|peer| peer.ip().to_canonical().to_string()),
        remote_port: peer.map(|peer| peer.port()),
        client_ip: handshake.client_ip().map(|ip| ip.to_string()),
        server_addr: None,
        server_port: port,
        subprotocols: handshake.protocols().collect(),
    };
    // Texts and numbers are JSON always.
    serde_json::to_string(&request).unwrap_or_default()
}

pub(crate) fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

/// The names in braces of a path.
pub(crate) fn params(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        Some(name.strip_prefix('*').unwrap_or(name))
    })
}

/// What is behind the last colon, but for those of an address of IPv6.
pub(crate) fn port_of(host: &str) -> Option<u16> {
    let (_, port) = host.rsplit_once(':').filter(|(_, port)| !port.contains(']'))?;
    port.parse().ok()
}

pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_a_name_and_perhaps_a_port() {
        for (host, name, port) in [
            ("mysite.com", "mysite.com", None),
            ("mysite.com:8080", "mysite.com", Some(8080)),
            ("[::1]", "[::1]", None),
            ("[::1]:80", "[::1]", Some(80)),
        ] {
            assert_eq!((without_port(host), port_of(host)), (name, port));
        }
    }

    #[test]
    fn parameters_are_those_in_braces() {
        for (path, names) in [
            ("/chat", &[][..]),
            ("/rooms/{room}", &["room"]),
            ("/{a}/b{c}/{*rest}", &["a", "c", "rest"]),
        ] {
            assert_eq!(params(path).collect::<Vec<_>>(), names);
        }
    }
}
