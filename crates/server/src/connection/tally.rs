//! What becomes of a broadcast, counted as its deliveries end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use futures_util::task::AtomicWaker;

use crate::error::{NotQueued, SendError};

/// What became of a broadcast.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many clients had the whole message handed to the kernel.
    pub delivered: usize,
    /// How many went before that.
    pub gone: usize,
    /// How many were owed too much for it; see [`Overflow`](crate::Overflow).
    pub dropped: usize,
    /// How many were sent a later message with its key in its place; see [`Broadcast::key`](crate::command::Broadcast::key).
    pub superseded: usize,
    /// Whether it left for the other nodes of a [`Cluster`](crate::Cluster), whose clients are not counted.
    pub published: Published,
}

/// Whether a message has left for other nodes.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Published {
    /// It is for this node alone: there is no cluster, or the message is
    /// [local](crate::command::Broadcast::local).
    #[default]
    Here,
    /// It was handed to a bus that is connected. [`Cluster::flush`](crate::Cluster::flush) waits until that has it.
    Queued,
    /// It was not, for this reason.
    NotQueued(NotQueued),
}

/// A broadcast under way, counting.
pub(crate) struct DeliveryCount {
    /// Clients not heard of yet, and shards not yet walked.
    open: AtomicUsize,
    delivered: AtomicUsize,
    gone: AtomicUsize,
    dropped: AtomicUsize,
    superseded: AtomicUsize,
    waiting: AtomicWaker,
}

impl DeliveryCount {
    pub(crate) fn new() -> Self {
        Self {
            open: AtomicUsize::new(1),
            delivered: AtomicUsize::new(0),
            gone: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            superseded: AtomicUsize::new(0),
            waiting: AtomicWaker::new(),
        }
    }

    /// The outcome for one client. Whoever waits for the last is to be woken.
    pub(crate) fn count(&self, outcome: Result<(), SendError>) -> Option<Waker> {
        let counter = match outcome {
            Ok(()) => &self.delivered,
            Err(SendError::ClientGone) => &self.gone,
            Err(SendError::Dropped) => &self.dropped,
            Err(SendError::Superseded) => &self.superseded,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.done_with_one()
    }

    /// There is one more who will be [done](Self::done_with_one).
    pub(crate) fn expect(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// For one more who will be [done](Self::done_with_one).
    pub(crate) fn expect_one(self: &Arc<Self>) -> Arc<Self> {
        self.expect();
        Arc::clone(self)
    }

    /// Whoever waits for the last is to be woken.
    pub(crate) fn done_with_one(&self) -> Option<Waker> {
        (self.open.fetch_sub(1, Ordering::AcqRel) == 1).then(|| self.waiting.take()).flatten()
    }

    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Tally> {
        self.waiting.register(cx.waker());
        if self.open.load(Ordering::Acquire) > 0 {
            return Poll::Pending;
        }
        Poll::Ready(Tally {
            delivered: self.delivered.load(Ordering::Relaxed),
            gone: self.gone.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            superseded: self.superseded.load(Ordering::Relaxed),
            published: Published::default(),
        })
    }
}
