//! A connection's socket while it speaks HTTP: as hyper reads and writes it, and as the connection's
//! task looks at it meanwhile. When a peer has stalled is [`stall`](super::stall)'s to say.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Transport;

/// Only the connection's own task uses it; it is atomic so that the task may move.
pub(super) struct Socket<T> {
    pub(super) transport: T,
    /// How many bytes hyper has been given.
    received: AtomicU64,
    /// How many bytes the kernel has taken.
    written: AtomicU64,
    /// Whether the last write found no room.
    is_full: AtomicBool,
}

/// How far a peer is with what it is sent, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// What the peer's kernel has acknowledged. Where the system does not tell, what our own has
    /// taken.
    pub(super) acknowledged: u64,
    /// What was written and is not acknowledged; as good as endless if the system does not tell, and
    /// there is no room.
    pub(super) owed: u64,
    /// Whether there is more, which waits for room.
    pub(super) is_full: bool,
}

impl<T: Transport> Socket<T> {
    pub(super) fn new(transport: T) -> Self {
        Self {
            transport,
            received: AtomicU64::new(0),
            written: AtomicU64::new(0),
            is_full: AtomicBool::new(false),
        }
    }

    pub(super) fn into_transport(self) -> T {
        self.transport
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// Whether something waits to be written until there is room.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Relaxed)
    }

    /// Whether something was written of which the system does not tell how far it is. Costs a system
    /// call.
    pub(super) fn is_arrival_unknown(&self) -> bool {
        self.written() > 0 && self.transport.unacknowledged().is_none()
    }

    /// Costs a system call.
    pub(super) fn progress(&self) -> Progress {
        let (written, is_full) = (self.written(), self.is_full());
        match self.transport.unacknowledged() {
            Some(owed) => {
                let owed = owed as u64;
                Progress { acknowledged: written.saturating_sub(owed), owed, is_full }
            }
            None => {
                let owed = if is_full { u64::MAX } else { 0 };
                Progress { acknowledged: written, owed, is_full }
            }
        }
    }

    /// Reads once; answers how much. Nothing is the end.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = ready!(self.transport.poll_read(cx, buffer))?;
        self.received.fetch_add(read as u64, Relaxed);
        Poll::Ready(Ok(read))
    }

    /// Notes what came of a write.
    fn written_once(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.is_full.store(written.is_pending(), Relaxed);
        if let Poll::Ready(Ok(count)) = &written {
            self.written.fetch_add(*count as u64, Relaxed);
        }
        written
    }

    /// Nothing is written any more: the peer gets a FIN behind what was.
    pub(super) async fn shut_down(&self) -> io::Result<()> {
        poll_fn(|cx| self.transport.poll_shutdown(cx)).await
    }
}

/// The socket as hyper has it. Closing it is not hyper's.
pub(super) struct HyperSocket<T> {
    socket: Arc<Socket<T>>,
    /// What was read before, to be read once more.
    read: Bytes,
}

impl<T: Transport> HyperSocket<T> {
    pub(super) fn new(socket: Arc<Socket<T>>, read: Bytes) -> Self {
        Self { socket, read }
    }

    /// What hyper has not read once more.
    pub(super) fn into_unread(self) -> Bytes {
        self.read
    }
}

impl<T: Transport> AsyncRead for HyperSocket<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.read.is_empty() {
            let size = self.read.len().min(buf.remaining());
            buf.put_slice(&self.read.split_to(size));
            return Poll::Ready(Ok(()));
        }
        let count = ready!(self.socket.poll_read(cx, buf.initialize_unfilled()))?;
        buf.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<T: Transport> AsyncWrite for HyperSocket<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.socket.transport.poll_write(cx, buf, false);
        self.socket.written_once(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.socket.transport.poll_write_vectored(cx, bufs);
        self.socket.written_once(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if T::waits_for_flush(false) {
            self.socket.transport.poll_flush(cx)
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{
        io::AsyncReadExt,
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[tokio::test]
    async fn what_was_read_before_and_is_not_read_once_more_is_given_back() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let read = Bytes::from_static(b"abcdef");
        let mut socket = HyperSocket::new(Arc::new(Socket::new(stream)), read);
        let mut buffer = [0; 4];
        assert_eq!(socket.read(&mut buffer).await.unwrap(), buffer.len());
        assert_eq!((&buffer, &*socket.into_unread()), (b"abcd", &b"ef"[..]));
    }
}
