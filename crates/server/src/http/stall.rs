//! When a peer has stalled: when it has acknowledged nothing, or too little, of what it is owed.
//!
//! Progress is what the peer's kernel has acknowledged, not what ours takes: with large buffers ours
//! takes nothing for a minute, while the peer reads all the time. It is asked for only when an alarm
//! rings, which it does some times in each period, and not at all while nothing is owed.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// How far a peer is with what it is sent, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// What the peer's kernel has acknowledged. Where the system does not tell, what our own has
    /// taken.
    pub(super) acknowledged: u64,
    /// What was written and is not acknowledged; as good as endless if the system does not tell, and
    /// there is no room.
    pub(super) owed: u64,
    /// Whether there is more, which waits for room.
    pub(super) is_full: bool,
}

/// What is sent to a peer that may stall.
pub(super) trait Sending {
    /// How many bytes were written so far.
    fn written(&self) -> u64;

    /// May cost a system call.
    fn progress(&self) -> Progress;
}

/// How often in each period a look is taken.
pub(super) const LOOKS_A_PERIOD: u32 = 8;

/// Between two looks; at least a millisecond, finer than which no timer rings.
pub(super) fn interval(period: Duration) -> Duration {
    (period / LOOKS_A_PERIOD).max(Duration::from_millis(1))
}

/// Watches over one connection, or one stream.
pub(super) struct StallTimer {
    /// `None` for one that never rings.
    rule: Option<Rule>,
    alarm: Option<Pin<Box<Sleep>>>,
    /// How much was written when everything had been acknowledged.
    settled: u64,
}

impl StallTimer {
    /// Whoever acknowledges nothing for a `period`, or less than `rate` bytes a second, has stalled.
    pub(super) fn new(period: Option<Duration>, rate: u64) -> Self {
        let rule = period.map(|period| Rule::new(period, rate));
        Self { rule, alarm: None, settled: 0 }
    }

    /// Ready when the peer has stalled. To be called whenever something may have been written.
    pub(super) fn poll(&mut self, sending: &impl Sending, cx: &mut Context<'_>) -> Poll<()> {
        let Some(rule) = &mut self.rule else { return Poll::Pending };
        let interval = interval(rule.period);
        loop {
            if self.alarm.is_none() && sending.written() == self.settled {
                return Poll::Pending;
            }
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(interval)));
            ready!(alarm.as_mut().poll(cx));
            let progress = sending.progress();
            if rule.is_broken_by(progress) {
                return Poll::Ready(());
            }
            if progress.owed == 0 {
                self.alarm = None;
                self.settled = sending.written();
                return Poll::Pending;
            }
            alarm.as_mut().reset(Instant::now() + interval);
        }
    }
}

/// In each period in which something is owed all the time, something is acknowledged: a byte at
/// least, and the rate for as long as the response waited for room.
struct Rule {
    period: Duration,
    /// The rate, in bytes for each look.
    least: u64,
    /// What was seen at the last looks, from `next` on and around.
    seen: [Option<Progress>; LOOKS_A_PERIOD as usize],
    next: usize,
}

impl Rule {
    fn new(period: Duration, rate: u64) -> Self {
        let least = interval(period).as_millis().saturating_mul(rate.into()) / 1000;
        let least = u64::try_from(least).unwrap_or(u64::MAX);
        Self { period, least, seen: Default::default(), next: 0 }
    }

    /// Takes a look, a part of a period after the last one.
    fn is_broken_by(&mut self, progress: Progress) -> bool {
        if progress.owed == 0 {
            self.seen = Default::default();
            return false;
        }
        let before = self.seen[self.next].replace(progress);
        self.next = (self.next + 1) % self.seen.len();
        before.is_some_and(|before| {
            let full = self.seen.iter().flatten().filter(|seen| seen.is_full).count();
            let least = self.least.saturating_mul(full as u64).max(1);
            progress.acknowledged.saturating_sub(before.acknowledged) < least
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: bool = true;

    /// At which look a peer is found to have stalled that has acknowledged, and is owed, so much,
    /// with or without more to come.
    fn found(rate: u64, looks: impl IntoIterator<Item = (u64, u64, bool)>) -> Option<usize> {
        let mut rule = Rule::new(Duration::from_secs(8), rate);
        looks.into_iter().position(|(acknowledged, owed, is_full)| {
            rule.is_broken_by(Progress { acknowledged, owed, is_full })
        })
    }

    #[test]
    fn a_peer_that_acknowledges_a_byte_in_each_period_has_not_stalled() {
        for is_full in [FULL, !FULL] {
            assert_eq!(found(0, (0..100).map(|look| (look / 8, 1000, is_full))), None);
            assert_eq!(found(0, (0..100).map(|look| (look / 10, 1000, is_full))), Some(8));
            assert_eq!(found(0, (0..100).map(|_| (7, 1000, is_full))), Some(8));
        }
    }

    #[test]
    fn a_peer_that_is_owed_nothing_begins_anew() {
        let idle = [(7, 0, !FULL)].into_iter();
        let stalled = || (0..8).map(|_| (7, 1000, FULL));
        assert_eq!(found(0, stalled().chain(idle).chain(stalled())), None);
    }

    #[test]
    fn a_rate_holds_for_as_long_as_the_response_waits_for_room() {
        // A look is a second.
        assert_eq!(found(100, (0..100).map(|look| (look * 100, 1 << 20, FULL))), None);
        assert_eq!(found(100, (0..100).map(|look| (look * 99, 1 << 20, FULL))), Some(8));
        assert_eq!(found(100, (0..100).map(|look| (look * 10, 1 << 20, !FULL))), None);
        let half = |size: u64| (0..100).map(move |look| (look * size, 1 << 20, look % 2 == 0));
        assert_eq!(found(100, half(50)), None);
        assert_eq!(found(100, half(49)), Some(8));
    }
}
