//! One client's socket, with what was read of it too early and what it has not taken yet.
//!
//! What is small goes to the kernel and comes from it in system calls of our own; what is large by
//! the runtime's.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, BufMut, Bytes};
use tokio::{io::AsyncWrite, net::TcpStream};
use tokio_util::io::poll_read_buf;

use super::{batch::Unsent, cork::Cork};
use crate::transport::stream;

pub(super) struct Socket {
    stream: TcpStream,
    /// What a write left behind.
    pub(super) unsent: Option<Box<Unsent>>,
    /// What was read and not taken in yet: before the driver took over, or behind a message that
    /// was to be answered first.
    early: Option<Box<Bytes>>,
    /// Whether a write has failed: nothing can be written any more.
    pub(super) is_cut: bool,
    /// Whether the peer has ended its side, which is looked at when ours has ended.
    pub(super) has_ended: bool,
    is_shut: bool,
    cork: Cork,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, early: Bytes) -> Self {
        let early = Some(early).filter(|early| !early.is_empty()).map(Box::new);
        Self {
            stream,
            unsent: None,
            early,
            is_cut: false,
            has_ended: false,
            is_shut: false,
            cork: Cork::default(),
        }
    }

    /// Keeps what was read and not taken in for the next read.
    pub(super) fn put_back(&mut self, input: &[u8]) {
        let early = self.early.take().unwrap_or_default();
        self.early = Some(Box::new([input, &early].concat().into()));
    }

    pub(super) fn has_early(&self) -> bool {
        self.early.is_some()
    }

    /// Whether there is nothing to read; then this task is woken when there is.
    pub(super) fn is_silent(&self, cx: &mut Context<'_>) -> bool {
        self.early.is_none() && self.stream.poll_read_ready(cx).is_pending()
    }

    /// Reads once; answers how much. Nothing is the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Some(early) = &mut self.early else {
            return stream::poll_recv(&self.stream, cx, buffer);
        };
        let size = early.len().min(buffer.len());
        early.copy_to_slice(&mut buffer[..size]);
        if early.is_empty() {
            self.early = None;
        }
        Poll::Ready(Ok(size))
    }

    /// Reads once to where there is `room`, nothing having been read early.
    pub(super) fn poll_read_in_place(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        debug_assert!(self.early.is_none());
        poll_read_buf(Pin::new(&mut self.stream), cx, room)
    }

    /// Writes once; answers how much has gone. If `more_follows` at once, the kernel may wait for
    /// that.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        more_follows: bool,
    ) -> Poll<io::Result<usize>> {
        let written = stream::poll_send(&self.stream, cx, bytes, more_follows);
        if written.is_ready() {
            self.cork.holds(more_follows);
        }
        written
    }

    /// Writes once, from several places.
    pub(super) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.cork.holds(false);
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    /// Writes once what an earlier write has left behind, if anything; answers how much has gone.
    pub(super) fn poll_write_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match &mut self.unsent {
            Some(unsent) => unsent.poll_write(&mut self.stream, cx),
            None => Poll::Ready(Ok(0)),
        }
    }

    /// How many of the bytes written to it the peer's kernel has not acknowledged, if this system
    /// tells.
    pub(super) fn unacknowledged(&self) -> Option<usize> {
        aerys_sys::unacknowledged(&self.stream)
    }

    /// Whether everything was written, and our side has ended.
    pub(super) fn is_shut(&self) -> bool {
        self.is_shut
    }

    /// Nothing is written any more.
    pub(super) fn shut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if !self.is_shut {
            self.cork.holds(false);
            self.is_shut = Pin::new(&mut self.stream).poll_shutdown(cx)?.is_ready();
        }
        Ok(())
    }

    /// Nothing follows for now: what the kernel holds back leaves.
    pub(super) fn pull_cork(&mut self) {
        self.cork.pull(&self.stream);
    }
}
