//! What a client says and hears on a stream that it has opened by an extended CONNECT, as tokio has streams.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) struct Tunnel {
    pub(crate) sending: SendStream<Bytes>,
    pub(crate) receiving: RecvStream,
    unread: Bytes,
}

impl Tunnel {
    pub(crate) fn new(sending: SendStream<Bytes>, receiving: RecvStream) -> Self {
        Self { sending, receiving, unread: Bytes::new() }
    }

    /// As TCP is reset: RFC 8441 §5.
    pub(crate) fn reset(mut self) {
        self.sending.send_reset(Reason::CANCEL);
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(self.receiving.poll_data(cx)) {
                Some(Ok(bytes)) => self.unread = bytes,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let size = self.unread.len().min(buf.remaining());
        buf.put_slice(&self.unread[..size]);
        self.unread.advance(size);
        self.receiving.flow_control().release_capacity(size).map_err(io::Error::other)?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.sending.reserve_capacity(buf.len());
        while self.sending.capacity() == 0 {
            match ready!(self.sending.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let size = self.sending.capacity().min(buf.len());
        let piece = Bytes::copy_from_slice(&buf[..size]);
        self.sending.send_data(piece, false).map_err(io::Error::other)?;
        Poll::Ready(Ok(size))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.sending.send_data(Bytes::new(), true).map_err(io::Error::other))
    }
}
