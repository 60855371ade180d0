//! What one client is still owed, between its handles and its driver.
//!
//! Handles put messages in from any thread; the driver takes them out, and says when they have been
//! handed to the kernel.

mod queue;
mod snapshot;
mod spare;
mod state;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use aerys_proto::{Close, CloseCode, Message};

pub(crate) use self::queue::{Receipt, cost};
use self::{
    queue::SendStatus,
    snapshot::{Snapshot, Stage},
    state::{Locked, Phase, State, WakeReason, complete_receipts, lost},
};
use crate::{
    error::SendError,
    options::{OutboxLimits, Overflow},
};

/// A client that is owed this many bytes or more is not heard until it has read some of them.
const HIGH_WATER: usize = 64 * 1024;

pub(crate) struct Outbox {
    outbox_limits: OutboxLimits,
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

/// What the driver finds when it begins a turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PendingAction {
    None,
    /// A close was asked for. Its turn may still be to come.
    Closing,
    /// The client is owed too much and is to be given up. Said once.
    Overflowed(Close),
}

/// Whether the driver can write at all while it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketState {
    Writable,
    /// The socket takes no more for now, so that new messages need not wake it.
    Blocked,
}

/// The handles' side.
impl Outbox {
    pub(crate) fn new(outbox_limits: OutboxLimits) -> Self {
        Self { outbox_limits, snapshot: Snapshot::default(), state: Mutex::new(State::new()) }
    }

    /// Puts a message in and answers its place.
    pub(crate) fn push(&self, message: Message, receipt: Receipt) -> Result<u64, SendError> {
        let mut completed = Vec::new();
        let outcome = self.lock().push(message, receipt, self.outbox_limits, &mut completed);
        complete_receipts(completed);
        outcome
    }

    /// Puts messages in that nobody waits for.
    pub(crate) fn push_all(&self, messages: &[Message]) {
        let mut completed = Vec::new();
        self.lock().push_all(messages, self.outbox_limits, &mut completed);
        complete_receipts(completed);
    }

    /// What became of the message at `place`; if it is still queued, `cx` is woken when it is not.
    pub(crate) fn poll_sent(&self, place: u64, cx: &Context<'_>) -> Poll<Result<(), SendError>> {
        // Where messages are dropped from the front, one that was passed by need not have left.
        if self.outbox_limits.overflow != Overflow::DropOldest && place <= self.snapshot.flushed() {
            return Poll::Ready(Ok(()));
        }
        match self.lock().queue.send_status(place) {
            SendStatus::Flushed => Poll::Ready(Ok(())),
            SendStatus::Dropped => Poll::Ready(Err(SendError::Dropped)),
            SendStatus::Lost => Poll::Ready(Err(SendError::ClientGone)),
            SendStatus::Queued(receipt) => {
                *receipt = Receipt::Sender(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Nobody waits any more for what became of the message at `place`.
    pub(crate) fn abandon(&self, place: u64) {
        self.lock().queue.abandon(place);
    }

    /// Asks for a close once everything put in before has left. The first to ask is heard.
    pub(crate) fn close(&self, close: Close) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Closing(Box::new(close));
            state.wake_driver(WakeReason::Urgent);
        }
    }

    /// The server is stopping: a client that takes nothing is not waited for as long as else.
    pub(crate) fn expedite(&self) {
        self.snapshot.expedite();
    }

    /// Whether `on_close` has run; if not, `cx` is woken when it has.
    pub(crate) fn poll_departed(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Departed) {
            return Poll::Ready(());
        }
        state.close_waiters.get_or_insert_default().add(cx.waker());
        Poll::Pending
    }

    /// Has the driver look again, though nothing was put in.
    pub(crate) fn wake_driver(&self) {
        self.lock().wake_driver(WakeReason::Urgent);
    }

    /// Whether messages are taken in, and none is owed.
    pub(crate) fn is_clear(&self) -> bool {
        self.snapshot.queued_bytes() == 0 && self.snapshot.is_open()
    }

    /// How many bytes may be owed.
    pub(crate) fn limit(&self) -> usize {
        self.outbox_limits.max_queued_bytes
    }

    /// Puts in what was said before everything that is in it and not taken.
    pub(crate) fn push_front(&self, messages: VecDeque<Message>) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Gone | Phase::Departed) {
            drop(state);
            return;
        }
        state.queue.push_front(messages);
    }

    /// Bytes put in and not yet handed to the kernel.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.snapshot.queued_bytes()
    }

    /// Messages dropped for want of room.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().queue.dropped()
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
        matches!(self.lock().phase, Phase::Gone | Phase::Departed)
    }

    /// Whether anything has been said to the client that the driver has not taken.
    pub(crate) fn has_pending_output(&self) -> bool {
        self.snapshot.has_pending_output()
    }

    /// Whether the application hears the client.
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
        Locked::new(self.state.lock().unwrap_or_else(PoisonError::into_inner), &self.snapshot)
    }
}

/// The driver's side.
impl Outbox {
    /// Who answers the handshake is at work in the driver's stead: it looks at everything itself.
    pub(crate) fn stand_in(&self) {
        self.snapshot.set_at_work();
        self.snapshot.hush();
    }

    /// Keeps how to wake the driver when it rests.
    pub(crate) fn listen(&self, cx: &Context<'_>) {
        let mut state = self.lock();
        match &mut state.driver {
            Some(driver) => driver.clone_from(cx.waker()),
            None => state.driver = Some(cx.waker().clone()),
        }
    }

    /// The driver needs to hear no more. Handles may outlive the connection, and are not to keep
    /// its task.
    pub(crate) fn forget_driver(&self) {
        let driver = self.lock().driver.take();
        drop(driver);
    }

    /// The connection's alarm rings.
    pub(crate) fn ring(&self) {
        self.snapshot.ring();
        self.wake_driver();
    }

    /// The client is to go since others need the memory: its driver is to look at that as it does when
    /// the alarm rings.
    pub(crate) fn evict(&self) {
        self.snapshot.evict();
        self.ring();
    }

    /// Whether it is to go. Said once.
    pub(crate) fn is_evicted(&self) -> bool {
        self.snapshot.is_evicted()
    }

    /// Whether it has rung. Said once.
    pub(crate) fn has_rung(&self) -> bool {
        self.snapshot.has_rung()
    }

    /// The driver is at work: until it [`rest`](Self::rest)s nothing needs to wake it.
    pub(crate) fn begin_turn(&self) -> PendingAction {
        self.snapshot.set_at_work();
        match self.snapshot.stage() {
            Stage::Closing => PendingAction::Closing,
            Stage::Overflowed => {
                let mut state = self.lock();
                if let Phase::Overflowed = state.phase {
                    state.phase = Phase::Draining;
                }
                PendingAction::Overflowed(Close::new(
                    CloseCode::POLICY,
                    "too slow to read what was sent",
                ))
            }
            Stage::Open | Stage::Draining | Stage::Gone => PendingAction::None,
        }
    }

    /// Whether a close was asked for, what was put in before it being still to leave.
    pub(crate) fn is_close_asked_for(&self) -> bool {
        self.snapshot.stage() == Stage::Closing
    }

    /// The place of the last message that was put in.
    pub(crate) fn last_place(&self) -> u64 {
        self.lock().queue.last_place()
    }

    /// Whether all messages up to this place have been handed to the kernel, and all that was said
    /// before them.
    pub(crate) fn is_flushed_to(&self, place: u64) -> bool {
        self.lock().queue.is_flushed_to(place)
    }

    /// Whether the server is stopping.
    pub(crate) fn is_expedited(&self) -> bool {
        self.snapshot.is_expedited()
    }

    /// Takes the close that was asked for out of its turn.
    pub(crate) fn take_close(&self) -> Option<Close> {
        self.lock().take_close()
    }

    /// The driver, who can be woken, is about to wait. `false` if there is something for it to do:
    /// it must not.
    pub(crate) fn rest(&self, owes: SocketState) -> bool {
        self.snapshot.rest(owes)
    }

    /// Takes messages that come to about `room` bytes, but at least one, or, if there is none, the
    /// close that was asked for.
    pub(crate) fn take(&self, room: usize, messages: &mut VecDeque<Message>) -> Option<Close> {
        let mut state = self.lock();
        if state.queue.has_untaken() {
            state.queue.take(room, messages);
            return None;
        }
        state.take_close()
    }

    /// The first `count` of the messages taken have been handed to the kernel. Whoever waits for
    /// that is woken, but not the driver's own task, which is at work: it looks again.
    pub(crate) fn flushed(&self, count: usize, cx: &Context<'_>) {
        let is_mine =
            |receipt: &Receipt| matches!(receipt, Receipt::Sender(it) if it.will_wake(cx.waker()));
        let awaited = self.lock().queue.flush(count, is_mine);
        complete_receipts(awaited.into_iter().map(|receipt| (receipt, Ok(()))));
    }

    /// The driver has messages that never were in here and that the kernel has not taken: they
    /// count as one that was taken first.
    pub(crate) fn count_unsent(&self, cost: usize) {
        self.lock().queue.count_unsent(cost);
    }

    /// The client has gone: whoever waits is told, and nothing is taken in any more.
    pub(crate) fn gone(&self) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Departed) {
            state.phase = Phase::Gone;
        }
        let left = state.queue.forget();
        drop(state);
        complete_receipts(left.into_iter().map(lost));
    }

    /// `on_close` has run, if it was to.
    pub(crate) fn departed(&self) {
        let mut state = self.lock();
        state.phase = Phase::Departed;
        let close_waiters = mem::take(&mut state.close_waiters);
        drop(state);
        if let Some(close_waiters) = close_waiters {
            close_waiters.wake();
        }
    }
}
