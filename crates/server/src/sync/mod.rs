//! Locks, and in which order they are taken.
//!
//! Nothing foreign runs under one: no waker is woken or dropped, no payload is dropped, no code of the
//! application's is called. What a locked function leaves of that to be done it gives back, and it is
//! done after the guard. Where debug assertions are on, both are checked: a lock is only taken by who
//! holds none of its [rank](Rank) or of a later one, and [`assert_unlocked`] stands where foreign code
//! is about to run.

mod afterwards;
mod fair;
#[cfg(debug_assertions)]
mod held;

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync,
    sync::PoisonError,
};

pub(crate) use self::{afterwards::Afterwards, fair::FairMutex};

/// Who holds a lock takes only those of later ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Who is present at an endpoint: held while what changes there is put into the shards.
    Presence,
    /// Who has a shard next: held while that is waited for.
    Turn,
    /// The members of one shard of a roster.
    Shard,
    /// How far one client is, and what it is owed.
    Connection,
    /// Any that is held for a look or a change, while nothing else is done.
    Leaf,
}

/// A lock that a panic does not poison: what is behind it is never half changed by code that may.
pub(crate) struct Mutex<T> {
    #[cfg(debug_assertions)]
    rank: Rank,
    inner: sync::Mutex<T>,
}

/// What is locked, for as long as it is.
pub(crate) struct MutexGuard<'m, T> {
    inner: sync::MutexGuard<'m, T>,
    #[cfg(debug_assertions)]
    _held: held::Held,
}

impl<T> Mutex<T> {
    #[cfg_attr(not(debug_assertions), expect(unused_variables, reason = "it is not checked"))]
    pub(crate) const fn new(rank: Rank, value: T) -> Self {
        Self {
            #[cfg(debug_assertions)]
            rank,
            inner: sync::Mutex::new(value),
        }
    }

    /// # Panics
    ///
    /// With debug assertions, if this thread holds a lock of the same rank or a later one.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        #[cfg(debug_assertions)]
        let held = held::Held::new(self.rank);
        MutexGuard {
            inner: self.inner.lock().unwrap_or_else(PoisonError::into_inner),
            #[cfg(debug_assertions)]
            _held: held,
        }
    }

    /// Whether anybody has it.
    #[cfg(test)]
    pub(crate) fn is_locked(&self) -> bool {
        matches!(self.inner.try_lock(), Err(sync::TryLockError::WouldBlock))
    }
}

/// A [leaf](Rank::Leaf).
impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(Rank::Leaf, T::default())
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

/// Foreign code is about to run.
///
/// # Panics
///
/// With debug assertions, if this thread holds a lock.
#[inline]
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn assert_unlocked() {
    #[cfg(debug_assertions)]
    held::assert_none();
}
