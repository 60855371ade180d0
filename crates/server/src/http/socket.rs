//! A connection's socket while it speaks HTTP: as hyper reads and writes it, and as the connection's
//! task looks at it meanwhile. When a peer has stalled is [`stall`](super::stall)'s to say.

use std::{
    io::{self, ErrorKind::WouldBlock, IoSlice},
    net::Shutdown,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

use crate::transport::stream;

/// After how long a silence it is asked whether a half-closed peer is there at all.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Only the connection's own task uses it; it is atomic so that the task may move.
pub(super) struct Socket {
    stream: TcpStream,
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

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            received: AtomicU64::new(0),
            written: AtomicU64::new(0),
            is_full: AtomicBool::new(false),
        }
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
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
        self.written() > 0 && aerys_sys::unacknowledged(&self.stream).is_none()
    }

    /// Costs a system call.
    pub(super) fn progress(&self) -> Progress {
        let (written, is_full) = (self.written(), self.is_full());
        match aerys_sys::unacknowledged(&self.stream) {
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
        let read = ready!(stream::poll_recv(&self.stream, cx, buffer))?;
        self.received.fetch_add(read as u64, Relaxed);
        Poll::Ready(Ok(read))
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match write(&self.stream) {
                Err(error) if error.kind() == WouldBlock => {}
                outcome => {
                    self.is_full.store(false, Relaxed);
                    self.written.fetch_add(*outcome.as_ref().unwrap_or(&0) as u64, Relaxed);
                    return Poll::Ready(outcome);
                }
            }
            self.is_full.store(true, Relaxed);
            ready!(self.stream.poll_write_ready(cx))?;
        }
    }

    /// Resolves when the peer sends nothing any more, whatever of it waits to be read.
    pub(super) async fn read_closed(&self) {
        stream::read_closed(&self.stream).await;
    }

    /// Resolves when the connection is broken: not that the peer is silent, but that it is not
    /// there.
    pub(super) async fn broken(&self) {
        let _ = self.stream.ready(Interest::ERROR).await;
    }

    /// Has the kernel ask now and then whether a peer that is silent is there at all. A half-closed
    /// one looks like one that has gone, until something is sent to it.
    pub(super) fn keep_alive(&self) {
        let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
        // A socket that refuses is one that has gone.
        let _ = SockRef::from(&self.stream).set_tcp_keepalive(&keepalive);
    }

    /// Nothing is written any more: the peer gets a FIN behind what was.
    pub(super) fn shut_down(&self) -> io::Result<()> {
        SockRef::from(&self.stream).shutdown(Shutdown::Write)
    }

    /// Has the socket be reset when it is closed: what the peer did not take is given up.
    pub(super) fn give_up(&self) {
        // A socket that refuses is one that has gone.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

/// The socket as hyper has it. Closing it is not hyper's.
pub(super) struct HyperSocket {
    socket: Arc<Socket>,
    /// What was read before, to be read once more.
    read: Bytes,
}

impl HyperSocket {
    pub(super) fn new(socket: Arc<Socket>, read: Bytes) -> Self {
        Self { socket, read }
    }
}

impl AsyncRead for HyperSocket {
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

impl AsyncWrite for HyperSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_write(cx, |stream| stream.try_write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_write(cx, |stream| stream.try_write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
