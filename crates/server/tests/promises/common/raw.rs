//! A bare connection.

use futures_util::FutureExt;
use tokio::{
    io::{self, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    task::unconstrained,
};

use super::{Running, Stream, soon};

pub(crate) struct Raw<S = Stream> {
    pub(crate) stream: S,
    read: Vec<u8>,
}

/// A valid handshake for `path`, with `extra` header lines (each ended by `\r\n`).
pub(crate) fn handshake(path: &str, extra: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extra}\r\n"
    )
}

/// A valid handshake for `/` with `from` replaced by `to`.
pub(crate) fn but(from: &str, to: &str) -> String {
    let valid = handshake("/", "");
    assert!(valid.contains(from), "{from} is no part of a handshake");
    valid.replacen(from, to, 1)
}

impl<S> From<S> for Raw<S> {
    fn from(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }
}

impl Raw {
    pub(crate) async fn connect(server: &Running) -> Self {
        soon(server.connect()).await.expect("the server listens").into()
    }

    /// A client at `/`, let in.
    pub(crate) async fn open(server: &Running) -> Self {
        Self::open_at(server, "/").await
    }

    pub(crate) async fn open_at(server: &Running, path: &str) -> Self {
        let mut raw = Self::connect(server).await;
        raw.upgrade(path).await;
        raw
    }

    /// One whose side takes little more than it reads, if that can be asked for.
    pub(crate) async fn connect_narrow(server: &Running) -> Self {
        soon(server.connect_narrow()).await.expect("the server listens").into()
    }

    /// A client at `/`, let in, whose side takes little more than it reads.
    pub(crate) async fn open_narrow(server: &Running) -> Self {
        let mut raw = Self::connect_narrow(server).await;
        raw.upgrade("/").await;
        raw
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub(crate) async fn upgrade(&mut self, path: &str) {
        self.write(handshake(path, "")).await;
        let head = self.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let written = async {
            self.stream.write_all(bytes.as_ref()).await?;
            // Within TLS some of it may wait in the client.
            self.stream.flush().await
        };
        soon(written).await.expect("the server takes it");
    }

    /// Writes nothing more.
    pub(crate) async fn end(&mut self) {
        soon(self.stream.shutdown()).await.expect("it can be half closed");
    }

    /// What reads, with what has been read, and what writes.
    pub(crate) fn split(self) -> (Raw<ReadHalf<S>>, WriteHalf<S>) {
        let (stream, writes) = io::split(self.stream);
        (Raw { stream, read: self.read }, writes)
    }
}

impl<S: AsyncRead + Unpin> Raw<S> {
    /// The head of the next response, `\r\n\r\n` included.
    pub(crate) async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.read.drain(..end + 4).collect();
                return String::from_utf8(head).expect("a head is text");
            }
            assert!(self.fill().await, "the server hung up after {} bytes", self.read.len());
        }
    }

    /// The next `count` bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert!(self.fill().await, "the server hung up after {} bytes", self.read.len());
        }
        self.read.drain(..count).collect()
    }

    /// The next frame: its first byte and its payload.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        let start = self.bytes(2).await;
        let len = match start[1] {
            127 => u64::from_be_bytes(self.bytes(8).await.try_into().unwrap()) as usize,
            126 => u16::from_be_bytes(self.bytes(2).await.try_into().unwrap()).into(),
            len => len.into(),
        };
        (start[0], self.bytes(len).await)
    }

    /// The code and reason of the CLOSE that is the next frame.
    pub(crate) async fn hear_close(&mut self) -> (u16, String) {
        let (first, payload) = self.frame().await;
        assert_eq!(first, 0x88, "not a close: {payload:?}");
        let code = u16::from_be_bytes([payload[0], payload[1]]);
        (code, String::from_utf8(payload[2..].to_vec()).expect("a reason is text"))
    }

    /// Everything until the server hangs up.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        while self.fill().await {}
        self.read
    }

    /// Whether nothing has come so far. The server must have had its chance before.
    pub(crate) fn is_silent(&mut self) -> bool {
        let mut byte = [0];
        self.read.is_empty() && unconstrained(self.stream.read(&mut byte)).now_or_never().is_none()
    }

    /// How many bytes have been read that nobody has asked for.
    pub(crate) fn buffered(&self) -> usize {
        self.read.len()
    }

    async fn fill(&mut self) -> bool {
        soon(self.stream.read_buf(&mut self.read)).await.expect("the connection is well") > 0
    }
}

/// A masked client frame with FIN.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}
