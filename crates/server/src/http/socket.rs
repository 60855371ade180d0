//! A connection's socket while it speaks HTTP, as hyper and the connection's task both have it. When a
//! peer has stalled is [`stall`](super::stall)'s to say.

use std::{
    future::poll_fn,
    io,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    task::{Context, Poll, ready},
};

use super::stall::{Progress, Sending};
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
    /// A [`Spoken`].
    spoken: AtomicU8,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Http,
    /// HTTP, for no longer than the response that says so takes.
    Switching,
    /// What a service speaks.
    Other,
}

impl<T: Transport> Socket<T> {
    pub(super) fn new(transport: T) -> Self {
        Self {
            transport,
            received: AtomicU64::new(0),
            written: AtomicU64::new(0),
            is_full: AtomicBool::new(false),
            spoken: AtomicU8::new(Spoken::Http as u8),
        }
    }

    pub(super) fn into_transport(self) -> T {
        self.transport
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// Whether something waits to be written until there is room.
    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Relaxed)
    }

    pub(super) fn speak(&self, spoken: Spoken) {
        self.spoken.store(spoken as u8, Relaxed);
    }

    pub(super) fn speaks(&self, spoken: Spoken) -> bool {
        self.spoken.load(Relaxed) == spoken as u8
    }

    /// Whether something was written of which the system does not tell how far it is. Costs a system
    /// call.
    pub(super) fn is_arrival_unknown(&self) -> bool {
        self.written() > 0 && self.transport.unacknowledged().is_none()
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
    pub(super) fn written_once(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
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

impl<T: Transport> Sending for Socket<T> {
    fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    fn progress(&self) -> Progress {
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
}
