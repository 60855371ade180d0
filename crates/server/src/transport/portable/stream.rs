//! The system calls of a connection's socket, as the runtime makes them.

use std::{
    io::{self, ErrorKind::WouldBlock, IoSlice},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BufMut;
use socket2::SockRef;
use tokio::{io::Interest, time::sleep};

use crate::transport::{UnsentLimit, socket::Socket};

/// How often it is looked whether the peer's side was closed while something waits to be read.
const CLOSED_LOOK_PERIOD: Duration = Duration::from_millis(250);

/// Whether a socket goes by what the one was set to that accepted it.
pub(crate) const fn inherits_options() -> bool {
    false
}

/// Whether the kernel holds back what more is said to follow.
pub(crate) const fn holds_back() -> bool {
    false
}

/// The kernel takes as much ahead of the peer as it will.
pub(crate) fn limit_unsent(_: &SockRef<'_>, _: UnsentLimit) -> io::Result<()> {
    Ok(())
}

/// Reads once; nothing is the end.
pub(crate) fn poll_recv(
    stream: &impl Socket,
    cx: &mut Context<'_>,
    mut buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    poll_recv_buf(stream, cx, &mut buffer)
}

/// Reads once to where there is `room`.
pub(crate) fn poll_recv_buf(
    stream: &impl Socket,
    cx: &mut Context<'_>,
    room: &mut impl BufMut,
) -> Poll<io::Result<usize>> {
    loop {
        match stream.try_read_buf(room) {
            Err(error) if error.kind() == WouldBlock => ready!(stream.poll_read_ready(cx))?,
            outcome => return Poll::Ready(outcome),
        }
    }
}

/// Writes once, if there is room. Whether more follows is of no interest here.
pub(crate) fn try_send(stream: &impl Socket, bytes: &[u8], _: bool) -> io::Result<usize> {
    stream.try_write_vectored(&[IoSlice::new(bytes)])
}

/// Writes once. Whether more follows is of no interest here.
pub(crate) fn poll_send(
    stream: &impl Socket,
    cx: &mut Context<'_>,
    bytes: &[u8],
    _: bool,
) -> Poll<io::Result<usize>> {
    poll_send_vectored(stream, cx, &[IoSlice::new(bytes)])
}

/// Writes once, from several places.
pub(crate) fn poll_send_vectored(
    stream: &impl Socket,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    loop {
        match stream.try_write_vectored(slices) {
            Err(error) if error.kind() == WouldBlock => ready!(stream.poll_write_ready(cx))?,
            outcome => return Poll::Ready(outcome),
        }
    }
}

/// Resolves when the peer sends nothing any more, whatever of it waits to be read.
pub(crate) async fn read_closed(stream: &impl Socket) {
    while stream.ready(Interest::READABLE).await.is_ok_and(|is_closed| !is_closed) {
        sleep(CLOSED_LOOK_PERIOD).await;
    }
}
