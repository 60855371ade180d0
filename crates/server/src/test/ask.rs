//! A handshake, as a test writes it.

use std::fmt::Write;

use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::TestClient;
use crate::{
    server::InMemory,
    transport::{PeerAddr, memory::Peer},
};

/// The key of RFC 6455 §1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A request that is not sent yet.
#[must_use = "it is sent by `connect` or `send`"]
pub struct Ask<'s> {
    server: &'s InMemory,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    peer: PeerAddr,
}

impl<'s> Ask<'s> {
    pub(super) fn new(server: &'s InMemory, path: &str) -> Self {
        Self {
            server,
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            peer: "test".into(),
        }
    }

    /// Another method than `GET`.
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// Adds a header. `Host` is `localhost` unless it is given, and those of a handshake are there
    /// unless they are: one that is empty is left out.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a cookie.
    pub fn cookie(self, name: &str, value: &str) -> Self {
        self.header("Cookie", &format!("{name}={value}"))
    }

    /// Comes from a page of this origin, as in `https://mysite.com`.
    pub fn origin(self, origin: &str) -> Self {
        self.header("Origin", origin)
    }

    /// Comes from this address: what [`Client::peer_addr`](crate::Client::peer_addr) tells.
    pub fn from(mut self, peer: impl Into<PeerAddr>) -> Self {
        self.peer = peer.into();
        self
    }

    /// Asks to be let in. The refusal comes as the response that it is, with its body.
    ///
    /// # Errors
    ///
    /// The response, if it is no 101.
    ///
    /// # Panics
    ///
    /// If the server hangs up without an answer.
    pub async fn connect(mut self) -> Result<TestClient, Response<Vec<u8>>> {
        for (name, value) in [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", KEY),
        ] {
            if !self.has(name) {
                self.headers.push((name.to_owned(), value.to_owned()));
            }
        }
        let (peer, response, rest) = self.exchange().await;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(TestClient::new(peer, response.map(drop), rest));
        }
        Err(response)
    }

    /// Sends it as it is, as an HTTP request without a body, and answers the response.
    ///
    /// # Panics
    ///
    /// If the server hangs up without an answer.
    pub async fn send(self) -> Response<Vec<u8>> {
        self.exchange().await.1
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    async fn exchange(self) -> (Peer, Response<Vec<u8>>, Vec<u8>) {
        let peer = self.server.connect(self.peer.clone());
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.has("Host") {
            head.push_str("Host: localhost\r\n");
        }
        for (name, value) in self.headers.iter().filter(|(_, value)| !value.is_empty()) {
            // Writing to a string does not fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        peer.write(head.as_bytes()).await.expect("the server reads what is asked");
        let mut read = Vec::new();
        let (mut response, mut rest) = loop {
            let more = peer.read().await.unwrap_or_default();
            assert!(!more.is_empty(), "the server hung up without an answer: {read:?}");
            read.extend(more);
            if let Some(parsed) = parse(&read) {
                break parsed;
            }
        };
        let length = response.headers().get("content-length");
        let length = length.and_then(|it| it.to_str().ok()?.parse().ok()).unwrap_or(0);
        while self.method != "HEAD" && rest.len() < length {
            let more = peer.read().await.unwrap_or_default();
            if more.is_empty() {
                break;
            }
            rest.extend(more);
        }
        let body = rest.drain(..length.min(rest.len())).collect();
        *response.body_mut() = body;
        (peer, response, rest)
    }
}

/// The head of a response, if it is whole, and what comes behind it.
fn parse(read: &[u8]) -> Option<(Response<Vec<u8>>, Vec<u8>)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(len) = head.parse(read).expect("the server speaks HTTP") else {
        return None;
    };
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::from_u16(head.code?).expect("a status has three digits");
    for header in head.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).expect("it is a name");
        let value = HeaderValue::from_bytes(header.value).expect("it is a value");
        response.headers_mut().append(name, value);
    }
    if let Some(reason) = head.reason.filter(|reason| !reason.is_empty())
        && let Ok(reason) = hyper::ext::ReasonPhrase::try_from(reason.as_bytes())
    {
        response.extensions_mut().insert(reason);
    }
    Some((response, read[len..].to_vec()))
}
