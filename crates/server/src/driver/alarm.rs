//! The alarm of a connection, and what is done when it rings: heartbeats, deadlines of closes, an end
//! that was deferred.
//!
//! It wakes the outbox, and not the driver's task: so the driver learns of it where it looks for
//! everything else, and does not look at the time for each message.

use std::{
    sync::Arc,
    task::Wake,
    time::{Duration, Instant},
};

use super::Driver;
use crate::{
    connection::Shared,
    runtime::{Alarms, clock::Tick},
    transport::Transport,
};

pub(super) struct Alarm {
    alarms: Arc<Alarms>,
    due: Tick,
}

/// It is not set.
const NEVER: Tick = Tick(u64::MAX);

impl Alarm {
    pub(super) fn new(alarms: Arc<Alarms>) -> Self {
        Self { alarms, due: NEVER }
    }

    /// Has it ring at `due` or before. One that rings too early is left alone: it is looked at
    /// then, so that nothing is done about it for each message.
    pub(super) fn set(&mut self, due: Instant, shared: &Arc<Shared>) {
        let due = Tick::of(due);
        if due < self.due {
            self.clear(shared);
            self.alarms.set(due, shared);
            self.due = due;
        }
    }

    fn is_set(&self) -> bool {
        self.due != NEVER
    }

    /// It has rung, or is not to ring any more, and may be set anew.
    pub(super) fn clear(&mut self, shared: &Arc<Shared>) {
        if self.is_set() {
            self.alarms.take_back(self.due, shared);
            self.due = NEVER;
        }
    }
}

/// How long an application has to go on with what a client has left behind.
pub(super) struct BacklogDeadline {
    due: Instant,
    /// How many messages were left at the last look.
    left: usize,
}

/// The bell.
impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.outbox.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.outbox.ring();
    }
}

impl<T: Transport> Driver<T> {
    /// The alarm has rung: does what is due.
    pub(super) fn handle_timeout(&mut self) {
        let now = self.now.instant;
        self.may_have_output = true;
        self.handle_eviction();
        let has_progressed = self.has_progressed();
        let is_ending = !self.connection.is_open();
        if has_progressed || (is_ending && self.is_worth_waiting()) {
            self.connection.handle_progress(now);
        } else if self.is_cut()
            || self.may_be_reading()
            || (self.are_reads_paused() && !self.is_owed())
        {
            // Silence is not its fault while it is not listened to, unless it takes nothing; and what
            // has become of one that cannot be written to is known.
            self.connection.excuse_silence();
        }
        if self.are_reads_paused() {
            self.connection.excuse_unfinished(now);
        }
        let event = self.connection.handle_timeout(now);
        self.report(event);
        self.shared.meter.look(&self.connection);
        self.handle_close_deadline();
        self.handle_backlog_deadline();
    }

    /// Ends the wait for a client that takes nothing of what goes before its CLOSE: it will not
    /// take that either.
    fn handle_close_deadline(&mut self) {
        let now = self.now.instant;
        if self.close_deadline.as_ref().is_none_or(|close_deadline| now < **close_deadline) {
            return;
        }
        self.begin_close_deadline();
        if !self.is_worth_waiting()
            && let Some(close) = self.shared.outbox.take_close()
        {
            let event = self.connection.fail(close, now);
            self.report(event);
            self.socket = None;
        }
    }

    /// From now on a client that is to be closed has time to take what goes before its CLOSE.
    pub(super) fn begin_close_deadline(&mut self) {
        let due = self.now.instant.checked_add(self.close_period());
        self.close_deadline = due.map(Box::new);
    }

    /// From now on an application has time to go on with what a client has left behind.
    pub(super) fn extend_backlog_deadline(&mut self) {
        let due = self.now.instant.checked_add(self.close_period());
        let left = self.backlog_len();
        self.backlog_deadline = due.map(|due| Box::new(BacklogDeadline { due, left }));
    }

    /// Ends the wait for an application that does not.
    fn handle_backlog_deadline(&mut self) {
        let Some(backlog_deadline) = self.backlog_deadline.take_if(|it| it.due <= self.now.instant)
        else {
            return;
        };
        if self.backlog_len() < backlog_deadline.left {
            self.extend_backlog_deadline();
        } else {
            self.discard();
        }
    }

    /// Sets the alarm to the next thing due.
    #[inline]
    pub(super) fn set_alarm(&mut self) {
        // While nothing ends, and nothing has begun to arrive, what is due only moves away.
        let is_ending = self.close_deadline.is_some()
            || self.deferral.is_some()
            || self.backlog_deadline.is_some();
        let is_calm = self.connection.is_open() && self.session.is_some() && self.held.is_none();
        if !is_calm || !self.alarm.is_set() || is_ending {
            self.set_alarm_anew();
        }
    }

    #[inline(never)]
    fn set_alarm_anew(&mut self) {
        let backlog_deadline =
            self.backlog_deadline.as_ref().map(|backlog_deadline| backlog_deadline.due);
        let deadlines = [
            self.connection.poll_timeout(),
            self.close_deadline.as_deref().copied(),
            self.deferral_due(),
            backlog_deadline,
        ];
        if let Some(due) = deadlines.into_iter().flatten().min() {
            self.alarm.set(due, &self.shared);
        }
    }

    pub(super) fn close_period(&self) -> Duration {
        self.connection.config().close_period
    }
}
