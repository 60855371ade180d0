//! Frames byte by byte, as no well-behaved client sends them: RFC 9113 §4.1.

use bytes::{BufMut, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::soon;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const COMPRESSION_ERROR: u32 = 9;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    bytes.put_uint(payload.len() as u64, 3);
    bytes.put_u8(kind);
    bytes.put_u8(flags);
    bytes.put_u32(stream);
    bytes.put_slice(payload);
    bytes.to_vec()
}

/// A header block of literals that are not indexed (RFC 7541 §6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            integer(&mut block, 7, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// RFC 7541 §5.1, behind no bits of the first byte.
pub(crate) fn integer(block: &mut Vec<u8>, bits: u8, value: usize) {
    let most = (1 << bits) - 1;
    if value < most {
        block.push(value as u8);
        return;
    }
    block.push(most as u8);
    let mut left = value - most;
    while left >= 128 {
        block.push((left % 128 + 128) as u8);
        left /= 128;
    }
    block.push(left as u8);
}

pub(crate) fn request(method: &str, path: &str) -> Vec<u8> {
    block(&[(":method", method), (":scheme", "http"), (":path", path), (":authority", "localhost")])
}

/// A handshake by extended CONNECT.
pub(crate) fn handshake(path: &str) -> Vec<u8> {
    block(&[
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("sec-websocket-version", "13"),
    ])
}

/// A connection that speaks frames.
pub(crate) struct Raw(TcpStream);

impl Raw {
    /// One that has said what it has to at the beginning, and nothing else.
    pub(crate) async fn open(address: std::net::SocketAddr) -> Self {
        let mut raw = Self(soon(TcpStream::connect(address)).await.unwrap());
        raw.write(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
        raw
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        soon(self.0.write_all(bytes)).await
    }

    /// Writes, for as long as that takes.
    pub(crate) async fn write_all_of(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// The next frame; `None` at the end, whatever end that is.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        soon(self.0.read_exact(&mut head)).await.ok()?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all << 8 | u32::from(*byte));
        let mut payload = vec![0; number(&head[..3]) as usize];
        soon(self.0.read_exact(&mut payload)).await.ok()?;
        Some(Frame { kind: head[3], flags: head[4], stream: number(&head[5..]), payload })
    }

    /// The next frame of a kind, past others.
    pub(crate) async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// The code of the GOAWAY that comes, behind which the connection ends.
    pub(crate) async fn goes_away(&mut self) -> Option<u32> {
        let goaway = self.next_of(GOAWAY).await?;
        let code = u32::from_be_bytes(goaway.payload[4..8].try_into().unwrap());
        while self.next().await.is_some() {}
        Some(code)
    }
}

/// A masked frame of a websocket with less than 126 bytes; `first` is FIN, RSV and opcode.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).unwrap()];
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// As a message is compressed: RFC 7692 §7.2.1.
pub(crate) fn deflated(message: &[u8]) -> Vec<u8> {
    let mut compress = flate2::Compress::new(flate2::Compression::default(), false);
    let mut deflated = Vec::with_capacity(message.len() + 64);
    compress.compress_vec(message, &mut deflated, flate2::FlushCompress::Sync).unwrap();
    deflated.truncate(deflated.len() - 4);
    deflated
}
