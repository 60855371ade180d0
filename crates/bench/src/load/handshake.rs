//! The client's half of the opening handshake (RFC 6455 §4.1), without waiting.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::SocketAddr,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::stream::Stream;

/// The key and its answer in RFC 6455 §1.3; the server must not care which it is.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The answer that is arriving on one new connection.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    asked: bool,
    answer: Vec<u8>,
}

/// What a handshake came to.
#[derive(Debug)]
pub(crate) struct Agreed {
    /// Whether both sides may compress.
    pub(crate) deflate: bool,
    /// What came behind the answer's head.
    pub(crate) rest: Vec<u8>,
}

/// The request for an endpoint.
pub(crate) fn request(address: SocketAddr, path: &str, deflate: bool) -> Vec<u8> {
    let extensions = if deflate { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{extensions}\r\n"
    )
    .into_bytes()
}

impl Handshake {
    /// Goes on as far as the socket lets it; `None` if that was not to the end.
    ///
    /// # Errors
    ///
    /// If the connection failed, or the server refused or answered wrongly.
    pub(super) fn advance(
        &mut self,
        stream: &mut Stream,
        request: &[u8],
    ) -> Result<Option<Agreed>> {
        if !self.asked {
            if let Some(error) = stream.socket().take_error()? {
                return Err(error).context("connect");
            }
            match stream.write(request) {
                Ok(written) => ensure!(written == request.len(), "half a request was taken"),
                Err(error) if is_early(error.kind()) => return Ok(None),
                Err(error) => return Err(error).context("write a request"),
            }
            self.asked = true;
        }
        let mut buffer = [0; 1024];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => bail!("the server hung up before it answered"),
                Ok(read) => self.answer.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error).context("read an answer"),
            }
            if let Some(end) = self.answer.windows(4).position(|four| four == b"\r\n\r\n") {
                let (head, rest) = self.answer.split_at(end + 4);
                return agreed(head, rest).map(Some);
            }
            ensure!(self.answer.len() < 16 * 1024, "an endless answer");
        }
    }
}

fn agreed(head: &[u8], rest: &[u8]) -> Result<Agreed> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    ensure!(status.starts_with("HTTP/1.1 101"), "the server answered {status:?}");
    let header = |wanted: &str| {
        lines.clone().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    ensure!(
        header("sec-websocket-accept").as_deref() == Some(ACCEPT),
        "the server accepted another key"
    );
    let extensions = header("sec-websocket-extensions").unwrap_or_default();
    Ok(Agreed { deflate: extensions.contains("permessage-deflate"), rest: rest.to_vec() })
}

/// Whether a socket may only not be connected yet.
fn is_early(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::NotConnected)
}
