//! An outbox as it is while it is locked: how far its client is, what is queued, and whether the
//! driver has to be woken.

use std::{
    mem,
    ops::{Deref, DerefMut},
    sync::MutexGuard,
    task::Waker,
};

use aerys_proto::{Close, Message};

use super::{
    OutboxLimits,
    queue::{Queue, Receipt},
    snapshot::{Snapshot, Stage},
};
use crate::{error::SendError, options::Overflow};

pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) queue: Queue,
    /// How to wake the driver; `None` before it first rests and when it needs to hear no more.
    pub(super) driver: Option<Waker>,
    pub(super) close_waiters: Option<Box<CloseWaiters>>,
}

/// Who waits until `on_close` has run.
#[derive(Default)]
pub(super) struct CloseWaiters(Vec<Waker>);

/// A state for as long as its lock is held; what it has become is then in the snapshot.
pub(super) struct Locked<'o> {
    state: MutexGuard<'o, State>,
    snapshot: &'o Snapshot,
    /// What the driver is to be told.
    wake_reason: Option<WakeReason>,
}

pub(super) enum Phase {
    Open,
    /// A close was asked for and not yet taken by the driver.
    Closing(Box<Close>),
    /// The client is owed too much, which the driver does not know yet.
    Overflowed,
    /// The driver knows of the end.
    Draining,
    /// Nothing will be sent any more.
    Gone,
    /// And `on_close` has run.
    Departed,
}

/// What the driver is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WakeReason {
    Message,
    /// Also if it waits for its socket.
    Urgent,
}

impl State {
    pub(super) fn new() -> Self {
        Self { phase: Phase::Open, queue: Queue::new(), driver: None, close_waiters: None }
    }

    pub(super) fn take_close(&mut self) -> Option<Close> {
        match mem::replace(&mut self.phase, Phase::Draining) {
            Phase::Closing(close) => Some(*close),
            phase => {
                self.phase = phase;
                None
            }
        }
    }
}

impl CloseWaiters {
    pub(super) fn add(&mut self, waker: &Waker) {
        if !self.0.iter().any(|waiter| waiter.will_wake(waker)) {
            self.0.push(waker.clone());
        }
    }

    pub(super) fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

impl Phase {
    pub(super) fn stage(&self) -> Stage {
        match self {
            Self::Open => Stage::Open,
            Self::Closing(_) => Stage::Closing,
            Self::Overflowed => Stage::Overflowed,
            Self::Draining => Stage::Draining,
            Self::Gone | Self::Departed => Stage::Gone,
        }
    }
}

impl<'o> Locked<'o> {
    pub(super) fn new(state: MutexGuard<'o, State>, snapshot: &'o Snapshot) -> Self {
        Self { state, snapshot, wake_reason: None }
    }

    /// `completed` gets the receipts of what is not, or no longer, to be sent.
    pub(super) fn push(
        &mut self,
        message: Message,
        receipt: Receipt,
        outbox_limits: OutboxLimits,
        completed: &mut Vec<CompletedReceipt>,
    ) -> Result<u64, SendError> {
        if !matches!(self.phase, Phase::Open) {
            completed.push(lost(receipt));
            return Err(SendError::ClientGone);
        }
        while !self.queue.has_room(&message, outbox_limits.max_queued_bytes) {
            let oldest = match outbox_limits.overflow {
                // What is on its way already does not keep the latest out.
                Overflow::DropOldest if !self.queue.has_untaken() => break,
                Overflow::DropOldest => self.queue.drop_oldest(),
                Overflow::DropNewest => None,
                Overflow::Close => {
                    self.phase = Phase::Overflowed;
                    completed.extend(self.queue.forget_untaken().into_iter().map(lost));
                    completed.push(lost(receipt));
                    self.wake_driver(WakeReason::Urgent);
                    return Err(SendError::ClientGone);
                }
            };
            let Some(oldest) = oldest else {
                // Where the latest counts, it is not lost to what is on its way already.
                if outbox_limits.overflow == Overflow::DropOldest {
                    break;
                }
                self.queue.refuse();
                completed.push((receipt, Err(SendError::Dropped)));
                return Err(SendError::Dropped);
            };
            completed.push((oldest, Err(SendError::Dropped)));
        }
        self.wake_driver(WakeReason::Message);
        Ok(self.queue.push(message, receipt))
    }

    /// As [`push`](Self::push), for each; nobody is to hear what becomes of them.
    pub(super) fn push_all(
        &mut self,
        messages: &[Message],
        outbox_limits: OutboxLimits,
        completed: &mut Vec<CompletedReceipt>,
    ) {
        let is_open = matches!(self.phase, Phase::Open);
        if is_open && self.queue.has_room_for_all(messages, outbox_limits.max_queued_bytes) {
            self.wake_driver(WakeReason::Message);
            return self.queue.push_all(messages);
        }
        for message in messages {
            let _ = self.push(message.clone(), Receipt::Nobody, outbox_limits, completed);
        }
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
        self.snapshot.note(&self.state);
        if let Some(wake_reason) = self.wake_reason
            && self.snapshot.call(wake_reason)
            && let Some(driver) = &self.state.driver
        {
            driver.wake_by_ref();
        }
    }
}

/// Someone who waits, and what they are to hear.
pub(super) type CompletedReceipt = (Receipt, Result<(), SendError>);

pub(super) fn lost(receipt: Receipt) -> CompletedReceipt {
    (receipt, Err(SendError::ClientGone))
}

/// Wakers run other people's code, so this is done with the lock released.
pub(super) fn complete_receipts(settlements: impl IntoIterator<Item = CompletedReceipt>) {
    for (receipt, outcome) in settlements {
        match receipt {
            Receipt::Nobody => {}
            Receipt::Sender(waker) => waker.wake(),
            Receipt::Broadcast(delivery_count) => delivery_count.count(outcome),
        }
    }
}
