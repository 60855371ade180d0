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
    Bounds,
    gist::{Gist, Stage},
    queue::{Queue, Receipt},
};
use crate::{error::SendError, options::Overflow};

pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) queue: Queue,
    /// How to wake the driver; `None` before it first rests and when it needs to hear no more.
    pub(super) driver: Option<Waker>,
    pub(super) closers: Option<Box<Closers>>,
}

/// Who waits until `on_close` has run.
#[derive(Default)]
pub(super) struct Closers(Vec<Waker>);

/// A state for as long as its lock is held; what it has become is then in the gist.
pub(super) struct Locked<'o> {
    state: MutexGuard<'o, State>,
    gist: &'o Gist,
    /// What the driver is to be told.
    news: Option<News>,
}

pub(super) enum Phase {
    Open,
    /// A close was asked for and not yet taken by the driver.
    Closing(Box<Close>),
    /// The client is owed too much, which the driver does not know yet.
    Overflowed,
    /// The driver knows of the end.
    Parting,
    /// Nothing will be sent any more.
    Gone,
    /// And `on_close` has run.
    Departed,
}

/// What the driver is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Message,
    /// Also if it waits for its socket.
    Urgent,
}

impl State {
    pub(super) fn new() -> Self {
        Self { phase: Phase::Open, queue: Queue::new(), driver: None, closers: None }
    }

    pub(super) fn take_close(&mut self) -> Option<Close> {
        match mem::replace(&mut self.phase, Phase::Parting) {
            Phase::Closing(close) => Some(*close),
            phase => {
                self.phase = phase;
                None
            }
        }
    }
}

impl Closers {
    pub(super) fn add(&mut self, waker: &Waker) {
        if !self.0.iter().any(|closer| closer.will_wake(waker)) {
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
            Self::Parting => Stage::Parting,
            Self::Gone | Self::Departed => Stage::Gone,
        }
    }
}

impl<'o> Locked<'o> {
    pub(super) fn new(state: MutexGuard<'o, State>, gist: &'o Gist) -> Self {
        Self { state, gist, news: None }
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
                    self.call_driver(News::Urgent);
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

    /// As [`push`](Self::push), for each; nobody is to hear what becomes of them.
    pub(super) fn push_all(
        &mut self,
        messages: &[Message],
        bounds: Bounds,
        unsettled: &mut Vec<Settlement>,
    ) {
        let is_open = matches!(self.phase, Phase::Open);
        if is_open && self.queue.has_room_for_all(messages, bounds.max_queued_bytes) {
            self.call_driver(News::Message);
            return self.queue.push_all(messages);
        }
        for message in messages {
            let _ = self.push(message.clone(), Receipt::Nobody, bounds, unsettled);
        }
    }

    /// Has the driver told when the lock is released.
    pub(super) fn call_driver(&mut self, news: News) {
        self.news = Some(news);
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
        self.gist.note(&self.state);
        if let Some(news) = self.news
            && self.gist.call(news)
            && let Some(driver) = &self.state.driver
        {
            driver.wake_by_ref();
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
