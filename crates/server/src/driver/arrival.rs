//! What a client holds of messages that have begun to arrive or wait to be heard.

use aerys_proto::{Close, CloseCode};

use super::Driver;
use crate::connection::inbound::Holding;

/// A client that holds something, and what that was when there was last any progress.
pub(super) struct Arrival {
    holding: Holding,
    seen: Seen,
}

#[derive(PartialEq, Eq)]
struct Seen {
    messages: u64,
    arriving: usize,
    backlog: usize,
}

impl Driver {
    /// Notes what the client holds before it rests. Most hold nothing.
    #[inline]
    pub(super) fn note_arrival(&mut self) {
        if self.connection.is_within_message() || self.has_backlog() {
            self.note_holding();
        } else if self.arrival.is_some() {
            self.arrival = None;
        }
    }

    #[inline(never)]
    fn note_holding(&mut self) {
        let seen = Seen {
            messages: self.connection.traffic().read.messages,
            arriving: self.connection.arriving(),
            backlog: self.backlog_len(),
        };
        let bytes = BESIDE + self.connection.arriving_memory() + self.backlog_cost();
        match &mut self.arrival {
            Some(arrival) if arrival.seen == seen => {}
            Some(arrival) => {
                arrival.seen = seen;
                arrival.holding.update(bytes, &self.line);
            }
            None => {
                let mut holding = Holding::new();
                holding.update(bytes, &self.line);
                self.arrival = Some(Box::new(Arrival { holding, seen }));
            }
        }
    }

    /// Gives the client up if its worker's clients hold too much together, and it has made no
    /// progress for longest.
    pub(super) fn handle_eviction(&mut self) {
        if !self.line.outbox.is_evicted() {
            return;
        }
        self.arrival = None;
        self.discard();
        if self.connection.is_open() {
            let close = Close::new(CloseCode::POLICY, "too much is unfinished or unheard");
            let event = self.connection.fail(close, self.now.instant);
            self.report(event);
        }
    }
}

/// What holding anything takes beside the messages themselves, about, in bytes.
const BESIDE: usize = 256;
