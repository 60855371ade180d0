//! How a driver rests, and how it is woken: no lock is taken for it.
//!
//! Who has something for the driver *publishes* it and then looks whether the driver rests. The driver
//! says that it rests and then looks for what was published. Between the two steps of each stands a
//! sequentially consistent fence. Of two such fences one comes first: what was written before it is
//! seen by what is read after the other. So either the driver finds what was published and does not
//! rest, or whoever published it finds the driver resting and wakes it; both may happen, and then
//! the exchange of [`RESTING`] for [`AT_WORK`] lets one of them have it.
//!
//! `tests/wake.rs` has a model checker look at every order of these steps.

use super::atomic::{
    AtomicBool, AtomicU8,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
    fence,
};

/// The driver looks again before it rests.
const AT_WORK: u8 = 0;

const RESTING: u8 = 1;

/// It waits for the socket, and only an end wakes it.
const BLOCKED: u8 = 2;

/// Whether a driver rests, and what keeps it from resting.
pub(super) struct WakeState {
    driver: AtomicU8,
    /// Something urgent was published.
    is_urgent: AtomicBool,
}

/// What the driver is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WakeReason {
    Message,
    /// Also if it waits for its socket.
    Urgent,
}

impl WakeState {
    pub(super) fn new() -> Self {
        Self { driver: AtomicU8::new(AT_WORK), is_urgent: AtomicBool::new(false) }
    }

    /// The driver is at work.
    #[inline]
    pub(super) fn set_at_work(&self) {
        self.driver.store(AT_WORK, Relaxed);
    }

    /// The driver is about to rest, and finds with `is_pending` what was published of messages and
    /// ends. One that `is_blocked` by its socket has no use for messages. `false` if there is
    /// something for it to do: it must not rest.
    #[inline]
    pub(super) fn rest(&self, is_blocked: bool, is_pending: impl FnOnce() -> bool) -> bool {
        self.driver.store(if is_blocked { BLOCKED } else { RESTING }, Relaxed);
        fence(SeqCst);
        let is_wanted = self.is_urgent.load(Relaxed) || (!is_blocked && is_pending());
        if is_wanted {
            self.set_at_work();
            self.clear();
        }
        !is_wanted
    }

    /// Whether the driver rests, and could write. That is of use to who is on its thread, where it does not
    /// begin a turn meanwhile. It may be called by others all the same; its next turn comes later.
    #[inline]
    pub(super) fn is_resting(&self) -> bool {
        self.driver.load(Relaxed) == RESTING
    }

    /// Something was published. Whether the driver is to be woken for it: it is by one who calls, and
    /// by none while it is at work.
    #[inline]
    pub(super) fn call(&self, reason: WakeReason) -> bool {
        let is_urgent = reason == WakeReason::Urgent;
        if is_urgent {
            self.is_urgent.store(true, Release);
        }
        fence(SeqCst);
        let driver = self.driver.load(Relaxed);
        let is_wanted = driver == RESTING || (driver == BLOCKED && is_urgent);
        is_wanted && self.driver.compare_exchange(driver, AT_WORK, Relaxed, Relaxed).is_ok()
    }

    /// What was urgent so far the driver finds by itself: it sees what was published before that.
    pub(super) fn clear(&self) {
        self.is_urgent.swap(false, Acquire);
    }
}
