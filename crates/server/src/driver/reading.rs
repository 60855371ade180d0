//! Socket → protocol → inbound queue.

use std::task::{Context, Poll};

use aerys_proto::deflate::Inflated;

use super::{Driver, budget::Budget};
use crate::{
    connection::mailbox::Inbound,
    runtime::clock,
    transport::{Transport, with_read_buffer},
};

/// What a message costs a turn at least, in bytes: as much as one of 64 bytes does on the wire.
const MIN_MESSAGE_COST: usize = 70;

impl<T: Transport> Driver<T> {
    /// Reads once, at most `budget` bytes and as many as are [allowed](Self::read_allowance), and takes in what
    /// came. Answers whether anything did.
    ///
    /// What was compressed costs the turn what it has become, and each message what a short one does.
    #[inline(never)] // See `Driver::turn`.
    pub(super) fn read(
        &mut self,
        cx: &mut Context<'_>,
        read_allowance: usize,
        budget: &mut Budget,
    ) -> bool {
        if read_allowance == usize::MAX
            && let Some(read) = self.read_in_place(cx, budget)
        {
            return read;
        }
        let Budget { read: budget, read_size, .. } = budget;
        with_read_buffer(|buffer| {
            let Some(socket) = &mut self.socket else { return false };
            if self.is_behind && !socket.has_early() {
                self.receive(&mut [], budget);
                return true;
            }
            let size = (*read_size).min(*budget).min(read_allowance);
            match socket.poll_read(cx, &mut buffer[..size]) {
                Poll::Ready(Ok(read @ 1..)) => {
                    self.receive(&mut buffer[..read], budget);
                    true
                }
                Poll::Ready(outcome) => {
                    self.read_end(outcome.is_ok());
                    true
                }
                // Where nothing can be written, nothing more will come.
                Poll::Pending if socket.is_cut => {
                    self.socket_ended();
                    true
                }
                Poll::Pending => false,
            }
        })
    }

    /// The socket has nothing more to read. One that ended well, after its CLOSE, is still to hear
    /// what it is owed.
    pub(super) fn read_end(&mut self, well: bool) {
        match &mut self.socket {
            Some(socket) if well && self.connection.is_draining() && !socket.is_shut() => {
                socket.has_ended = true;
            }
            _ => self.socket_ended(),
        }
    }

    pub(super) fn backlog_cost(&self) -> usize {
        self.mailbox.as_ref().map_or(0, |mailbox| mailbox.inbound.cost())
    }

    /// Whether nothing is read.
    pub(super) fn are_reads_paused(&self) -> bool {
        self.read_allowance() == 0
    }

    /// How many bytes are read at most: none if there is no socket or the application is behind. Few
    /// if it is about to be, since it works while the client takes nothing of what it is owed: as
    /// many as show whether the client has gone.
    pub(super) fn read_allowance(&self) -> usize {
        let Some(socket) = &self.socket else { return 0 };
        // What follows the peer's end does not matter.
        if socket.has_ended || (self.deferral.is_some() && self.connection.holds_end()) {
            return 0;
        }
        if self.mailbox.as_ref().is_some_and(|mailbox| mailbox.inbound.is_full()) {
            return 0;
        }
        let is_stuck = socket.unsent.is_some()
            && self.shared.outbox.queued_bytes() >= Inbound::READ_LIMIT
            && !self.is_application_idle();
        if is_stuck {
            Inbound::READ_LIMIT.saturating_sub(self.backlog_cost() + self.connection.arriving())
        } else {
            usize::MAX
        }
    }

    /// Takes in what `budget` allows, and keeps the rest for the next turn.
    fn receive(&mut self, mut input: &mut [u8], budget: &mut usize) {
        let size = input.len();
        self.may_have_output = true;
        while (!input.is_empty() || self.is_behind) && *budget > 0 && !self.is_inbound_over_limit()
        {
            let left = input.len();
            // Most are plain, and that is the short way (bench/NOTES.md#taken-out-one-by-one). A coarse time
            // will do for data, and not for what deadlines and round trips begin with.
            let mut event = self.connection.receive_plain(&mut input, self.now.instant);
            let mut work = MIN_MESSAGE_COST;
            if event.is_none() {
                self.now = clock::read();
                let mut unused = *budget;
                event = self.connection.receive_some(&mut input, self.now.instant, &mut unused);
                work = *budget - unused;
                self.is_behind = self.connection.is_behind();
            }
            *budget = budget.saturating_sub(work.max(left - input.len()));
            self.report(event);
        }
        if self.connection.compresses() {
            self.count_inflated();
        }
        self.shared.note_read(size - input.len(), &self.connection, self.now.tick);
        if !input.is_empty()
            && let Some(socket) = &mut self.socket
        {
            socket.put_back(input);
        }
    }

    #[inline(never)]
    fn count_inflated(&mut self) {
        let Inflated { compressed, plain } = self.connection.take_inflated();
        self.shared.counters().decompressed(compressed.into(), plain.into());
    }

    /// Whether what has come, decompressed, is more than a read can hold.
    fn is_inbound_over_limit(&self) -> bool {
        self.mailbox.as_ref().is_some_and(|mailbox| mailbox.inbound.is_over_limit())
    }
}
