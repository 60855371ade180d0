//! One message to many clients.

use std::{
    fmt, mem,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use aerys_proto::Message;
use futures_util::task::AtomicWaker;

use super::{
    delivery::{Audience, Delivery},
    drop_warning::DropWarning,
};
use crate::{ClientId, Endpoint, SendError};

/// A message about to be sent to many; see [`Endpoint::broadcast`].
///
/// As a future it resolves to a [`Tally`] once each of them has had the message handed to the
/// kernel or has gone. One slow client keeps it waiting, until that client is served or given up;
/// `.nowait()` does not wait for anyone.
#[must_use = "nothing is sent until it is `.await`ed or let go with `.nowait()`"]
pub struct Broadcast<'e, S = ()> {
    endpoint: &'e Endpoint<S>,
    message: Message,
    audience: Audience,
    tallying: Option<Arc<Tallying>>,
    warning: DropWarning,
}

/// What became of a broadcast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many clients had the whole message handed to the kernel.
    pub delivered: usize,
    /// How many went before that.
    pub gone: usize,
    /// How many were owed too much for it; see [`Overflow`](crate::Overflow).
    pub dropped: usize,
}

/// A broadcast under way, counting.
pub(crate) struct Tallying {
    /// Clients not heard of yet, and shards not yet walked.
    open: AtomicUsize,
    delivered: AtomicUsize,
    gone: AtomicUsize,
    dropped: AtomicUsize,
    waiting: AtomicWaker,
}

impl<'e, S> Broadcast<'e, S> {
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn new(endpoint: &'e Endpoint<S>, message: Message) -> Self {
        let warning = DropWarning::new("broadcast");
        Self { endpoint, message, audience: Audience::default(), tallying: None, warning }
    }

    /// Only to these clients; of an empty list, to no one. Ids that are not here are ignored, and
    /// a second call adds to the first.
    pub fn only(mut self, ids: impl IntoIterator<Item = ClientId>) -> Self {
        self.audience.only.get_or_insert_default().extend(ids);
        self
    }

    /// Not to these clients, even if [`only`](Self::only) names them.
    pub fn except(mut self, ids: impl IntoIterator<Item = ClientId>) -> Self {
        self.audience.except.extend(ids);
        self
    }
}

impl<S: Send + Sync + 'static> Broadcast<'_, S> {
    /// Sends it without waiting for anyone.
    pub fn nowait(mut self) {
        self.start(None);
    }

    /// One order for each worker: its own clients it walks itself.
    fn start(&mut self, tallying: Option<&Arc<Tallying>>) {
        self.warning.disarm();
        let registry = self.endpoint.registry();
        let shards = registry.shards();
        let message = self.message.clone().for_many(registry.protocol());
        let audience = Arc::new(mem::take(&mut self.audience));
        for (index, shard) in shards.iter().enumerate() {
            if !audience.may_be_at(index, shards.len()) {
                continue;
            }
            shard.worker().give(Delivery::new(
                self.endpoint.clone(),
                index,
                Arc::clone(&audience),
                message.clone(),
                tallying.map(Tallying::expect_one),
            ));
        }
    }
}

impl<S: Send + Sync + 'static> Future for Broadcast<'_, S> {
    type Output = Tally;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Tally> {
        if self.tallying.is_none() {
            let tallying = Arc::new(Tallying::new());
            self.start(Some(&tallying));
            // Not before every shard has its order may the count reach zero.
            tallying.done_with_one();
            self.tallying = Some(tallying);
        }
        match &self.tallying {
            Some(tallying) => tallying.poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<S> Unpin for Broadcast<'_, S> {}

impl Tallying {
    pub(super) fn new() -> Self {
        Self {
            open: AtomicUsize::new(1),
            delivered: AtomicUsize::new(0),
            gone: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            waiting: AtomicWaker::new(),
        }
    }

    /// The outcome for one client.
    pub(crate) fn count(&self, outcome: Result<(), SendError>) {
        let counter = match outcome {
            Ok(()) => &self.delivered,
            Err(SendError::ClientGone) => &self.gone,
            Err(SendError::Dropped) => &self.dropped,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.done_with_one();
    }

    /// For one more who will be [done](Self::done_with_one).
    pub(super) fn expect_one(self: &Arc<Self>) -> Arc<Self> {
        self.open.fetch_add(1, Ordering::Relaxed);
        Arc::clone(self)
    }

    pub(super) fn done_with_one(&self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waiting.wake();
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Tally> {
        self.waiting.register(cx.waker());
        if self.open.load(Ordering::Acquire) > 0 {
            return Poll::Pending;
        }
        Poll::Ready(Tally {
            delivered: self.delivered.load(Ordering::Relaxed),
            gone: self.gone.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        })
    }
}

impl<S> fmt::Debug for Broadcast<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast").field("message", &self.message).finish_non_exhaustive()
    }
}
