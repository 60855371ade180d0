//! Any stream of tokio's traits as a transport: what somebody else has made, such as a TLS session of
//! another server's.

use std::{
    future::pending,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use super::{Transport, TryWrite};
use crate::sync::{Mutex, Rank};

/// How much is read to know whether there is anything to read, in bytes.
const LOOK: usize = 1024;

/// A stream is borrowed for each call, and not locked while its own code runs. One task has it, so that it
/// is always there.
pub(crate) struct AsyncIo<S>(Mutex<Option<Box<State<S>>>>);

struct State<S> {
    stream: S,
    /// What came when it was looked whether anything had.
    seen: Vec<u8>,
    /// What came behind that, if it was the end.
    end: Option<io::Result<()>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncIo<S> {
    pub(crate) fn new(stream: S) -> Self {
        let state = State { stream, seen: Vec::new(), end: None };
        Self(Mutex::new(Rank::Leaf, Some(Box::new(state))))
    }

    fn with<T>(
        &self,
        call: impl FnOnce(&mut State<S>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let state = self.0.lock().take();
        // Gone for good if its own code has panicked.
        let Some(mut state) = state else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let outcome = call(&mut state);
        *self.0.lock() = Some(state);
        outcome
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> State<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.seen.is_empty() {
            let size = self.seen.len().min(room.len());
            room[..size].copy_from_slice(&self.seen[..size]);
            self.seen.drain(..size);
            return Poll::Ready(Ok(size));
        }
        if let Some(end) = self.end.take() {
            return Poll::Ready(end.map(|()| 0));
        }
        let mut room = ReadBuf::new(room);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
        Poll::Ready(Ok(room.filled().len()))
    }

    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.seen.is_empty() && self.end.is_none() {
            let mut room = [0; LOOK];
            match ready!(self.poll_read(cx, &mut room)) {
                Ok(0) => self.end = Some(Ok(())),
                Ok(size) => self.seen.extend_from_slice(&room[..size]),
                Err(error) => self.end = Some(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Its driver alone writes to it, as it has to be polled until it is flushed.
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> TryWrite for AsyncIo<S> {
    fn try_write(&self, _: &[u8], _: bool) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for AsyncIo<S> {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.with(|state| state.poll_read(cx, buffer))
    }

    fn poll_read_buf(
        &self,
        cx: &mut Context<'_>,
        room: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        self.with(|state| {
            if state.seen.is_empty() && state.end.is_none() {
                return poll_read_buf(Pin::new(&mut state.stream), cx, room);
            }
            let size = state.seen.len().min(room.remaining_mut());
            room.put_slice(&state.seen[..size]);
            state.seen.drain(..size);
            match state.end.take_if(|_| size == 0) {
                Some(end) => Poll::Ready(end.map(|()| 0)),
                None => Poll::Ready(Ok(size)),
            }
        })
    }
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.with(|state| state.poll_read_ready(cx)).map(drop)
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8], _: bool) -> Poll<io::Result<usize>> {
        self.with(|state| Pin::new(&mut state.stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|state| Pin::new(&mut state.stream).poll_write_vectored(cx, slices))
    }

    fn waits_for_flush(_: bool) -> bool {
        true
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|state| Pin::new(&mut state.stream).poll_flush(cx))
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|state| Pin::new(&mut state.stream).poll_shutdown(cx))
    }

    fn unacknowledged(&self) -> Option<usize> {
        None
    }

    /// Whoever serves HTTP on it looks by itself.
    async fn read_closed(&self) {
        pending::<()>().await;
    }

    async fn broken(&self) {
        pending::<()>().await;
    }

    fn keep_alive(&self) {}

    fn reset_on_close(&self) {}
}
