//! What has come from one client and its application has not yet taken.

use std::{collections::VecDeque, mem};

use aerys_proto::{Close, Message};

/// The most messages that one read brings are of no bytes: some 2,700, which come to half of this.
const INBOUND_LIMIT: usize = 256 * 1024;

#[derive(Default)]
pub(crate) struct Inbound {
    backlog: VecDeque<Message>,
    cost: usize,
    close: Option<Close>,
    /// Whether the session waits for what comes next and for nothing else.
    is_awaited: bool,
}

impl Inbound {
    /// A client of which this many bytes wait to be taken is not heard.
    pub(crate) const READ_LIMIT: usize = 4 * 1024;

    pub(crate) fn push(&mut self, message: Message) {
        self.cost += cost(&message);
        self.backlog.push_back(message);
    }

    #[inline]
    pub(crate) fn take(&mut self) -> Option<Message> {
        let message = self.backlog.pop_front()?;
        self.cost -= cost(&message);
        Some(message)
    }

    /// Whether anything waits to be taken.
    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// How many messages wait to be taken.
    pub(crate) fn len(&self) -> usize {
        self.backlog.len()
    }

    /// Drops what waits to be taken.
    pub(crate) fn discard(&mut self) {
        self.backlog.clear();
        self.cost = 0;
    }

    /// Forgets what has come, and how the client went.
    pub(super) fn clear(&mut self) {
        self.discard();
        self.close = None;
        self.is_awaited = false;
    }

    /// What the messages that wait cost, in bytes.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }

    /// Whether so much waits that the client is not heard.
    pub(crate) fn is_full(&self) -> bool {
        self.cost >= Self::READ_LIMIT
    }

    /// Whether more waits than one read brings, unless what it brings was compressed.
    pub(crate) fn is_over_limit(&self) -> bool {
        self.cost >= INBOUND_LIMIT
    }

    /// Notes how the client went; the first word counts.
    pub(crate) fn set_close(&mut self, close: Close) {
        self.close.get_or_insert(close);
    }

    /// How the client went, if it has.
    pub(crate) fn close(&self) -> Option<&Close> {
        self.close.as_ref()
    }

    /// Nothing happens in the session before something comes.
    pub(crate) fn wait(&mut self) {
        self.is_awaited = true;
    }

    /// Whether the session has said since that it waits for what comes.
    pub(crate) fn was_awaited(&mut self) -> bool {
        mem::take(&mut self.is_awaited)
    }

    /// Whether there is nothing in here.
    pub(crate) fn is_clear(&self) -> bool {
        self.backlog.is_empty() && self.close.is_none()
    }

    /// Gives up the room that only a burst needs.
    pub(super) fn shrink(&mut self) {
        if self.backlog.capacity() > super::MAX_MAILBOX_ROOM {
            self.backlog.shrink_to(super::MAX_MAILBOX_ROOM);
        }
    }
}

fn cost(message: &Message) -> usize {
    message.len() + size_of::<Message>()
}
