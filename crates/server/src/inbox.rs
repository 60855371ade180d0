//! What has come from one client and its application has not yet taken.
//!
//! The driver puts in and the session takes out, both in the one task of the connection, so nobody
//! needs to be woken, and nothing is locked: the inbox is the driver's, which lends it to the
//! session through the thread for as long as it polls it.

use std::{cell::RefCell, collections::VecDeque, mem};

use aerys_proto::{Close, Message};

use crate::spare::{Spare, give_back_room, take_room};

#[derive(Default)]
pub(crate) struct Inbox {
    backlog: VecDeque<Message>,
    cost: usize,
    departure: Option<Close>,
    /// Whether the session waits for what comes next and for nothing else.
    awaited: bool,
}

/// The driver's side.
impl Inbox {
    pub(crate) fn push(&mut self, message: Message) {
        self.cost += cost(&message);
        take_room(&SPARE, &mut self.backlog);
        self.backlog.push_back(message);
    }

    /// Whether anything waits to be taken.
    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Drops what waits to be taken.
    pub(crate) fn discard(&mut self) {
        self.backlog = VecDeque::new();
        self.cost = 0;
    }

    /// Whether so much waits that the client is not heard.
    pub(crate) fn is_full(&self) -> bool {
        self.cost >= FULL
    }

    /// Whether more waits than one read brings, unless what it brings was compressed.
    pub(crate) fn is_swamped(&self) -> bool {
        self.cost >= SWAMPED
    }

    /// Notes how the client went; the first word counts.
    pub(crate) fn depart(&mut self, close: Close) {
        self.departure.get_or_insert(close);
    }

    /// Whether there is nothing in here for a session that waits for that alone.
    pub(crate) fn leaves_waiting(&self) -> bool {
        self.awaited && self.backlog.is_empty() && self.departure.is_none()
    }

    /// Lends it to the session that `poll` polls.
    pub(crate) fn lend<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        self.awaited = false;
        LENT.with_borrow_mut(|lent| mem::swap(lent, self));
        let returned = Return(self);
        let outcome = poll();
        drop(returned);
        outcome
    }
}

/// The session's side: the inbox of the session that is being polled.
impl Inbox {
    pub(crate) fn with<T>(look: impl FnOnce(&mut Inbox) -> T) -> T {
        LENT.with_borrow_mut(look)
    }

    pub(crate) fn take(&mut self) -> Option<Message> {
        let message = self.backlog.pop_front()?;
        self.cost -= cost(&message);
        if self.backlog.is_empty() {
            give_back_room(&SPARE, &mut self.backlog);
        }
        Some(message)
    }

    /// Nothing happens in the session before something comes.
    pub(crate) fn wait(&mut self) {
        self.awaited = true;
    }

    /// How the client went, if it has.
    pub(crate) fn departure(&self) -> Option<&Close> {
        self.departure.as_ref()
    }
}

/// Takes the inbox back, however the poll ends.
struct Return<'i>(&'i mut Inbox);

impl Drop for Return<'_> {
    fn drop(&mut self) {
        LENT.with_borrow_mut(|lent| mem::swap(lent, self.0));
    }
}

fn cost(message: &Message) -> usize {
    message.len() + size_of::<Message>()
}

thread_local! {
    /// Room for messages, for whose inbox is filled next: an empty one has none of its own.
    static SPARE: Spare<Message> = const { RefCell::new(VecDeque::new()) };

    static LENT: RefCell<Inbox> = RefCell::default();
}

/// A client of which this many bytes wait to be taken is not heard.
const FULL: usize = 4 * 1024;

/// The most messages that one read brings are of no bytes: some 10,000, which come to half of this.
const SWAMPED: usize = 1024 * 1024;
