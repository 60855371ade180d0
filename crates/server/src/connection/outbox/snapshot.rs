//! What can be known of an outbox without its lock: true a moment ago, and true now for who has
//! changed it last. The driver looks here first, and takes no lock where that is enough
//! (bench/NOTES.md#instructions-of-an-echo).

use super::{
    SocketState,
    atomic::{
        AtomicBool, AtomicU8, AtomicU64, AtomicUsize,
        Ordering::{Acquire, Relaxed, Release},
    },
    state::State,
    wake::WakeState,
};
use crate::connection::life::Stage;

pub(super) struct Snapshot {
    stage: AtomicU8,
    /// In the queue, or begun while the driver rested.
    has_untaken: AtomicBool,
    has_unsent: AtomicBool,
    queued_bytes: AtomicUsize,
    flushed: AtomicU64,
    pub(super) wake: WakeState,
    /// Whether the connection's alarm has rung since the driver last looked.
    rung: AtomicBool,
    /// Whether the server is stopping.
    is_expedited: AtomicBool,
    /// Whether the client is to go since others need the memory.
    is_evicted: AtomicBool,
}

impl Snapshot {
    pub(super) fn new() -> Self {
        Self {
            stage: AtomicU8::new(Stage::Open as u8),
            has_untaken: AtomicBool::new(false),
            has_unsent: AtomicBool::new(false),
            queued_bytes: AtomicUsize::new(0),
            flushed: AtomicU64::new(0),
            wake: WakeState::new(),
            rung: AtomicBool::new(false),
            is_expedited: AtomicBool::new(false),
            is_evicted: AtomicBool::new(false),
        }
    }

    /// As [`stage`](Self::stage), for who asks this alone.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.stage.load(Acquire) == Stage::Open as u8
    }

    /// Whether the client is to be closed, or given up, which the driver does not know yet.
    #[inline]
    fn is_to_end(&self) -> bool {
        let stage = self.stage.load(Acquire);
        stage == Stage::Closing as u8 || stage == Stage::Overflowed as u8
    }

    /// Whether anything is to be looked at but what is to be sent: an end, something begun while the driver
    /// rested, or the alarm.
    #[inline]
    pub(super) fn is_special(&self) -> bool {
        !self.is_open() || self.has_unsent() || self.rung.load(Relaxed)
    }

    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Acquire) {
            0 => Stage::Open,
            1 => Stage::Closing,
            2 => Stage::Overflowed,
            3 => Stage::Draining,
            _ => Stage::Gone,
        }
    }

    #[inline]
    pub(super) fn has_pending_output(&self) -> bool {
        self.has_untaken.load(Acquire) || self.is_to_end()
    }

    /// Whether something is left for the driver that was begun while it rested.
    #[inline]
    pub(super) fn has_unsent(&self) -> bool {
        self.has_unsent.load(Acquire)
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Acquire)
    }

    /// The place of the last message that has been handed to the kernel.
    pub(super) fn flushed(&self) -> u64 {
        self.flushed.load(Acquire)
    }

    /// The driver is about to rest, unless something is there for it to do.
    #[inline]
    pub(super) fn rest(&self, socket: SocketState) -> bool {
        self.wake.rest(socket == SocketState::Blocked, || self.has_pending_output())
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

    /// Takes over what has been changed, before the lock is released and before the driver is called. Answers how many
    /// bytes were queued, and are.
    #[inline]
    pub(super) fn publish(&self, state: &State) -> (usize, usize) {
        self.stage.store(state.life.stage() as u8, Release);
        let has_unsent = state.unsent.is_some();
        self.has_unsent.store(has_unsent, Release);
        self.has_untaken.store(state.queue.has_untaken() || has_unsent, Release);
        let (before, queued) = (self.queued_bytes.load(Relaxed), state.queue.bytes());
        self.queued_bytes.store(queued, Release);
        self.flushed.store(state.queue.flushed(), Release);
        (before, queued)
    }
}
