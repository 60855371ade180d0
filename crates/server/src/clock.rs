//! The time, as exactly as a connection needs it: a worker reads the clock when it has slept, and
//! then only now and then. Deadlines begin with an exact reading.

use std::{cell::Cell, time::Instant};

/// The time. On a worker's thread it may be some turns of its connections old, however long these
/// take, but never older than its last sleep.
pub(crate) fn now() -> Instant {
    match READING.get() {
        Reading::Coarse { at: Some(now), turns } if turns < TURNS => {
            READING.set(Reading::Coarse { at: Some(now), turns: turns + 1 });
            now
        }
        Reading::Coarse { .. } | Reading::Exact => read(),
    }
}

/// The time, exactly.
pub(crate) fn read() -> Instant {
    let now = Instant::now();
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

#[derive(Clone, Copy)]
enum Reading {
    /// Nobody says when the thread has slept.
    Exact,
    Coarse {
        at: Option<Instant>,
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
