//! How far one client is and what it is still owed, between its handles and its driver.
//!
//! Handles put messages in from any thread; the driver takes them out, and says when they have been
//! handed to the kernel.

mod at_rest;
mod driver;
mod handshake;
mod keyed;
mod own_write;
mod queue;
mod snapshot;
mod spare;
mod state;
#[cfg(test)]
pub(crate) mod tests;
mod wake;

use std::{
    collections::VecDeque,
    mem,
    // What the wake protocol is made of; a model checker has its own.
    sync::{Arc, atomic},
    task::{Context, Poll},
};

use aerys_proto::{Close, Message};
use tokio_util::sync::CancellationToken;

pub(crate) use self::{
    at_rest::Claim,
    driver::{PendingAction, SocketState},
    handshake::Answer,
    keyed::Keyed,
    own_write::OwnWrite,
    queue::{Receipt, cost},
};
use self::{
    queue::SendStatus,
    snapshot::Snapshot,
    state::{Locked, State},
    wake::WakeReason,
};
use super::life::Stage;
use crate::{
    error::SendError,
    metrics::EndpointCounters,
    options::{OutboxLimits, Overflow},
    sync::{Afterwards, Mutex, Rank},
};

/// A client that is owed this many bytes or more is not heard until it has read some of them.
const HIGH_WATER: usize = 64 * 1024;

pub(crate) struct Outbox {
    limits: OutboxLimits,
    /// What its worker counts of its endpoint.
    counters: Arc<EndpointCounters>,
    snapshot: Snapshot,
    state: Mutex<State>,
}

/// Whether the application hears the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadGate {
    Open,
    /// Not until the client has read some of what it is owed.
    Paused,
    /// It is being closed.
    Closed,
}

/// The handles' side.
impl Outbox {
    pub(crate) fn new(limits: OutboxLimits, counters: Arc<EndpointCounters>) -> Self {
        Self {
            limits,
            counters,
            snapshot: Snapshot::new(),
            state: Mutex::new(Rank::Connection, State::new()),
        }
    }

    /// Puts a message in and answers its place.
    pub(crate) fn push(&self, message: Message, receipt: Receipt) -> Result<u64, SendError> {
        let mut afterwards = Afterwards::default();
        let outcome = self.lock().push(message, receipt, &mut afterwards);
        afterwards.run();
        outcome
    }

    /// Puts messages in, for who holds a lock. Who waits for a message has it alone.
    pub(crate) fn push_all(
        &self,
        messages: &[Message],
        receipt: Receipt,
        afterwards: &mut Afterwards,
    ) {
        self.lock().push_all(messages, receipt, afterwards);
    }

    /// What became of the message at `place`; if it is still queued, `cx` is woken when it is not.
    pub(crate) fn poll_sent(&self, place: u64, cx: &Context<'_>) -> Poll<Result<(), SendError>> {
        // Where messages are dropped from the front, one that was passed by need not have left.
        if self.limits.overflow != Overflow::DropOldest && place <= self.snapshot.flushed() {
            return Poll::Ready(Ok(()));
        }
        let waker = cx.waker().clone();
        let replaced = match self.lock().queue.send_status(place) {
            SendStatus::Flushed => return Poll::Ready(Ok(())),
            SendStatus::Dropped => return Poll::Ready(Err(SendError::Dropped)),
            SendStatus::Lost => return Poll::Ready(Err(SendError::ClientGone)),
            SendStatus::Queued(receipt) => mem::replace(receipt, Receipt::Sender(waker)),
        };
        // Only now, when the lock is released.
        drop(replaced);
        Poll::Pending
    }

    /// Nobody waits any more for what became of the message at `place`.
    pub(crate) fn abandon(&self, place: u64) {
        let mut afterwards = Afterwards::default();
        self.lock().queue.abandon(place, &mut afterwards);
        afterwards.run();
    }

    /// Asks for a close once everything put in before has left. The first to ask is heard.
    pub(crate) fn close(&self, close: Close) {
        let mut state = self.lock();
        if state.life.close(close) {
            state.wake_driver(WakeReason::Urgent);
        }
    }

    /// The server is stopping: a client that takes nothing is not waited for as long as else.
    pub(crate) fn expedite(&self) {
        self.snapshot.expedite();
    }

    /// Whether `on_close` has run; if not, `cx` is woken when it has.
    pub(crate) fn poll_departed(&self, cx: &Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if state.life.has_departed() {
            return Poll::Ready(());
        }
        let unused = state.close_waiters.get_or_insert_default().add(waker);
        drop(state);
        // Only now, when the lock is released.
        drop(unused);
        Poll::Pending
    }

    /// What tells that the client has gone. It is made when somebody first asks.
    pub(crate) fn end(&self) -> CancellationToken {
        self.lock().end.get_or_insert_default().clone()
    }

    /// Has the driver look again, though nothing was put in.
    pub(crate) fn wake_driver(&self) {
        self.lock().wake_driver(WakeReason::Urgent);
    }

    /// Whether messages are taken in, and none is owed.
    #[inline]
    pub(crate) fn is_clear(&self) -> bool {
        self.snapshot.queued_bytes() == 0 && self.snapshot.is_open()
    }

    /// How many bytes may be owed.
    pub(crate) fn limit(&self) -> usize {
        self.limits.max_queued_bytes
    }

    /// Puts in what was said before everything that is in it and not taken.
    pub(crate) fn push_front(&self, messages: VecDeque<Message>) {
        let mut state = self.lock();
        if state.life.stage() != Stage::Gone {
            state.queue.push_front(messages);
        }
    }

    /// Bytes put in and not yet handed to the kernel.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.snapshot.queued_bytes()
    }

    /// Messages dropped for want of room.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().queue.dropped()
    }

    /// Messages that later ones with their key have taken the place of.
    pub(crate) fn superseded(&self) -> u64 {
        self.lock().queue.superseded()
    }

    /// Whether messages are still taken in.
    pub(crate) fn is_open(&self) -> bool {
        self.snapshot.is_open()
    }

    /// Whether it is the application, or its overflow, that has ended it.
    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.snapshot.stage(), Stage::Closing | Stage::Overflowed | Stage::Draining)
    }

    /// Whether nothing will be sent any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.snapshot.stage() == Stage::Gone
    }

    /// Whether anything has been said to the client that the driver has not taken.
    pub(crate) fn has_pending_output(&self) -> bool {
        self.snapshot.has_pending_output()
    }

    /// Whether the application hears the client.
    #[inline]
    pub(crate) fn read_gate(&self) -> ReadGate {
        if self.snapshot.is_open() {
            return if self.queued_bytes() >= HIGH_WATER {
                ReadGate::Paused
            } else {
                ReadGate::Open
            };
        }
        match self.snapshot.stage() {
            // One that can be told nothing may still have something to say.
            Stage::Open | Stage::Gone => ReadGate::Open,
            Stage::Closing | Stage::Overflowed | Stage::Draining => ReadGate::Closed,
        }
    }

    fn lock(&self) -> Locked<'_> {
        Locked::new(self.state.lock(), self)
    }

    /// What its worker counts of its endpoint.
    #[inline]
    pub(crate) fn counters(&self) -> &EndpointCounters {
        &self.counters
    }
}
