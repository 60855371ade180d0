//! The time, as exactly as a connection needs it: a worker reads the clock when it has slept, and
//! then only now and then. Deadlines begin with an exact reading.

use std::{
    cell::Cell,
    sync::OnceLock,
    time::{Duration, Instant},
};

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
    match READING.get() {
        Reading::Coarse { at: Some(now), turns } if turns < TURNS => {
            READING.set(Reading::Coarse { at: Some(now), turns: turns + 1 });
            now
        }
        Reading::Coarse { .. } | Reading::Exact => read(),
    }
}

/// The time, exactly.
pub(crate) fn read() -> Moment {
    let now = Moment::at(Instant::now());
    if let Reading::Coarse { .. } = READING.get() {
        READING.set(Reading::Coarse { at: Some(now), turns: 0 });
    }
    now
}

/// Makes this thread's clock coarse. From now on [`slept`] is called whenever it has slept.
pub(crate) fn be_coarse() {
    READING.set(Reading::Coarse { at: None, turns: 0 });
}

/// This thread has slept.
pub(crate) fn slept() {
    if let Reading::Coarse { .. } = READING.get() {
        be_coarse();
    }
}

impl Moment {
    fn at(instant: Instant) -> Self {
        let since = instant.saturating_duration_since(epoch());
        Self { instant, tick: Tick(since.as_nanos() as u64) }
    }
}

impl Tick {
    pub(crate) fn instant(self) -> Instant {
        epoch() + Duration::from_nanos(self.0)
    }
}

fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

#[derive(Clone, Copy)]
enum Reading {
    /// Nobody says when the thread has slept.
    Exact,
    Coarse {
        at: Option<Moment>,
        turns: u32,
    },
}

thread_local! {
    static READING: Cell<Reading> = const { Cell::new(Reading::Exact) };
}

/// For how many turns one reading is good, on a thread that never sleeps.
const TURNS: u32 = 32;

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
