//! Outbox → protocol → socket.

use std::{
    cell::RefCell,
    io, mem,
    task::{Context, Poll, ready},
};

use aerys_proto::Message;

use super::{
    Driver,
    batch::{Batch, Unsent},
    budget::{Budget, LARGE_READ, READ_SIZE},
    socket::Socket,
};
use crate::{runtime::clock, transport::Transport};

/// What of the message last given to the connection is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    Nothing,
    Plain,
    /// Of one that is compressed.
    Compressed,
}

impl<T: Transport> Driver<T> {
    /// Writes what there is to write, as far as `budget` and the socket go. Answers whether
    /// anything was handed to the kernel.
    #[inline(never)] // See `Driver::turn`.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, budget: &mut Budget) -> bool {
        let unsent = |socket: &Socket<T>| socket.unsent.is_some();
        let said = self.has_said();
        if !self.may_have_output
            && !said
            && !self.shared.outbox.has_pending_output()
            && !self.socket.as_ref().is_some_and(unsent)
        {
            return false;
        }
        let mut wrote = false;
        BATCH.with_borrow_mut(|batch| {
            self.may_have_output = true;
            while budget.write > 0 && self.socket.is_some() && self.may_have_output {
                batch.clear();
                match self.write_once(batch, cx, budget) {
                    Poll::Ready(Ok(true)) => wrote = true,
                    Poll::Ready(Ok(false)) | Poll::Pending => break,
                    Poll::Ready(Err(_)) => {
                        self.cut_off();
                        wrote = true;
                    }
                }
            }
            batch.drop_payloads();
        });
        // What could not leave at once waits with the rest.
        if let Some(mailbox) = &mut self.mailbox {
            mailbox.fast_path.flush_into(&self.shared.outbox);
        }
        wrote
    }

    /// Writes, or leaves what the application has answered for later if the next read may bring more that
    /// leaves with the same write (bench/NOTES.md#read-and-written-together). While the application keeps
    /// up, that is a larger one.
    #[inline(never)]
    pub(super) fn gather_or_write(&mut self, cx: &mut Context<'_>, budget: &mut Budget) -> bool {
        budget.is_application_waiting |= !self.is_application_idle();
        let said = self.mailbox.as_ref().map_or(0, |mailbox| mailbox.fast_path.cost());
        let room = LARGE_READ.saturating_sub(said + self.shared.outbox.queued_bytes());
        // Behind an end nothing is read.
        if budget.read > 0
            && room >= READ_SIZE
            && !self.connection.holds_end()
            && self.keeps_up()
            && self.socket.as_ref().is_some_and(|socket| !socket.is_silent(cx))
        {
            budget.allow_read(room);
            return false;
        }
        let has_written = self.write(cx, budget);
        budget.allow_read(if self.keeps_up() { LARGE_READ } else { READ_SIZE });
        has_written
    }

    /// Whether the application waits for messages and nothing else, and the client has taken what it was
    /// sent.
    fn keeps_up(&self) -> bool {
        self.is_application_idle()
            && self.socket.as_ref().is_some_and(|socket| socket.unsent.is_none())
    }

    /// Takes over what was begun past this driver.
    #[cold]
    pub(super) fn take_unsent(&mut self) {
        let unsent = self.shared.outbox.take_unsent();
        if let Some((unsent, socket)) = unsent.zip(self.socket.as_mut()) {
            debug_assert!(socket.unsent.is_none(), "a driver that rests has written everything");
            socket.unsent = Some(Box::new(Unsent::new(unsent)));
            self.may_have_output = true;
        }
    }

    /// Answers `false` when there is nothing to write.
    fn write_once(
        &mut self,
        batch: &mut Batch,
        cx: &mut Context<'_>,
        budget: &mut Budget,
    ) -> Poll<io::Result<bool>> {
        let Some(socket) = &mut self.socket else { return Poll::Ready(Ok(false)) };
        if socket.is_cut {
            self.may_have_output = false;
            return Poll::Ready(Ok(false));
        }
        if socket.unsent.is_some() {
            let written = ready!(socket.poll_write_unsent(cx))?;
            if let Some(unsent) = socket.unsent.take_if(|unsent| unsent.is_empty()) {
                socket.restore_unsent_limit();
                self.shared.outbox.flushed(unsent.ending, cx);
            }
            budget.spend_write(written);
            self.shared.note_sent(written, &self.connection, self.now.tick);
            return Poll::Ready(Ok(true));
        }
        self.gather(batch);
        // A FIN leaves with the CLOSE before it, in one packet.
        let more_follows = (batch.has_ending() && self.has_backlog())
            || (self.connection.is_draining() && !batch.is_full());
        let Some(socket) = &mut self.socket else { return Poll::Ready(Ok(false)) };
        if batch.is_empty() {
            debug_assert!(self.left_over.is_none(), "what is left over follows something");
            if self.connection.is_draining() {
                socket.shut(cx)?;
            }
            self.may_have_output = false;
            return Poll::Ready(Ok(false));
        }
        budget.spend_write(batch.cost());
        let written = match batch.poll_write(socket, more_follows, cx)? {
            Poll::Ready(written) => written,
            Poll::Pending => 0,
        };
        self.shared.note_sent(written, &self.connection, self.now.tick);
        if written < batch.len() {
            let mut unsent = batch.rest(written);
            if batch.fast_path_cost > 0 {
                self.shared.outbox.count_unsent(batch.fast_path_cost);
                unsent.ending += 1;
            }
            socket.unsent = Some(Box::new(unsent));
        } else {
            if batch.ending > 0 {
                self.shared.outbox.flushed(batch.ending, cx);
            }
            let may_go_on = batch.is_full() || batch.is_budget_spent();
            self.may_have_output = may_go_on || self.connection.is_draining();
        }
        Poll::Ready(Ok(true))
    }

    /// Moves frames into the batch until it is full or there are none.
    fn gather(&mut self, batch: &mut Batch) {
        // What has taken the short way was said when nothing else was owed.
        if let Some(mailbox) = &mut self.mailbox {
            batch.take_fast_path(&mut mailbox.fast_path);
        }
        if let Some(mut left_over) = self.left_over.take() {
            batch.messages.append(&mut left_over);
        }
        while !batch.is_full() {
            let is_free = self.sending == Sending::Nothing && !batch.is_budget_spent();
            if is_free && let Some(message) = batch.messages.pop_front() {
                self.begin(message, batch);
            } else if self.connection.is_compressing() && batch.is_budget_spent() {
                break;
            } else if let Some(frame) = self.connection.poll_transmit() {
                if self.sending == Sending::Compressed && !frame.is_control() {
                    self.shared.counters().compressed(0, frame.payload().len() as u64);
                }
                batch.push(frame);
                batch.add_work(self.connection.take_compressed());
                if self.sending != Sending::Nothing && !self.connection.is_sending() {
                    self.sending = Sending::Nothing;
                    batch.end_message();
                }
            } else if batch.is_budget_spent() || !self.shared.outbox.has_pending_output() {
                break;
            } else if let Some(close) = self.shared.outbox.take(batch.room(), &mut batch.messages) {
                self.discard();
                self.now = clock::read();
                self.connection.close(close, self.now.instant);
            } else if batch.messages.is_empty() {
                break;
            }
        }
        debug_assert!(!batch.has_fast_path_left(), "what was said fits into one batch");
        if !batch.messages.is_empty() {
            self.left_over = Some(Box::new(mem::take(&mut batch.messages)));
        }
    }

    /// Gives the connection a message to make frames of; if it is one, that is in the batch at once.
    fn begin(&mut self, message: Message, batch: &mut Batch) {
        let len = message.len();
        let is_text = message.is_text();
        match self.connection.transmit(message) {
            Ok(frame) => {
                self.shared.counters().sent(is_text, len);
                batch.begin_message(len);
                batch.push(frame);
                batch.end_message();
            }
            Err(message) => {
                self.sending = match self.connection.send(message) {
                    Err(_) => Sending::Nothing,
                    Ok(()) if self.connection.has_compressed() => Sending::Compressed,
                    Ok(()) => Sending::Plain,
                };
                let is_sending = self.sending != Sending::Nothing;
                if is_sending {
                    self.shared.counters().sent(is_text, len);
                }
                if self.sending == Sending::Compressed {
                    self.shared.counters().compressed(len as u64, 0);
                }
                let compressed = self.connection.take_compressed();
                if self.connection.is_compressing() {
                    // The rest of it is work of later.
                    batch.add_work(compressed);
                } else if is_sending {
                    // Compressed or not, all of it.
                    batch.begin_message(len);
                } else {
                    // One that comes too late goes with the rest when the client departs.
                    batch.skip_message();
                }
            }
        }
    }
}

thread_local! {
    /// What every connection of this thread gathers its frames in (bench/NOTES.md#taken-out-one-by-one).
    static BATCH: RefCell<Batch> = RefCell::default();
}
