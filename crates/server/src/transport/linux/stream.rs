//! The system calls of a connection's socket, made directly.
//!
//! The runtime's own are the same, but look at its budget first, and at whom to wake next time:
//! that is only of interest when there is nothing to read or no room to write. The C library's may be
//! cancelled, which costs them another dozen instructions for each.

use std::{
    io::{self, ErrorKind::WouldBlock, IoSlice},
    task::{Context, Poll, ready},
};

use bytes::BufMut;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::SockRef;
use tokio::io::Interest;

use crate::transport::{UnsentLimit, socket::Socket};

/// How much the kernel takes ahead of the peer, in bytes.
const USUAL_UNSENT: u32 = 64 * 1024;

/// As much while a large message is written, in bytes: what one write of it has, so that no part of it
/// is fetched a second time (bench/NOTES.md#what-the-kernel-takes-ahead).
const LARGE_UNSENT: u32 = 1024 * 1024;

/// Whether a socket goes by what the one was set to that accepted it.
pub(crate) const fn inherits_options() -> bool {
    true
}

/// Whether the kernel holds back what more is said to follow.
pub(crate) const fn holds_back() -> bool {
    true
}

/// What waits, waits with us: then it is counted as queued, and can be dropped or replaced.
pub(crate) fn limit_unsent(socket: &SockRef<'_>, limit: UnsentLimit) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(match limit {
        UnsentLimit::Usual => USUAL_UNSENT,
        UnsentLimit::Large => LARGE_UNSENT,
    })
}

/// Reads once; nothing is the end. Who gets less than there is room for has emptied the socket,
/// which the runtime is told, so that nobody asks in vain.
pub(crate) fn poll_recv(
    stream: &impl Socket,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let size = buffer.len();
    poll(stream, Interest::READABLE, cx, size, || {
        Ok(recv(stream, &mut *buffer, RecvFlags::empty()).map(|(read, _)| read)?)
    })
}

/// Reads once to where there is `room`.
pub(crate) fn poll_recv_buf(
    stream: &impl Socket,
    cx: &mut Context<'_>,
    room: &mut impl BufMut,
) -> Poll<io::Result<usize>> {
    // As much as it reads at most.
    let size = room.chunk_mut().len();
    poll(stream, Interest::READABLE, cx, size, || stream.try_read_buf(room))
}

/// Writes once, if there is room. Whether there is, the kernel knows: who waits for it asks again. If
/// `more_follows`, the kernel waits for that.
pub(crate) fn try_send(
    stream: &impl Socket,
    bytes: &[u8],
    more_follows: bool,
) -> io::Result<usize> {
    Ok(send(stream, bytes, send_flags(more_follows))?)
}

/// Writes once. If `more_follows`, the kernel waits for that.
pub(crate) fn poll_send(
    stream: &impl Socket,
    cx: &mut Context<'_>,
    bytes: &[u8],
    more_follows: bool,
) -> Poll<io::Result<usize>> {
    poll(stream, Interest::WRITABLE, cx, bytes.len(), || {
        Ok(send(stream, bytes, send_flags(more_follows))?)
    })
}

fn send_flags(more_follows: bool) -> SendFlags {
    let more = if more_follows { SendFlags::MORE } else { SendFlags::empty() };
    SendFlags::NOSIGNAL | more
}

/// Writes once, from several places.
pub(crate) fn poll_send_vectored(
    stream: &impl Socket,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let size = slices.iter().map(|slice| slice.len()).sum();
    poll(stream, Interest::WRITABLE, cx, size, || stream.try_write_vectored(slices))
}

/// Has `pass` pass up to `size` bytes, or has this task woken when it can.
fn poll(
    stream: &impl Socket,
    interest: Interest,
    cx: &mut Context<'_>,
    size: usize,
    mut pass: impl FnMut() -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        match attempt(stream, interest, size, &mut pass) {
            Err(error) if error.kind() != WouldBlock => return Poll::Ready(Err(error)),
            Ok(count) => return Poll::Ready(Ok(count)),
            Err(_) if interest.is_readable() => ready!(stream.poll_read_ready(cx))?,
            Err(_) => ready!(stream.poll_write_ready(cx))?,
        }
    }
}

/// Has `pass` pass up to `size` bytes, unless the runtime knows that it cannot. Of what it passes less than
/// that, the runtime learns that nothing more will pass now.
#[inline]
fn attempt(
    stream: &impl Socket,
    interest: Interest,
    size: usize,
    mut pass: impl FnMut() -> io::Result<usize>,
) -> io::Result<usize> {
    let mut passed = None;
    let outcome = stream.try_io(interest, || {
        let count = *passed.insert(pass()?);
        if (1..size).contains(&count) { Err(WouldBlock.into()) } else { Ok(count) }
    });
    passed.map_or(outcome, Ok)
}

/// Resolves when the peer sends nothing any more, whatever of it waits to be read.
pub(crate) async fn read_closed(stream: &impl Socket) {
    // The runtime does not ask for urgent data, so that what is left of this interest is that the
    // peer's side was closed. One in reading would also be met by what waits to be read.
    let _ = stream.ready(Interest::PRIORITY).await;
}

#[cfg(test)]
mod tests {
    use std::net::{self, Ipv4Addr};

    use super::*;
    use crate::transport::tcp;

    #[test]
    fn what_is_accepted_inherits_how_the_listener_is_tuned() -> io::Result<()> {
        let listener = tcp::bind((Ipv4Addr::LOCALHOST, 0).into(), false)?;
        listener.set_nonblocking(false)?;
        let _peer = net::TcpStream::connect(listener.local_addr()?)?;
        let (accepted, _) = listener.accept()?;
        let accepted = SockRef::from(&accepted);
        assert!(accepted.tcp_nodelay()?);
        assert_eq!(accepted.tcp_notsent_lowat()?, USUAL_UNSENT);
        Ok(())
    }
}
