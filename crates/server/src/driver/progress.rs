//! Whether a client takes what it is sent, however slowly.
//!
//! Progress is what the peer's kernel has acknowledged, and not what our socket takes: with large
//! buffers that takes nothing for a minute while the peer reads all the time. The kernel is asked only
//! when an alarm rings.

use std::time::{Duration, Instant};

use super::Driver;
use crate::transport::Transport;

/// For how many heartbeat periods, all in all and at least, a client that is owed something may take
/// none of it. With the usual receive buffer one that reads 2,000 B/s acknowledges something every 65 s.
const SLOW_PERIODS: u32 = 7;

/// One that reads 500 B/s through a receive buffer of 4 KiB acknowledges something every 12 s, as its
/// kernel tells of room only when there is a good deal of it.
const CLOSE_STALL_PERIOD: Duration = Duration::from_secs(15);

/// What the last look has shown of a client that was owed something then.
pub(super) struct Owed {
    /// How many bytes had been acknowledged.
    acknowledged: u64,
    /// Since when the client has taken nothing of the others.
    since: Instant,
}

/// Looks anew, and answers whether anything has been taken of what was owed at the last look. Most
/// are owed nothing, and it takes no memory to know that.
fn look(owed: &mut Option<Box<Owed>>, acknowledged: u64, is_owed: bool, now: Instant) -> bool {
    let before = owed.as_deref().map(|owed| (owed.acknowledged, owed.since));
    let has_moved = before.is_some_and(|(before, _)| acknowledged > before);
    let since = before.filter(|_| !has_moved).map_or(now, |(_, since)| since);
    *owed = is_owed.then(|| Box::new(Owed { acknowledged, since }));
    has_moved
}

impl<T: Transport> Driver<T> {
    /// From now on it counts that a client takes nothing of what it is owed.
    pub(super) fn begin_progress(&mut self) {
        self.has_progressed();
        if let Some(owed) = &mut self.owed {
            owed.since = self.now.instant;
        }
    }

    /// Whether the client has taken anything of what it was owed when this was last asked.
    pub(super) fn has_progressed(&mut self) -> bool {
        let Some(socket) = &self.socket else { return false };
        let written = self.shared.meter.bytes_sent();
        // Who has been sent nothing is owed nothing, which need not be asked; nor, as far as can be known, is
        // anything of which our own side of the kernel tells nothing.
        let unacknowledged =
            if written == 0 { 0 } else { socket.unacknowledged().unwrap_or(0) as u64 };
        let is_owed = unacknowledged > 0 || socket.unsent.is_some();
        look(&mut self.owed, written.saturating_sub(unacknowledged), is_owed, self.now.instant)
    }

    /// Whether pings that are not answered do not count yet, since the client is owed something: a
    /// kernel that has room for much tells of it seldom.
    pub(super) fn may_be_reading(&self) -> bool {
        let config = self.connection.config();
        // From the last look on that spares it, it has as many periods as pings may be unanswered.
        let spared = (SLOW_PERIODS + 1).saturating_sub(config.queued_ping_limit);
        let (Some(owed), Some(period)) = (&self.owed, config.heartbeat_period) else {
            return false;
        };
        let until = owed.since.checked_add(period.saturating_mul(spared));
        until.is_none_or(|until| self.now.instant < until)
    }

    /// Whether the client was owed something at the last look, or we hold something for it.
    pub(super) fn is_owed(&self) -> bool {
        self.owed.is_some() || self.shared.outbox.queued_bytes() > 0
    }

    /// Whether the client is owed something, and has taken some of it lately enough. One that has taken
    /// all that has left so far is not to blame for what has not.
    pub(super) fn is_worth_waiting(&self) -> bool {
        let Some(owed) = &self.owed else {
            let outbox = &self.shared.outbox;
            return outbox.queued_bytes() > 0 || outbox.has_pending_output();
        };
        let until = owed.since.checked_add(self.stall_period());
        until.is_none_or(|until| self.now.instant < until)
    }

    /// How long a client that is to go may take nothing of what it is owed: as long as it may take to
    /// answer a CLOSE, or, unless the server is stopping, longer if a silent one is kept for longer.
    fn stall_period(&self) -> Duration {
        let config = self.connection.config();
        if self.shared.outbox.is_expedited() {
            return config.close_period;
        }
        let pings = config.queued_ping_limit.saturating_add(1);
        let silence = config.heartbeat_period.map_or(Duration::ZERO, |it| it.saturating_mul(pings));
        silence.min(CLOSE_STALL_PERIOD).max(config.close_period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_taken_of_what_was_owed_is_progress() {
        let start = Instant::now();
        let mut owed = None;
        let after = |seconds| start + Duration::from_secs(seconds);
        for (seconds, acknowledged, is_owed, has_moved, since) in [
            // Nothing was owed that it could have taken.
            (1, 100, true, false, Some(1)),
            (2, 100, true, false, Some(1)),
            (3, 101, true, true, Some(3)),
            (4, 101, true, false, Some(3)),
            (5, 200, false, true, None),
            (6, 300, false, false, None),
            (7, 400, true, false, Some(7)),
        ] {
            let moved = look(&mut owed, acknowledged, is_owed, after(seconds));
            assert_eq!(moved, has_moved, "{seconds}");
            assert_eq!(owed.as_ref().map(|owed| owed.since), since.map(after), "{seconds}");
        }
    }
}
