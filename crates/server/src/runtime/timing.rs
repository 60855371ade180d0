//! How long the application's code takes, as far as that is looked at.
//!
//! To look at the clock twice for each message would cost as much as a short handler takes. So it is done in one turn
//! of a worker's clients in 64, and for whatever waits: there a look costs little beside that.

use std::{cell::Cell, time::Duration};

use super::clock;

/// How many turns there are between two that are timed.
const UNTIMED_TURNS: u8 = 63;

/// When something has begun, or has first waited if its turn is none that is timed. In ticks; 0 if neither is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timing(u64);

impl Timing {
    /// Something begins.
    #[inline(always)]
    pub(super) fn begin() -> Self {
        if IS_TIMED.get() { Self::now() } else { Self::default() }
    }

    /// It waits.
    #[inline(always)]
    pub(super) fn wait(&mut self) {
        if self.0 == 0 {
            *self = Self::now();
        }
    }

    /// It is over. Answers how long it has taken, once.
    #[inline(always)]
    pub(super) fn end(&mut self) -> Option<Duration> {
        if self.0 == 0 { None } else { Some(self.elapsed()) }
    }

    #[cold]
    fn now() -> Self {
        Self(clock::read().tick.0.max(1))
    }

    #[cold]
    fn elapsed(&mut self) -> Duration {
        let began = std::mem::take(&mut self.0);
        Duration::from_nanos(clock::read().tick.0.saturating_sub(began))
    }
}

/// Runs a turn of a client's, in which what begins is timed if it is one of those.
#[inline(always)]
pub(crate) fn turn<T>(run: impl FnOnce() -> T) -> T {
    let left = UNTIMED_LEFT.get();
    if left > 0 {
        UNTIMED_LEFT.set(left - 1);
        return run();
    }
    UNTIMED_LEFT.set(UNTIMED_TURNS);
    IS_TIMED.set(true);
    let outcome = run();
    IS_TIMED.set(false);
    outcome
}

thread_local! {
    static UNTIMED_LEFT: Cell<u8> = const { Cell::new(0) };
    static IS_TIMED: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_in_one_turn_of_64_is_timed_and_whatever_waits() {
        let timed = |timing: &mut Timing| timing.end().is_some();
        let turns = (0..640).filter(|_| timed(&mut turn(Timing::begin))).count();
        assert_eq!(turns, 10);
        let mut timing = Timing::begin();
        assert!(!timed(&mut timing));
        timing.wait();
        assert!(timed(&mut timing) && !timed(&mut timing));
    }
}
