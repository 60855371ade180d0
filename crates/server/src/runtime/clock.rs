//! The time, as exactly as a connection needs it: a worker reads the clock when it has slept, and
//! then only now and then. Deadlines begin with an exact reading. It is the runtime's clock, which
//! stands still where a test has paused it. What it gave: bench/NOTES.md#instructions-of-an-echo.

use std::{
    cell::Cell,
    sync::OnceLock,
    time::{Duration, Instant},
};

/// For how many turns one reading is good, on a thread that never sleeps.
const TURNS: u32 = 32;

/// A time, and the same as it is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    pub(crate) tick: Tick,
}

/// A time as it is noted: in nanoseconds since this process first looked at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(pub(crate) u64);

/// The time. On a worker's thread it may be some turns of its connections old, however long these
/// take, but never older than its last sleep.
pub(crate) fn now() -> Moment {
    match (READING.get(), TURNS_LEFT.get()) {
        (Some(reading), turns @ 1..) => {
            TURNS_LEFT.set(turns - 1);
            reading
        }
        _ => read(),
    }
}

/// The time, exactly.
pub(crate) fn read() -> Moment {
    let now = Moment::at(tokio::time::Instant::now().into_std());
    if IS_COARSE.get() {
        READING.set(Some(now));
        TURNS_LEFT.set(TURNS);
    }
    now
}

/// Makes this thread's clock coarse. From now on [`slept`] is called whenever it has slept.
pub(crate) fn be_coarse() {
    IS_COARSE.set(true);
    slept();
}

/// This thread has slept.
pub(crate) fn slept() {
    TURNS_LEFT.set(0);
}

impl Moment {
    fn at(instant: Instant) -> Self {
        Self { instant, tick: Tick::of(instant) }
    }
}

impl Tick {
    /// A time that is not before this process first looked at the clock.
    pub(crate) fn of(instant: Instant) -> Self {
        Self(instant.saturating_duration_since(epoch()).as_nanos() as u64)
    }

    pub(crate) fn instant(self) -> Instant {
        epoch() + Duration::from_nanos(self.0)
    }
}

fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

thread_local! {
    /// Whether somebody says when this thread has slept.
    static IS_COARSE: Cell<bool> = const { Cell::new(false) };

    /// What a coarse clock has shown last, and for how many turns that is good.
    static READING: Cell<Option<Moment>> = const { Cell::new(None) };
    static TURNS_LEFT: Cell<u32> = const { Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarse_clock_stands_still_for_some_turns_and_never_over_a_sleep() {
        be_coarse();
        let first = now();
        assert!((0..TURNS).all(|_| now() == first));
        assert!(now() > first);
        let second = now();
        slept();
        assert!(now() > second);
    }
}
