//! The system calls of a connection's socket, as the runtime makes them.

use std::{
    io::{self, ErrorKind::WouldBlock},
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{io::Interest, net::TcpStream, time::sleep};

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
pub(crate) fn limit_unsent(_: &SockRef<'_>) -> io::Result<()> {
    Ok(())
}

/// Reads once; nothing is the end.
pub(crate) fn poll_recv(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    loop {
        match stream.try_read(buffer) {
            Err(error) if error.kind() == WouldBlock => ready!(stream.poll_read_ready(cx))?,
            outcome => return Poll::Ready(outcome),
        }
    }
}

/// Writes once. Whether more follows is of no interest here.
pub(crate) fn poll_send(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    bytes: &[u8],
    _: bool,
) -> Poll<io::Result<usize>> {
    loop {
        match stream.try_write(bytes) {
            Err(error) if error.kind() == WouldBlock => ready!(stream.poll_write_ready(cx))?,
            outcome => return Poll::Ready(outcome),
        }
    }
}

/// Resolves when the peer sends nothing any more, whatever of it waits to be read.
pub(crate) async fn read_closed(stream: &TcpStream) {
    while stream.ready(Interest::READABLE).await.is_ok_and(|it| !it.is_read_closed()) {
        sleep(CLOSED_LOOK_PERIOD).await;
    }
}
