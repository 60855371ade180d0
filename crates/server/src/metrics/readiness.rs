//! Whether a server is to be sent clients.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

/// Whether a server is to be sent clients, for whoever answers a balancer's question. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicU8>);

const READY: u8 = 0;

/// Everything goes on, for those who have not learned of it.
const LEAVING: u8 = 1;

/// Newcomers are turned away.
const DRAINING: u8 = 2;

impl Readiness {
    /// Whether it is: from its start until it is told to stop, or to [drain](crate::Running::drain).
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Relaxed) == READY
    }

    /// Whether newcomers are turned away.
    pub(super) fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed) == DRAINING
    }

    /// It is not any more.
    pub(crate) fn end(&self) {
        self.0.fetch_max(LEAVING, Ordering::Relaxed);
    }

    /// From now on newcomers are turned away.
    pub(crate) fn drain(&self) {
        self.0.fetch_max(DRAINING, Ordering::Relaxed);
    }
}
