//! An outbox as it is while it is locked: how far its client is, what is queued, and whether the
//! driver has to be woken.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    task::Waker,
};

use aerys_proto::Message;
use bytes::Bytes;
use http::HeaderMap;
use tokio_util::sync::CancellationToken;

use super::{
    HIGH_WATER, Outbox,
    at_rest::Stream,
    keyed::Keyed,
    queue::{Queue, Receipt},
    wake::WakeReason,
};
use crate::{
    connection::life::Life,
    error::SendError,
    options::Overflow,
    sync::{Afterwards, MutexGuard},
};

pub(super) struct State {
    pub(super) life: Life,
    pub(super) switching: Switching,
    pub(super) queue: Queue,
    /// What was begun while the driver rested and goes before everything else.
    pub(super) unsent: Option<Box<Bytes>>,
    /// How to wake the driver; `None` before it first rests and when it needs to hear no more.
    pub(super) driver: Option<Waker>,
    pub(super) close_waiters: Option<Box<CloseWaiters>>,
    /// Cancelled when the client has gone, if anybody asked for it.
    pub(super) end: Option<CancellationToken>,
}

/// The 101 of a client that was let in, with these headers, if any.
pub(super) enum Switching {
    /// For something to say, or for `on_open` to return.
    Waits(Option<Box<HeaderMap>>),
    Due(Option<Box<HeaderMap>>),
    /// It is on its way.
    Done,
    /// It has left, and this is what it has left by.
    Shared(Stream),
}

/// Who waits until `on_close` has run.
#[derive(Default)]
pub(super) struct CloseWaiters(Vec<Waker>);

/// A state for as long as its lock is held; what it has become is then in the snapshot.
pub(super) struct Locked<'o> {
    state: MutexGuard<'o, State>,
    outbox: &'o Outbox,
    /// What the driver is to be told.
    wake_reason: Option<WakeReason>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            life: Life::Deciding,
            switching: Switching::Waits(None),
            queue: Queue::new(),
            unsent: None,
            driver: None,
            close_waiters: None,
            end: None,
        }
    }
}

impl CloseWaiters {
    /// Gives the waker back if it is one of them already.
    pub(super) fn add(&mut self, waker: Waker) -> Option<Waker> {
        if self.0.iter().any(|waiter| waiter.will_wake(&waker)) {
            return Some(waker);
        }
        self.0.push(waker);
        None
    }

    pub(super) fn wake(self, afterwards: &mut Afterwards) {
        self.0.into_iter().for_each(|waker| afterwards.wake(waker));
    }
}

impl<'o> Locked<'o> {
    pub(super) fn new(state: MutexGuard<'o, State>, outbox: &'o Outbox) -> Self {
        Self { state, outbox, wake_reason: None }
    }

    /// What is not, or no longer, to be sent is left to `afterwards`.
    pub(super) fn push(
        &mut self,
        message: Message,
        receipt: Receipt,
        afterwards: &mut Afterwards,
    ) -> Result<u64, SendError> {
        if !self.life.is_open() {
            return Err(refuse(message, receipt, SendError::ClientGone, afterwards));
        }
        if let Receipt::Keyed(keyed) = receipt {
            return self.push_keyed(message, keyed, afterwards);
        }
        self.push_last(message, receipt, afterwards)
    }

    /// Puts a message where an earlier one with its key is, or behind all others.
    #[cold]
    fn push_keyed(
        &mut self,
        message: Message,
        keyed: Arc<Keyed>,
        afterwards: &mut Afterwards,
    ) -> Result<u64, SendError> {
        let Outbox { limits, counters, .. } = self.outbox;
        let superseded = self.queue.superseded();
        let outcome = self.queue.supersede(message, keyed, limits.max_queued_bytes, afterwards);
        if self.queue.superseded() > superseded {
            counters.superseded.count();
        }
        // Nobody asks for its place.
        let Err((message, keyed)) = outcome else { return Ok(self.queue.flushed()) };
        let key = keyed.key();
        let place = self.push_last(message, Receipt::Keyed(keyed), afterwards)?;
        self.queue.note_latest(&key, place);
        Ok(place)
    }

    fn push_last(
        &mut self,
        message: Message,
        receipt: Receipt,
        afterwards: &mut Afterwards,
    ) -> Result<u64, SendError> {
        let Outbox { limits, counters, .. } = self.outbox;
        while !self.queue.has_room(&message, limits.max_queued_bytes) {
            match limits.overflow {
                Overflow::DropOldest if self.queue.drop_oldest(afterwards) => {
                    counters.dropped_oldest.count();
                }
                // What is on its way already does not keep the latest out.
                Overflow::DropOldest => break,
                Overflow::DropNewest => {
                    self.queue.count_dropped();
                    counters.dropped_newest.count();
                    return Err(refuse(message, receipt, SendError::Dropped, afterwards));
                }
                Overflow::Close => {
                    self.life.overflow();
                    counters.overflowed.count();
                    self.queue.forget_untaken(afterwards);
                    self.wake_driver(WakeReason::Urgent);
                    return Err(refuse(message, receipt, SendError::ClientGone, afterwards));
                }
            }
        }
        self.wake_driver(WakeReason::Message);
        Ok(self.queue.push(message, receipt))
    }

    /// As [`push`](Self::push), for each. Who waits for a message has it alone; of several nobody is to
    /// hear what becomes of them.
    pub(super) fn push_all(
        &mut self,
        messages: &[Message],
        receipt: Receipt,
        afterwards: &mut Afterwards,
    ) {
        if let [message] = messages {
            // One that has gone is counted by its receipt.
            let _ = self.push(message.clone(), receipt, afterwards);
            return;
        }
        debug_assert!(matches!(receipt, Receipt::Nobody));
        let is_open = self.life.is_open();
        let max_queued_bytes = self.outbox.limits.max_queued_bytes;
        if is_open && self.queue.has_room_for_all(messages, max_queued_bytes) {
            self.wake_driver(WakeReason::Message);
            return self.queue.push_all(messages);
        }
        for message in messages {
            let _ = self.push(message.clone(), Receipt::Nobody, afterwards);
        }
    }

    /// In a function of its own, as what is short and often done is not to grow by it.
    #[inline(never)]
    fn count_queued(&self, before: usize, queued: usize) {
        self.outbox.counters.queued(before, queued, HIGH_WATER);
    }

    /// Has the driver told when the lock is released.
    pub(super) fn wake_driver(&mut self, wake_reason: WakeReason) {
        self.wake_reason = Some(wake_reason);
    }
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let snapshot = &self.outbox.snapshot;
        let (before, queued) = snapshot.publish(&self.state);
        if before != queued {
            self.count_queued(before, queued);
        }
        if let Some(wake_reason) = self.wake_reason
            && snapshot.wake.call(wake_reason)
            && let Some(driver) = &self.state.driver
        {
            driver.wake_by_ref();
        }
    }
}

/// A message that is not put in.
fn refuse(
    message: Message,
    receipt: Receipt,
    error: SendError,
    afterwards: &mut Afterwards,
) -> SendError {
    receipt.complete(Err(error), afterwards);
    afterwards.drop_message(message);
    error
}
