//! A bus within a program.

use std::{fmt, future::ready, sync::Arc, time::Instant};

use bytes::Bytes;

use super::{Bus, BusFuture, BusState, Inbox};
use crate::{error::NotQueued, sync::Mutex};

/// A [`Bus`] for nodes of one program, as for tests: clones are the same bus. A frame is with the other nodes when it has
/// been published.
#[derive(Clone)]
pub struct LocalBus(Arc<Hub>);

struct Hub {
    began: Instant,
    /// Those who hear. Replaced as a whole when one comes.
    inboxes: Mutex<Arc<[Inbox]>>,
}

impl LocalBus {
    /// One with no node yet.
    pub fn new() -> Self {
        Self(Arc::new(Hub { began: Instant::now(), inboxes: Mutex::default() }))
    }
}

impl Default for LocalBus {
    fn default() -> Self {
        Self::new()
    }
}

impl Bus for LocalBus {
    fn start(&self, inbox: Inbox) {
        let mut inboxes = self.0.inboxes.lock();
        *inboxes = inboxes.iter().cloned().chain([inbox.clone()]).collect();
        drop(inboxes);
        inbox.connected();
    }

    fn publish(&self, _: u16, frame: Bytes) -> Result<(), NotQueued> {
        let inboxes = Arc::clone(&self.0.inboxes.lock());
        for inbox in &*inboxes {
            inbox.receive(frame.clone());
        }
        Ok(())
    }

    fn flush(&self) -> BusFuture<'_, Result<(), NotQueued>> {
        Box::pin(ready(Ok(())))
    }

    fn state(&self) -> BusState {
        BusState::Connected { since: self.0.began }
    }

    fn stop(&self) {
        // A node that has ended takes nothing in.
        let mut inboxes = self.0.inboxes.lock();
        *inboxes = inboxes.iter().filter(|inbox| inbox.is_open()).cloned().collect();
    }
}

impl fmt::Debug for LocalBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalBus").finish_non_exhaustive()
    }
}
