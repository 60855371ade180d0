//! How a connection's end waits for what came before it.
//!
//! A peer's CLOSE, and a violation, are answered when the messages before them have been handled and
//! what came of that has left; so is a write that fails, as the client may have said more before it
//! went. Each waits for as long as something moves.

use std::time::{Duration, Instant};

use super::Driver;
use crate::{runtime::clock, transport::Transport};

/// Longer than a look into a database takes, as a rule, and shorter than a peer waits for our CLOSE.
const SILENT_HANDLER_GRACE: Duration = Duration::from_secs(1);

/// What an end is waiting for. While it does, everything is as before, but that nothing new is read
/// behind a CLOSE.
pub(super) struct Deferral {
    /// When to look whether anything has moved since the last look, unless there is time for ever.
    due: Option<Instant>,
    /// How many messages the application had taken then.
    taken: u64,
    /// The place in the outbox of the last message said to the client then; when the application is
    /// through, the last that the end waits for.
    place: u64,
    is_handled: bool,
}

impl<T: Transport> Driver<T> {
    /// The peer has ended the connection, or nothing can be written to it any more.
    pub(super) fn defer_end(&mut self) {
        if self.deferral.is_none() {
            self.now = clock::read();
            let now = self.now.instant;
            self.begin_progress();
            let place = self.shared.outbox.last_place();
            self.deferral = Some(Box::new(Deferral {
                due: now.checked_add(self.grace()),
                taken: self.messages_taken(),
                place,
                is_handled: false,
            }));
        }
    }

    /// Takes notice of an end that has come, if nothing is left to be waited for or nothing moves. Answers
    /// whether it has; else the end is deferred.
    ///
    /// Whether anything moves is only looked at when the application `has_had_its_turn`: it is not to
    /// pay for one that comes late.
    pub(super) fn end_if_due(&mut self, has_had_its_turn: bool) -> bool {
        let holds_end = self.connection.holds_end();
        if self.deferral.is_none() && !holds_end {
            return false;
        }
        let is_answered = holds_end && self.is_answered();
        if !is_answered {
            self.defer_end();
        }
        let is_late = || self.deferral_due().is_some_and(|due| due <= self.now.instant);
        let is_due = is_answered || (has_had_its_turn && is_late() && !self.is_moving());
        if is_due {
            self.release_end();
        }
        is_due
    }

    /// When to look at an end that is deferred.
    pub(super) fn deferral_due(&self) -> Option<Instant> {
        self.deferral.as_ref()?.due
    }

    /// Whether anything has moved since the last look at an end that is deferred. If so, there is to be
    /// another.
    fn is_moving(&mut self) -> bool {
        let Some(mut deferral) = self.deferral.take() else { return false };
        let taken = self.messages_taken();
        let is_working = taken > deferral.taken;
        let is_flushing = !self.shared.outbox.is_flushed_to(deferral.place);
        let is_moving = is_working || (is_flushing && self.is_worth_waiting());
        if is_moving {
            deferral.due = self.now.instant.checked_add(self.grace());
            deferral.taken = taken;
            if !deferral.is_handled {
                deferral.place = self.shared.outbox.last_place();
            }
        }
        self.deferral = Some(deferral);
        is_moving
    }

    /// Nothing can be written any more. What the client has said before is still heard, unless it is
    /// the application that wants to be rid of it.
    pub(super) fn cut_off(&mut self) {
        let is_heard = self.connection.is_open() && self.shared.outbox.is_open();
        let Some(socket) = self.socket.as_mut().filter(|_| is_heard) else {
            self.socket_ended();
            self.socket = None;
            return;
        };
        socket.is_cut = true;
        socket.unsent = None;
        self.left_over = None;
        self.may_have_output = false;
        self.shared.gone();
        self.defer_end();
    }

    /// Whether all that came before the end has been handled, and what came of it has left.
    fn is_answered(&mut self) -> bool {
        if self.shared.outbox.is_close_asked_for() {
            // What was said before goes first, for as long as that moves.
            return false;
        }
        if !self.shared.outbox.is_open() && !self.is_cut() {
            return true;
        }
        if self.has_backlog() || !self.is_application_idle() || self.has_said() {
            return false;
        }
        // Most ends find nothing that they would have to wait for.
        let Some(deferral) = &mut self.deferral else {
            return self.shared.outbox.queued_bytes() == 0;
        };
        if !deferral.is_handled {
            deferral.is_handled = true;
            deferral.place = self.shared.outbox.last_place();
        }
        self.shared.outbox.is_flushed_to(deferral.place)
    }

    fn release_end(&mut self) {
        self.deferral = None;
        let event = self.connection.release_end(self.now.instant);
        self.report(event);
        self.begin_progress();
        self.may_have_output = true;
        if self.is_cut() {
            self.socket_ended();
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.is_cut)
    }

    /// Whether the application has said anything by the short way that is not on its way yet.
    #[inline]
    pub(super) fn has_said(&self) -> bool {
        self.mailbox.as_ref().is_some_and(|mailbox| !mailbox.fast_path.is_empty())
    }

    pub(super) fn backlog_len(&self) -> usize {
        self.mailbox.as_ref().map_or(0, |mailbox| mailbox.inbound.len())
    }

    /// How many of the client's messages the application has taken.
    fn messages_taken(&self) -> u64 {
        let came = self.connection.traffic().read.messages;
        came.saturating_sub(self.backlog_len() as u64)
    }

    /// How long an end waits for an application that is at work, and says nothing. When nobody waits
    /// for the answer to a CLOSE, as long as for what a client has left behind.
    fn grace(&self) -> Duration {
        if self.is_cut() {
            self.close_period()
        } else {
            self.close_period().min(SILENT_HANDLER_GRACE)
        }
    }
}
