//! What has come from one client and its application has not yet taken.
//!
//! The driver puts in and the session takes out, both in the one task of the connection, so nobody
//! needs to be woken: the driver polls the session after each change.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aerys_proto::{Close, Message};

pub(crate) struct Inbox(Mutex<State>);

struct State {
    backlog: VecDeque<Message>,
    /// What the backlog costs, in bytes.
    cost: usize,
    departure: Option<Close>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State { backlog: VecDeque::new(), cost: 0, departure: None }))
    }

    pub(crate) fn push(&self, message: Message) {
        let mut state = self.lock();
        state.cost += cost(&message);
        state.backlog.push_back(message);
    }

    pub(crate) fn take(&self) -> Option<Message> {
        let mut state = self.lock();
        let message = state.backlog.pop_front()?;
        state.cost -= cost(&message);
        if state.backlog.is_empty() && state.backlog.capacity() > KEPT_MESSAGES {
            state.backlog = VecDeque::new();
        }
        Some(message)
    }

    pub(crate) fn has_backlog(&self) -> bool {
        !self.lock().backlog.is_empty()
    }

    /// Drops what has not been taken: nobody will take it.
    pub(crate) fn discard(&self) {
        let mut state = self.lock();
        state.backlog = VecDeque::new();
        state.cost = 0;
    }

    /// Whether so much waits that no more is to be read.
    pub(crate) fn is_full(&self) -> bool {
        self.lock().cost >= FULL
    }

    /// The connection is over. The first to say how is heard.
    pub(crate) fn depart(&self, close: Close) {
        self.lock().departure.get_or_insert(close);
    }

    pub(crate) fn departure(&self) -> Option<Close> {
        self.lock().departure.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cost(message: &Message) -> usize {
    message.len() + size_of::<Message>()
}

/// What may wait before no more is read, in bytes. Little, so that a peer is held back by an
/// application that is busy; but not nothing, so that a goodbye behind a few words is heard.
const FULL: usize = 4 * 1024;

/// Room for this many messages is kept while nothing waits.
const KEPT_MESSAGES: usize = 8;
