//! A connection's socket as hyper reads and writes it, and then a service that has switched protocols.
//!
//! Hyper gives an upgraded connection away as soon as it has written the 101, whether the socket has
//! taken that or not. So what a socket without room is given then is kept here, and leaves first.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::socket::{Socket, Spoken};
use crate::transport::Transport;

/// Its end is not hyper's to make: dropped, it leaves the socket open as long as others have it.
pub(super) struct HyperSocket<T> {
    socket: Arc<Socket<T>>,
    /// What was read before, to be read once more.
    read: Bytes,
    /// The end of what hyper has written, if the socket has not taken it.
    unsent: Bytes,
}

impl<T: Transport> HyperSocket<T> {
    pub(super) fn new(socket: Arc<Socket<T>>, read: Bytes) -> Self {
        Self { socket, read, unsent: Bytes::new() }
    }

    /// What hyper has not read once more.
    pub(super) fn into_unread(self) -> Bytes {
        self.read
    }

    fn poll_send_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let written = self.socket.transport.poll_write(cx, &self.unsent, false);
            let count = ready!(self.socket.written_once(written))?;
            self.unsent.advance(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes behind what is kept; what there is no room for is kept too, if it would be lost otherwise.
    fn poll_write_or_keep(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        write: impl FnOnce(&T, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = match self.poll_send_unsent(cx)? {
            Poll::Ready(()) => self.socket.written_once(write(&self.socket.transport, cx)),
            Poll::Pending => Poll::Pending,
        };
        if written.is_ready() || !self.socket.speaks(Spoken::Switching) {
            return written;
        }
        let kept: Vec<&[u8]> =
            [&*self.unsent].into_iter().chain(slices.iter().map(|it| &**it)).collect();
        self.unsent = kept.concat().into();
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }
}

impl<T: Transport> AsyncRead for HyperSocket<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Who only reads waits for what comes after the 101.
        if let Poll::Ready(Err(error)) = self.poll_send_unsent(cx) {
            return Poll::Ready(Err(error));
        }
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
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_or_keep(cx, &[IoSlice::new(buf)], |transport, cx| {
            transport.poll_write(cx, buf, false)
        })
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_or_keep(cx, bufs, |transport, cx| transport.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.socket.speaks(Spoken::Switching) {
            ready!(self.poll_send_unsent(cx))?;
        }
        if T::waits_for_flush(false) {
            self.socket.transport.poll_flush(cx)
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.socket.speaks(Spoken::Other) {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send_unsent(cx))?;
        self.socket.transport.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{self, TcpListener},
    };

    use super::*;
    use crate::transport::{Reactor, TcpStream};

    async fn connected(read: Bytes) -> (HyperSocket<TcpStream>, net::TcpStream) {
        Reactor::run_here();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let stream = net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let stream = TcpStream::from_std(stream.into_std().unwrap()).unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        (HyperSocket::new(Arc::new(Socket::new(stream)), read), peer)
    }

    #[tokio::test]
    async fn what_was_read_before_and_is_not_read_once_more_is_given_back() {
        let (mut socket, _peer) = connected(Bytes::from_static(b"abcdef")).await;
        let mut buffer = [0; 4];
        assert_eq!(socket.read(&mut buffer).await.unwrap(), buffer.len());
        assert_eq!((&buffer, &*socket.into_unread()), (b"abcd", &b"ef"[..]));
    }

    #[tokio::test]
    async fn the_last_that_hyper_writes_leaves_before_what_a_service_does() {
        let (mut socket, mut peer) = connected(Bytes::new()).await;
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut taken = 0;
        while let Poll::Ready(count) = Pin::new(&mut socket).poll_write(&mut cx, &[0; 100_000]) {
            taken += count.unwrap();
        }
        socket.socket.speak(Spoken::Switching);
        assert!(matches!(Pin::new(&mut socket).poll_write(&mut cx, b"the "), Poll::Ready(Ok(4))));
        let slices = [IoSlice::new(b"la"), IoSlice::new(b"st ")];
        let kept = Pin::new(&mut socket).poll_write_vectored(&mut cx, &slices);
        assert!(matches!(kept, Poll::Ready(Ok(5))));
        // Hyper is not held up by what is kept.
        assert!(Pin::new(&mut socket).poll_flush(&mut cx).is_ready());
        socket.socket.speak(Spoken::Other);
        assert!(Pin::new(&mut socket).poll_write(&mut cx, b"first").is_pending());
        assert!(Pin::new(&mut socket).poll_flush(&mut cx).is_pending());
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            peer.read_to_end(&mut read).await.unwrap();
            read
        });
        socket.write_all(b"first").await.unwrap();
        socket.shutdown().await.unwrap();
        let read = reading.await.unwrap();
        assert_eq!((read.len() - taken, &read[taken..]), (14, &b"the last first"[..]));
    }
}
