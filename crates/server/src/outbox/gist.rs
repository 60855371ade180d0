//! What can be known of an outbox without its lock: true a moment ago, and true now for who has
//! changed it last. The driver looks here first, and takes the lock before it rests.

use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

use super::state::State;

#[derive(Default)]
pub(super) struct Gist {
    phase: AtomicU8,
    has_untaken: AtomicBool,
    queued_bytes: AtomicUsize,
    driver: AtomicU8,
}

/// How far a client is, as [`state::Phase`](super::state::Phase) without what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    Open,
    Closing,
    Overflowed,
    /// Or later.
    Parting,
}

/// Whether the driver has to be woken for what is put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Attendance {
    /// It is at work and looks again before it rests.
    Awake,
    Resting,
    /// It waits for the socket, and only an end is news to it.
    Blocked,
}

impl Gist {
    pub(super) fn stage(&self) -> Stage {
        match self.phase.load(Acquire) {
            0 => Stage::Open,
            1 => Stage::Closing,
            2 => Stage::Overflowed,
            _ => Stage::Parting,
        }
    }

    pub(super) fn has_untaken(&self) -> bool {
        self.has_untaken.load(Acquire)
    }

    pub(super) fn has_errand(&self) -> bool {
        self.has_untaken() || matches!(self.stage(), Stage::Closing | Stage::Overflowed)
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Acquire)
    }

    /// Whoever puts in something with the lock held either finds this, or what it puts in is found
    /// by a driver that is about to rest.
    pub(super) fn set_driver(&self, attendance: Attendance) {
        self.driver.store(attendance as u8, Relaxed);
    }

    pub(super) fn driver(&self) -> Attendance {
        match self.driver.load(Relaxed) {
            0 => Attendance::Awake,
            1 => Attendance::Resting,
            _ => Attendance::Blocked,
        }
    }

    /// Takes over what has been changed, before the lock is released.
    pub(super) fn note(&self, state: &State) {
        self.phase.store(state.phase.stage() as u8, Release);
        self.has_untaken.store(state.queue.has_untaken(), Release);
        self.queued_bytes.store(state.queue.bytes(), Release);
    }
}
