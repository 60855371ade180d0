//! When a driver is to look at the clock, though nothing happens.
//!
//! The alarm rings at the line, not at the driver's task: so the driver learns of it where it looks
//! for everything else, and does not look at the timer for each message.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use tokio::{
    task::coop::unconstrained,
    time::{Sleep, sleep},
};

use crate::line::Line;

pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// When it rings, if it is set.
    due: Option<Instant>,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Self { sleep: Box::pin(sleep(NEVER)), due: None }
    }

    /// Has it ring at `due` or before. One that rings too early is left alone: it is looked at
    /// then, so that nothing is done about it for each message.
    pub(super) fn set(&mut self, due: Instant, line: &Arc<Line>) {
        if self.due.is_some_and(|earlier| earlier <= due) {
            return;
        }
        self.due = Some(due);
        self.sleep.as_mut().reset(due.into());
        let bell = Waker::from(Arc::clone(line));
        if self.poll(&mut Context::from_waker(&bell)).is_ready() {
            line.outbox.ring();
        }
    }

    /// Has it ring at this task and no longer at the line. Answers whether it has rung.
    pub(super) fn ring_here(&mut self, cx: &mut Context<'_>) -> bool {
        self.due.is_some() && self.poll(cx).is_ready()
    }

    /// It has rung, and may be set anew.
    pub(super) fn clear(&mut self) {
        self.due = None;
    }

    /// The runtime's budget must not keep it from being heard.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        pin!(unconstrained(self.sleep.as_mut())).poll(cx)
    }
}

/// How far off an alarm is that was not set yet: thirty years.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
