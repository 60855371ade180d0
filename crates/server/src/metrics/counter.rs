//! What is counted, and by how many threads at a time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// Counted by one thread, whoever reads it: for what each message moves, since a load and a store are a tenth of
/// what a locked instruction takes.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// Counted by any thread: for what is rare.
#[derive(Debug, Default)]
pub(crate) struct SharedCounter(AtomicU64);

/// What rises and falls, by any thread.
#[derive(Debug, Default)]
pub(crate) struct SharedGauge(AtomicI64);

impl Counter {
    #[inline(always)]
    pub(crate) fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    #[inline(always)]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl SharedCounter {
    pub(crate) fn count(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl SharedGauge {
    #[inline]
    pub(crate) fn add(&self, more: i64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// Who reads it while it changes in several places may find less than nothing.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed).try_into().unwrap_or_default()
    }
}
