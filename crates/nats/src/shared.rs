//! What whoever publishes and the connection's task share.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use aerys::{BusLosses, BusState};
use tokio_util::sync::CancellationToken;

use crate::{epochs::Epochs, queue::Queue};

pub(crate) struct Shared {
    link: Mutex<Link>,
    /// Of the other nodes' connections.
    epochs: Mutex<Epochs>,
    unread: AtomicU64,
    unsent: AtomicU64,
    end: CancellationToken,
}

struct Link {
    state: BusState,
    /// Of the connection, while there is one.
    queue: Option<Arc<Queue>>,
}

impl Shared {
    /// There is a connection.
    pub(crate) fn connected(&self, queue: Queue) {
        let state = BusState::Connected { since: Instant::now() };
        *self.link() = Link { state, queue: Some(Arc::new(queue)) };
    }

    /// There is none, for this reason. Answers whether there was one, or none had been looked for.
    pub(crate) fn away(&self, reason: String) -> bool {
        let mut link = self.link();
        let known = match &link.state {
            BusState::Away { since, reason } if !reason.is_empty() => Some(*since),
            _ => None,
        };
        let since = known.unwrap_or_else(Instant::now);
        *link = Link { state: BusState::Away { since, reason }, queue: None };
        known.is_none()
    }

    pub(crate) fn queue(&self) -> Option<Arc<Queue>> {
        self.link().queue.clone()
    }

    pub(crate) fn state(&self) -> BusState {
        self.link().state.clone()
    }

    /// Whether what comes by this subject is not later than what its node says now.
    pub(crate) fn is_current(&self, subject: &str) -> bool {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner).is_current(subject)
    }

    /// A frame was dropped since this node was too slow, or the frame.
    pub(crate) fn drop_unread(&self) {
        self.unread.fetch_add(1, Ordering::Relaxed);
    }

    /// So many frames were lost with a connection.
    pub(crate) fn lose_unsent(&self, frames: u64) {
        self.unsent.fetch_add(frames, Ordering::Relaxed);
    }

    pub(crate) fn losses(&self) -> BusLosses {
        BusLosses {
            unread: self.unread.load(Ordering::Relaxed),
            unsent: self.unsent.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn stop(&self) {
        self.link().queue = None;
        self.end.cancel();
    }

    /// Cancelled when the node stops.
    pub(crate) fn end(&self) -> &CancellationToken {
        &self.end
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Shared {
    fn default() -> Self {
        let state = BusState::Away { since: Instant::now(), reason: String::new() };
        Self {
            link: Mutex::new(Link { state, queue: None }),
            epochs: Mutex::default(),
            unread: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
            end: CancellationToken::new(),
        }
    }
}
