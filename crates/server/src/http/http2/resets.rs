//! How often a client may have its streams reset.
//!
//! A stream that is opened and reset at once costs the client some bytes and the server a handler
//! (CVE-2023-44487), and so does one that the client has the server reset, by breaking a rule
//! (CVE-2025-8671). Browsers reset many at once, when their user leaves a page, and few otherwise.

use std::time::{Duration, Instant};

/// How many there may be at once: two for each stream.
const BURST: u64 = 2 * super::MAX_STREAMS as u64;

/// In this time there may be one more.
const REFILL: Duration = Duration::from_millis(100);

pub(super) struct ResetBudget {
    left: u64,
    /// How many have been counted.
    counted: u64,
    /// Up to when it has been refilled.
    refilled: Instant,
}

impl ResetBudget {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, counted: 0, refilled: now }
    }

    /// Whether there are more than have been counted.
    pub(super) fn is_behind(&self, resets: u64) -> bool {
        resets > self.counted
    }

    /// Whether there may have been as many, from the beginning on.
    pub(super) fn allows(&mut self, resets: u64, now: Instant) -> bool {
        let new = resets - self.counted;
        let refills = now.saturating_duration_since(self.refilled).as_millis() / REFILL.as_millis();
        let refills = u32::try_from(refills).unwrap_or(u32::MAX);
        self.refilled += REFILL * refills;
        self.left = (self.left + u64::from(refills)).min(BURST);
        self.counted = resets;
        let allows = new <= self.left;
        self.left = self.left.saturating_sub(new);
        allows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_a_flood_is_not() {
        let now = Instant::now();
        assert!(ResetBudget::new(now).allows(BURST, now));
        assert!(!ResetBudget::new(now).allows(BURST + 1, now));
        let mut budget = ResetBudget::new(now);
        assert!((1..=BURST).all(|resets| budget.allows(resets, now)));
        assert!(!budget.allows(BURST + 1, now));
    }

    #[test]
    fn a_steady_trickle_is_allowed() {
        let begin = Instant::now();
        let mut budget = ResetBudget::new(begin);
        assert!((1..10 * BURST).all(|resets| {
            let now = begin + REFILL * u32::try_from(resets).unwrap();
            budget.allows(resets, now)
        }));
        // It is full again after that, and holds no more than a burst.
        let (resets, later) = (10 * BURST, begin + Duration::from_secs(100_000));
        assert!(budget.allows(resets + BURST - 1, later));
        assert!(!budget.allows(resets + BURST + 1, later));
    }
}
