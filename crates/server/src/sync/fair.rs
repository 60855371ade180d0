//! A fair lock, which is handed on to who waits for it.

use super::{Mutex, MutexGuard, Rank};

/// A lock that who waits for it has before who gave it back takes it again.
///
/// Others would often not get one that is taken again and again, step by step: who gives it back is at
/// work, and who waits sleeps. Here the one who waits for `inner` holds `turn`, until it has `inner`; so
/// who wants `inner` anew waits at `turn` until then.
pub(crate) struct FairMutex<T> {
    turn: Mutex<()>,
    inner: Mutex<T>,
}

impl<T> FairMutex<T> {
    /// To have the next turn is of the rank `turn`, which is earlier than `rank`.
    pub(crate) const fn new(turn: Rank, rank: Rank, value: T) -> Self {
        Self { turn: Mutex::new(turn, ()), inner: Mutex::new(rank, value) }
    }

    /// # Panics
    ///
    /// With debug assertions, if this thread holds a lock of the rank of the turn or a later one.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let _turn = self.turn.lock();
        self.inner.lock()
    }

    /// Whether somebody waits for it.
    #[cfg(test)]
    pub(crate) fn is_waited_for(&self) -> bool {
        self.turn.is_locked()
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn who_waits_has_it_before_who_has_just_given_it_back() {
        let lock = FairMutex::new(Rank::Turn, Rank::Shard, 0);
        for round in 0..100 {
            thread::scope(|scope| {
                let held = lock.lock();
                let waiter = scope.spawn(|| *lock.lock() += 1);
                while !lock.is_waited_for() {
                    thread::sleep(Duration::from_micros(10));
                }
                drop(held);
                assert_eq!(*lock.lock(), round + 1);
                waiter.join().unwrap();
            });
        }
    }
}
