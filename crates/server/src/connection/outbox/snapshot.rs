//! What can be known of an outbox without its lock: true a moment ago, and true now for who has
//! changed it last. The driver looks here first, and takes the lock before it rests.

use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
};

use super::{
    SocketState,
    state::{State, WakeReason},
};

/// The driver is at work and looks again before it rests.
const AWAKE: u8 = 0;

const RESTING: u8 = 1;

/// It waits for the socket, and only an end wakes it.
const BLOCKED: u8 = 2;

#[derive(Default)]
pub(super) struct Snapshot {
    phase: AtomicU8,
    has_untaken: AtomicBool,
    queued_bytes: AtomicUsize,
    flushed: AtomicU64,
    driver: AtomicU8,
    /// Whether something has happened that keeps the driver from resting.
    wake_reason: AtomicBool,
    /// Whether the connection's alarm has rung since the driver last looked.
    rung: AtomicBool,
    /// Whether the server is stopping.
    is_expedited: AtomicBool,
    /// Whether the client is to go since others need the memory.
    is_evicted: AtomicBool,
}

/// How far a client is, as [`state::Phase`](super::state::Phase) without what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    Open = 0,
    Closing = 1,
    Overflowed = 2,
    /// The driver knows of the end.
    Draining = 3,
    /// Nothing will be sent any more.
    Gone = 4,
}

impl Snapshot {
    /// As [`stage`](Self::stage), for who asks this alone.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.phase.load(Acquire) == Stage::Open as u8
    }

    /// Whether the client is to be closed, or given up, which the driver does not know yet.
    #[inline]
    fn is_to_end(&self) -> bool {
        let phase = self.phase.load(Acquire);
        phase == Stage::Closing as u8 || phase == Stage::Overflowed as u8
    }

    pub(super) fn stage(&self) -> Stage {
        match self.phase.load(Acquire) {
            0 => Stage::Open,
            1 => Stage::Closing,
            2 => Stage::Overflowed,
            3 => Stage::Draining,
            _ => Stage::Gone,
        }
    }

    pub(super) fn has_untaken(&self) -> bool {
        self.has_untaken.load(Acquire)
    }

    pub(super) fn has_pending_output(&self) -> bool {
        self.has_untaken() || self.is_to_end()
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Acquire)
    }

    /// The place of the last message that has been handed to the kernel.
    pub(super) fn flushed(&self) -> u64 {
        self.flushed.load(Acquire)
    }

    /// The driver is at work.
    pub(super) fn set_at_work(&self) {
        self.driver.store(AWAKE, Relaxed);
    }

    /// The driver is about to rest, unless something is there for it to do. Whoever has something
    /// for it tells first and then looks whether it rests; the driver rests first and then looks for
    /// what it was told: one of the two finds the other.
    pub(super) fn rest(&self, owes: SocketState) -> bool {
        let (resting, finds_messages) = match owes {
            SocketState::Writable => (RESTING, true),
            SocketState::Blocked => (BLOCKED, false),
        };
        self.driver.store(resting, SeqCst);
        let has_pending_output = self.has_untaken.load(SeqCst) || self.is_to_end();
        let is_wanted = self.wake_reason.load(SeqCst) || (finds_messages && has_pending_output);
        if is_wanted {
            self.set_at_work();
            self.wake_reason.swap(false, SeqCst);
        }
        !is_wanted
    }

    /// Tells the driver of something, which has been noted before. Answers whether it is to be
    /// woken: it is by one who calls, and by none while it is at work.
    pub(super) fn call(&self, wake_reason: WakeReason) -> bool {
        if let WakeReason::Urgent = wake_reason {
            self.wake_reason.store(true, SeqCst);
        }
        let driver = self.driver.load(SeqCst);
        // A driver that waits for its socket has no use for messages.
        let is_wanted =
            driver == RESTING || (driver == BLOCKED && wake_reason == WakeReason::Urgent);
        is_wanted && self.driver.compare_exchange(driver, AWAKE, SeqCst, SeqCst).is_ok()
    }

    /// What the driver was told so far it will find by itself.
    pub(super) fn hush(&self) {
        self.wake_reason.store(false, Relaxed);
    }

    /// The connection's alarm rings.
    pub(super) fn ring(&self) {
        self.rung.store(true, Release);
    }

    /// Whether it has rung. Said once.
    pub(super) fn has_rung(&self) -> bool {
        self.rung.load(Relaxed) && self.rung.swap(false, Acquire)
    }

    /// The server is stopping.
    pub(super) fn expedite(&self) {
        self.is_expedited.store(true, Release);
    }

    pub(super) fn is_expedited(&self) -> bool {
        self.is_expedited.load(Acquire)
    }

    /// The client is to go.
    pub(super) fn evict(&self) {
        self.is_evicted.store(true, Release);
    }

    /// Whether it is to go. Said once.
    pub(super) fn is_evicted(&self) -> bool {
        self.is_evicted.swap(false, Acquire)
    }

    /// Takes over what has been changed, before the lock is released and before the driver is told.
    pub(super) fn note(&self, state: &State) {
        self.phase.store(state.phase.stage() as u8, Release);
        self.has_untaken.store(state.queue.has_untaken(), SeqCst);
        self.queued_bytes.store(state.queue.bytes(), Release);
        self.flushed.store(state.queue.flushed(), Release);
    }
}
