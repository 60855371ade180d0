//! An outbox as it is while it is locked: how far its client is, what is queued, and whether the
//! driver has to be woken.

use std::{mem, task::Waker};

use aerys_proto::{Close, Message};

use super::{
    Bounds,
    queue::{Queue, Receipt},
};
use crate::{Overflow, SendError};

pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) queue: Queue,
    pub(super) driver: Attendance,
    pub(super) closers: Vec<Waker>,
}

pub(super) enum Phase {
    Open,
    /// A close was asked for and not yet taken by the driver.
    Closing(Close),
    /// The client is owed too much, which the driver does not know yet.
    Overflowed,
    /// The driver knows of the end.
    Parting,
    /// Nothing will be sent any more.
    Gone,
    /// And `on_close` has run.
    Departed,
}

/// Whether the driver has to be woken for what is put in.
pub(super) enum Attendance {
    /// It is at work and looks again before it rests.
    Awake,
    /// It is at work, and there is news of which it may have seen nothing: it must not rest.
    Called,
    Resting(Waker),
    /// It waits for the socket, and only an end is news to it.
    Blocked(Waker),
}

/// What the driver is called for.
#[derive(Clone, Copy)]
pub(super) enum News {
    Message,
    End,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Open,
            queue: Queue::new(),
            driver: Attendance::Awake,
            closers: Vec::new(),
        }
    }

    /// `unsettled` gets the receipts of what is not, or no longer, to be sent.
    pub(super) fn push(
        &mut self,
        message: Message,
        receipt: Receipt,
        bounds: Bounds,
        unsettled: &mut Vec<Settlement>,
    ) -> Result<u64, SendError> {
        if !matches!(self.phase, Phase::Open) {
            unsettled.push(lost(receipt));
            return Err(SendError::ClientGone);
        }
        while !self.queue.has_room(&message, bounds.max_queued_bytes) {
            let oldest = match bounds.overflow {
                // What is on its way already does not keep the latest out.
                Overflow::DropOldest if !self.queue.has_untaken() => break,
                Overflow::DropOldest => self.queue.drop_oldest(),
                Overflow::DropNewest => None,
                Overflow::Close => {
                    self.phase = Phase::Overflowed;
                    unsettled.extend(self.queue.forget_untaken().into_iter().map(lost));
                    unsettled.push(lost(receipt));
                    self.call_driver(News::End);
                    return Err(SendError::ClientGone);
                }
            };
            let Some(oldest) = oldest else {
                // Where the latest counts, it is not lost to what is on its way already.
                if bounds.overflow == Overflow::DropOldest {
                    break;
                }
                self.queue.refuse();
                unsettled.push((receipt, Err(SendError::Dropped)));
                return Err(SendError::Dropped);
            };
            unsettled.push((oldest, Err(SendError::Dropped)));
        }
        self.call_driver(News::Message);
        Ok(self.queue.push(message, receipt))
    }

    pub(super) fn has_errand(&self) -> bool {
        self.queue.has_untaken() || matches!(self.phase, Phase::Closing(_) | Phase::Overflowed)
    }

    pub(super) fn take_close(&mut self) -> Option<Close> {
        match mem::replace(&mut self.phase, Phase::Parting) {
            Phase::Closing(close) => Some(close),
            phase => {
                self.phase = phase;
                None
            }
        }
    }

    pub(super) fn call_driver(&mut self, news: News) {
        // A message is found by whoever looks for errands before resting; an end is not.
        match (&self.driver, news) {
            (Attendance::Awake | Attendance::Called | Attendance::Blocked(_), News::Message) => {}
            (Attendance::Resting(_), _) | (_, News::End) => {
                if let Attendance::Resting(waker) | Attendance::Blocked(waker) =
                    mem::replace(&mut self.driver, Attendance::Called)
                {
                    waker.wake();
                }
            }
        }
    }
}

/// Someone who waits, and what they are to hear.
pub(super) type Settlement = (Receipt, Result<(), SendError>);

pub(super) fn lost(receipt: Receipt) -> Settlement {
    (receipt, Err(SendError::ClientGone))
}

/// Wakers run other people's code, so this is done with the lock released.
pub(super) fn settle(settlements: impl IntoIterator<Item = Settlement>) {
    for (receipt, outcome) in settlements {
        match receipt {
            Receipt::Nobody => {}
            Receipt::Sender(waker) => waker.wake(),
            Receipt::Broadcast(tallying) => tallying.count(outcome),
        }
    }
}
