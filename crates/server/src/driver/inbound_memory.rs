//! What a client holds of messages that have begun to arrive or wait to be heard.

use aerys_proto::{Close, CloseCode};

use super::Driver;
use crate::{connection::inbound_memory::InboundMemory, transport::Transport};

/// What holding anything takes beside the messages themselves, about, in bytes.
const OVERHEAD: usize = 256;

/// A client that holds something, and what that was when there was last any progress.
pub(super) struct Held {
    memory: InboundMemory,
    seen: Seen,
}

#[derive(PartialEq, Eq)]
struct Seen {
    messages: u64,
    arriving: usize,
    backlog: usize,
}

impl<T: Transport> Driver<T> {
    /// Notes what the client holds before it rests. Most hold nothing.
    #[inline]
    pub(super) fn note_inbound_memory(&mut self) {
        if self.connection.is_within_message() || self.has_backlog() {
            self.update_inbound_memory();
        } else if self.held.is_some() {
            self.held = None;
        }
    }

    #[inline(never)]
    fn update_inbound_memory(&mut self) {
        let seen = Seen {
            messages: self.connection.traffic().read.messages,
            arriving: self.connection.arriving(),
            backlog: self.backlog_len(),
        };
        let bytes = OVERHEAD + self.connection.arriving_memory() + self.backlog_cost();
        match &mut self.held {
            Some(held) if held.seen == seen => {}
            Some(held) => {
                held.seen = seen;
                held.memory.update(bytes, &self.shared);
            }
            None => {
                let mut memory = InboundMemory::new();
                memory.update(bytes, &self.shared);
                self.held = Some(Box::new(Held { memory, seen }));
            }
        }
    }

    /// Gives the client up if its worker's clients hold too much together, and it has made no
    /// progress for longest.
    pub(super) fn handle_eviction(&mut self) {
        if !self.shared.outbox.is_evicted() {
            return;
        }
        self.held = None;
        self.discard();
        if self.connection.is_open() {
            self.shared.counters().evicted.count();
            let close = Close::new(CloseCode::POLICY, "too much is unfinished or unheard");
            let event = self.connection.fail(close, self.now.instant);
            self.report(event);
        }
    }
}
