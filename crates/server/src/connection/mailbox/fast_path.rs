//! What a handler says to its own client without waiting, on the short way past the outbox.
//!
//! It is an outbox's front, as long as that is empty: the driver takes from it first, and what does not
//! leave with its next write is put where it would have been. So every promise holds, and only the lock
//! is spared, and the bookkeeping (bench/NOTES.md#instructions-of-an-echo).

use std::{collections::VecDeque, mem, ptr};

use aerys_proto::Message;

use crate::connection::outbox::{Outbox, cost};

/// What one write takes for certain, however it is put into frames.
const FAST_PATH_LIMIT: usize = 16 * 1024;

#[derive(Default)]
pub(crate) struct FastPath {
    /// The address of the outbox it is the front of. It is compared, and never followed.
    outbox: usize,
    messages: VecDeque<Message>,
    cost: usize,
}

impl FastPath {
    /// From now on it is the front of this outbox.
    pub(super) fn attach_to(&mut self, outbox: &Outbox) {
        self.outbox = address(outbox);
    }

    /// Takes `message` in, or gives it back: if the outbox is another one, if it is not empty, or
    /// if this would be too much for what leaves with one write.
    #[inline]
    pub(super) fn push(&mut self, message: Message, outbox: &Outbox) -> Result<(), Message> {
        let cost = self.cost + cost(&message);
        if !self.belongs_to(outbox)
            || !outbox.is_clear()
            || cost > outbox.limit().min(FAST_PATH_LIMIT)
        {
            return Err(message);
        }
        self.cost = cost;
        self.messages.push_back(message);
        Ok(())
    }

    pub(super) fn belongs_to(&self, outbox: &Outbox) -> bool {
        self.outbox == address(outbox)
    }

    /// Moves the messages to an empty queue, and answers what they cost.
    pub(crate) fn take(&mut self, messages: &mut VecDeque<Message>) -> usize {
        mem::swap(&mut self.messages, messages);
        mem::take(&mut self.cost)
    }

    /// Has its messages wait in the outbox, of which it is the front.
    pub(crate) fn flush_into(&mut self, outbox: &Outbox) {
        if let Some(messages) = self.take_for(outbox) {
            outbox.push_front(messages);
        }
    }

    /// The messages for this outbox, if there are any.
    pub(crate) fn take_for(&mut self, outbox: &Outbox) -> Option<VecDeque<Message>> {
        if self.is_empty() || !self.belongs_to(outbox) {
            return None;
        }
        self.cost = 0;
        Some(mem::take(&mut self.messages))
    }

    /// What the messages cost, in bytes.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Gives up the room that only a burst needs.
    pub(super) fn shrink(&mut self) {
        if self.messages.capacity() > super::MAX_MAILBOX_ROOM {
            self.messages.shrink_to(super::MAX_MAILBOX_ROOM);
        }
    }
}

fn address(outbox: &Outbox) -> usize {
    ptr::from_ref(outbox).addr()
}
