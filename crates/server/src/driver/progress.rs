//! Whether a client takes what it is sent, however slowly.
//!
//! Progress is what the peer's kernel has acknowledged, and not what our socket takes: with large
//! buffers that takes nothing for a minute while the peer reads all the time. The kernel is asked only
//! when an alarm rings.

use std::time::{Duration, Instant};

use super::Driver;

/// What the last look has shown.
pub(super) struct Progress {
    /// How many bytes have been acknowledged.
    acknowledged: u64,
    /// Whether there were others that had not been.
    is_owed: bool,
    /// Since when the client has taken nothing of what it is owed.
    since: Instant,
}

impl Progress {
    pub(super) fn new(now: Instant) -> Self {
        Self { acknowledged: 0, is_owed: false, since: now }
    }

    /// Looks anew, and answers whether anything has been taken of what was owed at the last look.
    fn look(&mut self, acknowledged: u64, is_owed: bool, now: Instant) -> bool {
        let has_moved = self.is_owed && acknowledged > self.acknowledged;
        if has_moved || !self.is_owed {
            self.since = now;
        }
        (self.acknowledged, self.is_owed) = (acknowledged, is_owed);
        has_moved
    }
}

impl Driver {
    /// From now on it counts that a client takes nothing of what it is owed.
    pub(super) fn begin_progress(&mut self) {
        self.has_progressed();
        self.progress.since = self.now.instant;
    }

    /// Whether the client has taken anything of what it was owed when this was last asked.
    pub(super) fn has_progressed(&mut self) -> bool {
        let Some(socket) = &self.socket else { return false };
        let written = self.line.meter.bytes_sent();
        // Of what our own side of the kernel tells nothing, nothing is owed.
        let unacknowledged = socket.unacknowledged().unwrap_or(0) as u64;
        let is_owed = unacknowledged > 0 || socket.unsent.is_some();
        self.progress.look(written.saturating_sub(unacknowledged), is_owed, self.now.instant)
    }

    /// Whether pings that are not answered do not count yet, since the client is owed something: a
    /// kernel that has room for much tells of it seldom.
    pub(super) fn may_be_reading(&self) -> bool {
        let config = self.connection.config();
        // From the last look on that spares it, it has as many periods as pings may be unanswered.
        let spared = (SLOW_PERIODS + 1).saturating_sub(config.queued_ping_limit);
        let Some(period) = config.heartbeat_period else { return false };
        let until = self.progress.since.checked_add(period.saturating_mul(spared));
        self.progress.is_owed && until.is_none_or(|until| self.now.instant < until)
    }

    /// Whether the client was owed something at the last look, or we hold something for it.
    pub(super) fn is_owed(&self) -> bool {
        self.progress.is_owed || self.line.outbox.queued_bytes() > 0
    }

    /// Whether the client is owed something, and has taken some of it lately enough. One that has taken
    /// all that has left so far is not to blame for what has not.
    pub(super) fn is_worth_waiting(&self) -> bool {
        if !self.progress.is_owed {
            let outbox = &self.line.outbox;
            return outbox.queued_bytes() > 0 || outbox.has_errand();
        }
        let until = self.progress.since.checked_add(self.stall_period());
        until.is_none_or(|until| self.now.instant < until)
    }

    /// How long a client that is to go may take nothing of what it is owed: as long as it may take to
    /// answer a CLOSE, or, unless the server is stopping, longer if a silent one is kept for longer.
    fn stall_period(&self) -> Duration {
        let config = self.connection.config();
        if self.line.outbox.is_hurried() {
            return config.close_period;
        }
        let pings = config.queued_ping_limit.saturating_add(1);
        let silence = config.heartbeat_period.map_or(Duration::ZERO, |it| it.saturating_mul(pings));
        silence.min(STALL).max(config.close_period)
    }
}

/// For how many heartbeat periods, all in all and at least, a client that is owed something may take
/// none of it. With the usual receive buffer one that reads 2,000 B/s acknowledges something every 65 s.
const SLOW_PERIODS: u32 = 7;

/// One that reads 500 B/s through a receive buffer of 4 KiB acknowledges something every 12 s, as its
/// kernel tells of room only when there is a good deal of it.
const STALL: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_taken_of_what_was_owed_is_progress() {
        let start = Instant::now();
        let mut progress = Progress::new(start);
        let after = |seconds| start + Duration::from_secs(seconds);
        for (seconds, acknowledged, is_owed, has_moved, since) in [
            // Nothing was owed that it could have taken.
            (1, 100, true, false, 1),
            (2, 100, true, false, 1),
            (3, 101, true, true, 3),
            (4, 101, true, false, 3),
            (5, 200, false, true, 5),
            (6, 300, false, false, 6),
            (7, 400, true, false, 7),
        ] {
            assert_eq!(
                progress.look(acknowledged, is_owed, after(seconds)),
                has_moved,
                "{seconds}"
            );
            assert_eq!(progress.since, after(since), "{seconds}");
        }
    }
}
