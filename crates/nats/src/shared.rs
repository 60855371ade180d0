//! What whoever publishes and the connection's task share.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use aerys::BusState;
use tokio_util::sync::CancellationToken;

use crate::queue::Queue;

pub(crate) struct Shared {
    link: Mutex<Link>,
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
        Self { link: Mutex::new(Link { state, queue: None }), end: CancellationToken::new() }
    }
}
