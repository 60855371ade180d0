//! One client's transport, with what was read of it too early and what it has not taken yet.
//!
//! A handler that awaits each send has each message handed over by itself. While others of the same
//! read wait for their turn, their answers are on their way too, and all leave together: of what more
//! will follow the kernel waits with sending, until the end of the turn (bench/NOTES.md#msg_more). A
//! handler that blocks its thread holds back what it has said before, as it does everything else on that
//! thread.

use std::{
    io,
    sync::{Arc, Weak},
    task::{Context, Poll},
};

use bytes::{Buf, BufMut, Bytes};

use super::batch::Unsent;
use crate::transport::{Transport, UnsentLimit};

pub(super) struct Socket<T> {
    /// What the connection shares has it too, but does not keep it open.
    transport: Arc<T>,
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
    /// Whether something that was written is held back.
    waits_for_flush: bool,
    unsent_limit: UnsentLimit,
}

impl<T: Transport> Socket<T> {
    pub(super) fn new(transport: T, early: Bytes) -> Self {
        let early = Some(early).filter(|early| !early.is_empty()).map(Box::new);
        Self {
            transport: Arc::new(transport),
            unsent: None,
            early,
            is_cut: false,
            has_ended: false,
            is_shut: false,
            waits_for_flush: false,
            unsent_limit: UnsentLimit::default(),
        }
    }

    /// For who writes to it while the driver rests.
    pub(super) fn writer(&self) -> Weak<T> {
        Arc::downgrade(&self.transport)
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
        self.early.is_none() && self.transport.poll_read_ready(cx).is_pending()
    }

    /// Reads once; answers how much. Nothing is the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Some(early) = &mut self.early else {
            return self.transport.poll_read(cx, buffer);
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
        self.transport.poll_read_buf(cx, room)
    }

    /// Writes once; answers how much has gone. If `more_follows` at once, the kernel may wait for
    /// that.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        more_follows: bool,
    ) -> Poll<io::Result<usize>> {
        let written = self.transport.poll_write(cx, bytes, more_follows);
        if written.is_ready() {
            self.waits_for_flush = T::waits_for_flush(more_follows);
        }
        written
    }

    /// Something was written past this, which is held back or not.
    pub(super) fn note_held_back(&mut self, is_held_back: bool) {
        self.waits_for_flush = T::waits_for_flush(is_held_back);
    }

    /// Writes once, from several places.
    pub(super) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.waits_for_flush = T::waits_for_flush(false);
        self.transport.poll_write_vectored(cx, slices)
    }

    /// A large message is about to be written. It cannot be dropped any more, and is counted as queued
    /// until its last byte is taken: so the kernel may take it in one go.
    pub(super) fn raise_unsent_limit(&mut self) {
        if self.unsent_limit == UnsentLimit::Usual {
            self.unsent_limit = UnsentLimit::Large;
            self.transport.limit_unsent(UnsentLimit::Large);
        }
    }

    /// The kernel has all of it: of what follows it takes no more than usual.
    pub(super) fn restore_unsent_limit(&mut self) {
        if self.unsent_limit == UnsentLimit::Large {
            self.unsent_limit = UnsentLimit::Usual;
            self.transport.limit_unsent(UnsentLimit::Usual);
        }
    }

    /// Writes once what an earlier write has left behind, if anything; answers how much has gone.
    pub(super) fn poll_write_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match &mut self.unsent {
            Some(unsent) => unsent.poll_write(&*self.transport, cx),
            None => Poll::Ready(Ok(0)),
        }
    }

    /// How many of the bytes written to it the peer's kernel has not acknowledged, if this system
    /// tells.
    pub(super) fn unacknowledged(&self) -> Option<usize> {
        self.transport.unacknowledged()
    }

    /// Whether everything was written, and our side has ended.
    pub(super) fn is_shut(&self) -> bool {
        self.is_shut
    }

    /// Nothing is written any more.
    pub(super) fn shut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if !self.is_shut {
            self.waits_for_flush = false;
            self.is_shut = self.transport.poll_shutdown(cx)?.is_ready();
        }
        Ok(())
    }

    /// Nothing follows for now: what is held back leaves.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) {
        if self.waits_for_flush {
            // If it fails, the next read or write will.
            self.waits_for_flush = self.transport.poll_flush(cx).is_pending();
        }
    }
}
