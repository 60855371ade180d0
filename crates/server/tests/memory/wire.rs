//! The client's side, by hand: cheap enough for ten thousand of them.

#[path = "../wire/mod.rs"]
mod bytes;

use std::net::SocketAddr;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) use self::bytes::frame;
use self::bytes::handshake;

/// A client that was let in; `extra` header lines (each ended by `\r\n`) go with its request. Also
/// the head of the answer.
pub(crate) async fn open(address: SocketAddr, extra: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = handshake("/", extra);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("an answer"));
    }
    let head = String::from_utf8(head).expect("a head is text");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    (stream, head)
}

/// The next frame of the server: its first byte and its payload.
pub(crate) async fn hear(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut start = [0; 2];
    stream.read_exact(&mut start).await.expect("the server is there");
    let len = match start[1] {
        127 => stream.read_u64().await.unwrap() as usize,
        126 => stream.read_u16().await.unwrap().into(),
        len => len.into(),
    };
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).await.unwrap();
    (start[0], payload)
}

/// The next frame that is no ping, which is answered, as RFC 6455 §5.5.3 asks.
pub(crate) async fn hear_data(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    loop {
        let (first, payload) = hear(stream).await;
        if first != PING {
            return (first, payload);
        }
        stream.write_all(&frame(PONG, &payload)).await.unwrap();
    }
}

/// The payload of a compressed message that stands by itself: RFC 7692 §7.2.1.
pub(crate) fn deflate(payload: &[u8]) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(2 * payload.len() + 64);
    let mut compress = Compress::new(Compression::default(), false);
    compress.compress_vec(payload, &mut deflated, FlushCompress::Sync).unwrap();
    assert_eq!(deflated.split_off(deflated.len() - TAIL.len()), TAIL);
    deflated
}

/// What a compressed message that stands by itself says: RFC 7692 §7.2.2.
pub(crate) fn inflate(payload: &[u8]) -> Vec<u8> {
    let mut inflated = Vec::with_capacity(1 << 20);
    let mut decompress = Decompress::new(false);
    let input = [payload, &TAIL].concat();
    decompress.decompress_vec(&input, &mut inflated, FlushDecompress::Sync).unwrap();
    inflated
}

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;
pub(crate) const CLOSE: u8 = 0x88;

/// RFC 7692 §6: this message is compressed.
pub(crate) const RSV1: u8 = 0x40;

/// What RFC 7692 §7.2.1 takes off the end of a flush.
pub(crate) const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

pub(crate) const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
