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
    departure: Option<Close>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State { backlog: VecDeque::new(), departure: None }))
    }

    pub(crate) fn push(&self, message: Message) {
        self.lock().backlog.push_back(message);
    }

    pub(crate) fn take(&self) -> Option<Message> {
        let mut state = self.lock();
        let message = state.backlog.pop_front();
        if state.backlog.is_empty() && state.backlog.capacity() > KEPT_MESSAGES {
            state.backlog = VecDeque::new();
        }
        message
    }

    pub(crate) fn has_backlog(&self) -> bool {
        !self.lock().backlog.is_empty()
    }

    /// Drops what has not been taken: nobody will take it.
    pub(crate) fn discard(&self) {
        self.lock().backlog = VecDeque::new();
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

/// Room for this many messages is kept while nothing waits.
const KEPT_MESSAGES: usize = 8;
