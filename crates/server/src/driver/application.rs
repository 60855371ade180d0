//! Protocol → mailbox → session: what the driver hands the application, and how it lets that go on.

use std::task::Context;

use aerys_proto::{Close, Event, Message};

use super::{Driver, budget::Budget};
use crate::{
    connection::mailbox::{Mailbox, Written},
    runtime::clock,
    transport::Transport,
};

impl<T: Transport> Driver<T> {
    /// Lets the application work off what has come.
    pub(super) fn poll_session(&mut self, cx: &mut Context<'_>, budget: &mut Budget) {
        let Some(session) = &mut self.session else { return };
        if session.waits(self.mailbox.as_deref()) {
            return;
        }
        // What has been begun goes first, and so do control frames.
        let may_write = self.socket.as_ref().is_some_and(|socket| socket.unsent.is_none())
            && !self.connection.has_control();
        let write_allowance = if may_write { budget.write } else { 0 };
        let outcome = session.poll(&mut self.mailbox, &self.shared, write_allowance, cx);
        if let Some(written) = self.mailbox.as_mut().and_then(|mailbox| mailbox.take_written()) {
            budget.write = budget.write.saturating_sub(written.cost);
            budget.is_application_waiting = true;
            self.note_written(written);
        }
        if outcome.is_ready() {
            self.session = None;
            Mailbox::end(&mut self.mailbox);
            // The session's end has the outbox forget how to wake this task, and there may still be an alarm.
            self.woken = None;
        }
    }

    /// The session has written by itself.
    fn note_written(&mut self, written: Written) {
        if let Some(socket) = &mut self.socket {
            socket.note_held_back(written.is_held_back);
        }
        if self.shared.outbox.has_unsent() {
            self.take_unsent();
        }
    }

    #[inline]
    pub(super) fn report(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Message(message)) => self.deliver(message),
            Some(Event::Closed(close)) => self.depart(close),
            None => {}
        }
    }

    #[inline(always)]
    fn deliver(&mut self, message: Message) {
        self.shared.counters().received(&message);
        if self.session.is_some() {
            self.mailbox().inbound.push(message);
        }
    }

    /// The connection is over for the application. Messages that came before are still its to
    /// take, unless it was itself that asked for the end.
    fn depart(&mut self, close: Close) {
        self.shared.set_ending(self.connection.ending());
        self.deferral = None;
        if self.shared.outbox.is_closing() {
            self.discard();
        }
        if self.session.is_some() {
            if self.has_backlog() {
                self.now = clock::read();
                self.extend_backlog_deadline();
            }
            self.mailbox().inbound.set_close(close);
        }
        self.shared.gone();
    }

    /// Whether the application waits for messages and nothing else, and there are none.
    pub(super) fn is_application_idle(&self) -> bool {
        self.session.as_ref().is_none_or(|session| session.waits(self.mailbox.as_deref()))
    }

    /// Whether there are messages that the application has not taken.
    pub(super) fn has_backlog(&self) -> bool {
        self.mailbox.as_ref().is_some_and(|mailbox| mailbox.inbound.has_backlog())
    }

    /// Drops the messages that the application has not taken.
    pub(super) fn discard(&mut self) {
        if let Some(mailbox) = &mut self.mailbox {
            mailbox.inbound.discard();
        }
    }

    pub(super) fn mailbox(&mut self) -> &mut Mailbox {
        self.mailbox.get_or_insert_with(Mailbox::recycled)
    }
}
