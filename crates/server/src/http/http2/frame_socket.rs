//! The socket of a connection as h2 has it, which reads for as long as there is something to read: so its
//! reading is divided into turns.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{http_server::socket::Socket, transport::Transport};

/// How many bytes are read in one turn: a thousand resets of streams are 13 KB.
const READ_A_TURN: usize = 32 * 1024;

/// Its end is not h2's to make: dropped, it leaves the socket open as long as others have it.
pub(super) struct FrameSocket<T> {
    socket: Arc<Socket<T>>,
    /// What was read before, to be read once more.
    read: Bytes,
    /// How many bytes have been read in this turn.
    turn: usize,
}

impl<T: Transport> FrameSocket<T> {
    pub(super) fn new(socket: Arc<Socket<T>>, read: Bytes) -> Self {
        Self { socket, read, turn: 0 }
    }
}

impl<T: Transport> AsyncRead for FrameSocket<T> {
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
        if self.turn >= READ_A_TURN {
            self.turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Poll::Ready(read) = self.socket.poll_read(cx, buf.initialize_unfilled()) else {
            self.turn = 0;
            return Poll::Pending;
        };
        let size = read?;
        self.turn += size;
        buf.advance(size);
        Poll::Ready(Ok(()))
    }
}

impl<T: Transport> AsyncWrite for FrameSocket<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket.written_once(self.socket.transport.poll_write(cx, buf, false))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket.written_once(self.socket.transport.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if T::waits_for_flush(false) {
            ready!(self.socket.transport.poll_flush(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
