//! Which locks a thread holds, to check the order in which they are taken.

use std::cell::Cell;

use super::Rank;

thread_local! {
    /// A bit for each rank.
    static HELD: Cell<u8> = const { Cell::new(0) };
}

/// One lock, for as long as it is held.
pub(super) struct Held(Rank);

impl Held {
    #[track_caller]
    pub(super) fn new(rank: Rank) -> Self {
        // A thread that ends holds none, and may have no place any more to note one.
        let _ = HELD.try_with(|held| {
            let latest = u8::BITS - held.get().leading_zeros();
            assert!(
                rank as u32 >= latest,
                "a lock of the rank {rank:?} is taken by who holds one of the same or a later one"
            );
            held.set(held.get() | 1 << rank as u8);
        });
        Self(rank)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = HELD.try_with(|held| held.set(held.get() & !(1 << self.0 as u8)));
    }
}

#[track_caller]
pub(super) fn assert_none() {
    let held = HELD.try_with(Cell::get).unwrap_or_default();
    assert!(held == 0, "foreign code is about to run under a lock");
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    const ALL: [Rank; 5] = [Rank::Presence, Rank::Turn, Rank::Shard, Rank::Connection, Rank::Leaf];

    #[test]
    fn a_later_lock_may_be_taken_under_an_earlier_one_and_no_other() {
        for first in ALL {
            for second in ALL {
                let is_taken = catch_unwind(|| {
                    let _first = Held::new(first);
                    drop(Held::new(second));
                });
                assert_eq!(is_taken.is_ok(), second > first, "{second:?} under {first:?}");
            }
        }
        assert_none();
    }

    #[test]
    fn foreign_code_does_not_run_under_any() {
        for rank in ALL {
            let is_run = catch_unwind(|| {
                let _held = Held::new(rank);
                assert_none();
            });
            assert!(is_run.is_err());
            assert_none();
        }
    }
}
