//! What one client is still owed, between its handles and its driver.
//!
//! Handles put messages in from any thread; the driver takes them out, and says when they have been
//! handed to the kernel.

mod gist;
mod queue;
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
    gist::{Gist, Stage},
    queue::Fate,
    state::{Locked, News, Phase, State, lost, settle},
};
use crate::{
    error::SendError,
    options::{Bounds, Overflow},
};

pub(crate) struct Outbox {
    bounds: Bounds,
    gist: Gist,
    state: Mutex<State>,
}

/// Whether the application hears the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ear {
    Open,
    /// Not until the client has read some of what it is owed.
    Busy,
    /// It is being closed.
    Shut,
}

/// What the driver finds when it begins a turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Nothing,
    /// A close was asked for. Its turn may still be to come.
    Closing,
    /// The client is owed too much and is to be given up. Said once.
    Overflowed(Close),
}

/// Whether the driver can write at all while it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owes {
    Nothing,
    /// The socket takes no more for now, so that new messages need not wake it.
    Unsent,
}

/// The handles' side.
impl Outbox {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, gist: Gist::default(), state: Mutex::new(State::new()) }
    }

    /// Puts a message in and answers its place.
    pub(crate) fn push(&self, message: Message, receipt: Receipt) -> Result<u64, SendError> {
        let mut unsettled = Vec::new();
        let outcome = self.lock().push(message, receipt, self.bounds, &mut unsettled);
        settle(unsettled);
        outcome
    }

    /// Puts messages in that nobody waits for.
    pub(crate) fn push_all(&self, messages: &[Message]) {
        let mut unsettled = Vec::new();
        self.lock().push_all(messages, self.bounds, &mut unsettled);
        settle(unsettled);
    }

    /// What became of the message at `place`; if it is still queued, `cx` is woken when it is not.
    pub(crate) fn poll_sent(&self, place: u64, cx: &Context<'_>) -> Poll<Result<(), SendError>> {
        // Where messages are dropped from the front, one that was passed by need not have left.
        if self.bounds.overflow != Overflow::DropOldest && place <= self.gist.flushed() {
            return Poll::Ready(Ok(()));
        }
        match self.lock().queue.fate(place) {
            Fate::Flushed => Poll::Ready(Ok(())),
            Fate::Dropped => Poll::Ready(Err(SendError::Dropped)),
            Fate::Lost => Poll::Ready(Err(SendError::ClientGone)),
            Fate::Queued(receipt) => {
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
            state.call_driver(News::Urgent);
        }
    }

    /// The server is stopping: a client that takes nothing is not waited for as long as else.
    pub(crate) fn hurry(&self) {
        self.gist.hurry();
    }

    /// Whether `on_close` has run; if not, `cx` is woken when it has.
    pub(crate) fn poll_departed(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Departed) {
            return Poll::Ready(());
        }
        state.closers.get_or_insert_default().add(cx.waker());
        Poll::Pending
    }

    /// Has the driver look again, though nothing was put in.
    pub(crate) fn call_driver(&self) {
        self.lock().call_driver(News::Urgent);
    }

    /// Whether messages are taken in, and none is owed.
    pub(crate) fn is_clear(&self) -> bool {
        self.gist.queued_bytes() == 0 && self.gist.is_open()
    }

    /// How many bytes may be owed.
    pub(crate) fn limit(&self) -> usize {
        self.bounds.max_queued_bytes
    }

    /// Puts in what was said before everything that is in it and not taken.
    pub(crate) fn put_first(&self, messages: VecDeque<Message>) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Gone | Phase::Departed) {
            drop(state);
            return;
        }
        state.queue.put_first(messages);
    }

    /// Bytes put in and not yet handed to the kernel.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.gist.queued_bytes()
    }

    /// Messages dropped for want of room.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().queue.dropped()
    }

    /// Whether messages are still taken in.
    pub(crate) fn is_open(&self) -> bool {
        self.gist.is_open()
    }

    /// Whether it is the application, or its overflow, that has ended it.
    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.gist.stage(), Stage::Closing | Stage::Overflowed | Stage::Parting)
    }

    /// Whether nothing will be sent any more.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.lock().phase, Phase::Gone | Phase::Departed)
    }

    /// Whether anything has been said to the client that the driver has not taken.
    pub(crate) fn has_errand(&self) -> bool {
        self.gist.has_errand()
    }

    /// Whether the application hears the client.
    pub(crate) fn ear(&self) -> Ear {
        if self.gist.is_open() {
            return if self.queued_bytes() >= HIGH_WATER { Ear::Busy } else { Ear::Open };
        }
        match self.gist.stage() {
            // One that can be told nothing may still have something to say.
            Stage::Open | Stage::Gone => Ear::Open,
            Stage::Closing | Stage::Overflowed | Stage::Parting => Ear::Shut,
        }
    }

    fn lock(&self) -> Locked<'_> {
        Locked::new(self.state.lock().unwrap_or_else(PoisonError::into_inner), &self.gist)
    }
}

/// The driver's side.
impl Outbox {
    /// Who answers the handshake is at work in the driver's stead: it looks at everything itself.
    pub(crate) fn stand_in(&self) {
        self.gist.attend();
        self.gist.hush();
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
    pub(crate) fn fall_silent(&self) {
        let driver = self.lock().driver.take();
        drop(driver);
    }

    /// The connection's alarm rings.
    pub(crate) fn ring(&self) {
        self.gist.ring();
        self.call_driver();
    }

    /// The client is to go since others need the memory: its driver is to look at that as it does when
    /// the alarm rings.
    pub(crate) fn evict(&self) {
        self.gist.evict();
        self.ring();
    }

    /// Whether it is to go. Said once.
    pub(crate) fn is_evicted(&self) -> bool {
        self.gist.is_evicted()
    }

    /// Whether it has rung. Said once.
    pub(crate) fn has_rung(&self) -> bool {
        self.gist.has_rung()
    }

    /// The driver is at work: until it [`rest`](Self::rest)s nothing needs to wake it.
    pub(crate) fn notice(&self) -> Notice {
        self.gist.attend();
        match self.gist.stage() {
            Stage::Closing => Notice::Closing,
            Stage::Overflowed => {
                let mut state = self.lock();
                if let Phase::Overflowed = state.phase {
                    state.phase = Phase::Parting;
                }
                Notice::Overflowed(Close::new(CloseCode::POLICY, "too slow to read what was sent"))
            }
            Stage::Open | Stage::Parting | Stage::Gone => Notice::Nothing,
        }
    }

    /// Whether a close was asked for, what was put in before it being still to leave.
    pub(crate) fn is_close_asked_for(&self) -> bool {
        self.gist.stage() == Stage::Closing
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
    pub(crate) fn is_hurried(&self) -> bool {
        self.gist.is_hurried()
    }

    /// Takes the close that was asked for out of its turn.
    pub(crate) fn take_close(&self) -> Option<Close> {
        self.lock().take_close()
    }

    /// The driver, who can be woken, is about to wait. `false` if there is something for it to do:
    /// it must not.
    pub(crate) fn rest(&self, owes: Owes) -> bool {
        self.gist.rest(owes)
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
        settle(awaited.into_iter().map(|receipt| (receipt, Ok(()))));
    }

    /// The driver has messages that never were in here and that the kernel has not taken: they
    /// count as one that was taken first.
    pub(crate) fn owe(&self, cost: usize) {
        self.lock().queue.owe(cost);
    }

    /// The client has gone: whoever waits is told, and nothing is taken in any more.
    pub(crate) fn gone(&self) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Departed) {
            state.phase = Phase::Gone;
        }
        let left = state.queue.forget();
        drop(state);
        settle(left.into_iter().map(lost));
    }

    /// `on_close` has run, if it was to.
    pub(crate) fn departed(&self) {
        let mut state = self.lock();
        state.phase = Phase::Departed;
        let closers = mem::take(&mut state.closers);
        drop(state);
        if let Some(closers) = closers {
            closers.wake();
        }
    }
}

/// A client that is owed this many bytes or more is not heard until it has read some of them.
const HIGH_WATER: usize = 64 * 1024;
