//! The two system calls of a message, made directly.
//!
//! The runtime's own are the same, but look at its budget first, and at whom to wake next time:
//! that is only of interest when there is nothing to read or no room to write. The C library's may be
//! cancelled, which costs them another dozen instructions for each.

use std::{
    io::{self, ErrorKind::WouldBlock},
    task::{Context, Poll, ready},
};

use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::{io::Interest, net::TcpStream};

/// Reads once. Who gets less than there is room for has emptied the socket, which the runtime is
/// told, so that nobody asks in vain.
pub(super) fn poll_recv(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let size = buffer.len();
    poll(stream, Interest::READABLE, cx, size, || {
        recv(&*stream, &mut *buffer, RecvFlags::empty()).map(|(read, _)| read)
    })
}

/// Writes once. If `more_follows`, the kernel waits for that.
pub(super) fn poll_send(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    bytes: &[u8],
    more_follows: bool,
) -> Poll<io::Result<usize>> {
    let more = if more_follows { SendFlags::MORE } else { SendFlags::empty() };
    poll(stream, Interest::WRITABLE, cx, bytes.len(), || {
        send(&*stream, bytes, SendFlags::NOSIGNAL | more)
    })
}

/// Has `pass` pass up to `size` bytes, or has this task woken when it can.
fn poll(
    stream: &TcpStream,
    interest: Interest,
    cx: &mut Context<'_>,
    size: usize,
    mut pass: impl FnMut() -> rustix::io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        let mut passed = None;
        let outcome = stream.try_io(interest, || {
            let count = *passed.insert(pass()?);
            if (1..size).contains(&count) { Err(WouldBlock.into()) } else { Ok(()) }
        });
        match (passed, outcome) {
            (Some(count), _) => return Poll::Ready(Ok(count)),
            (None, Err(error)) if error.kind() != WouldBlock => return Poll::Ready(Err(error)),
            (None, _) if interest.is_readable() => ready!(stream.poll_read_ready(cx))?,
            (None, _) => ready!(stream.poll_write_ready(cx))?,
        }
    }
}
