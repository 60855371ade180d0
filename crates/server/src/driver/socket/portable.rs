//! The two system calls of a message, as the runtime makes them.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Reads once.
pub(super) fn poll_recv(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(buffer);
    let read = Pin::new(stream).poll_read(cx, &mut buffer);
    read.map_ok(|()| buffer.filled().len())
}

/// Writes once. Whether more follows is of no interest here.
pub(super) fn poll_send(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    bytes: &[u8],
    _: bool,
) -> Poll<io::Result<usize>> {
    Pin::new(stream).poll_write(cx, bytes)
}
