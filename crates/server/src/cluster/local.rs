//! A bus within a program.

use std::{fmt, future::ready, sync::Arc, time::Instant};

use bytes::Bytes;

use super::{Bus, BusFuture, BusState, Inbound};
use crate::{error::NotQueued, sync::Mutex};

/// A [`Bus`] for nodes of one program, as for tests: clones are the same bus. A frame is with the other nodes when it has
/// been published.
#[derive(Clone)]
pub struct LocalBus(Arc<Hub>);

struct Hub {
    began: Instant,
    /// Those who hear. Replaced as a whole when one comes.
    inbounds: Mutex<Arc<[Inbound]>>,
}

impl LocalBus {
    /// One with no node yet.
    pub fn new() -> Self {
        Self(Arc::new(Hub { began: Instant::now(), inbounds: Mutex::default() }))
    }
}

impl Default for LocalBus {
    fn default() -> Self {
        Self::new()
    }
}

impl Bus for LocalBus {
    fn start(&self, inbound: Inbound) {
        let mut inbounds = self.0.inbounds.lock();
        *inbounds = inbounds.iter().cloned().chain([inbound.clone()]).collect();
        drop(inbounds);
        inbound.connected();
    }

    fn publish(&self, _: u16, frame: Bytes) -> Result<(), NotQueued> {
        let inbounds = Arc::clone(&self.0.inbounds.lock());
        for inbound in &*inbounds {
            inbound.receive(frame.clone());
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
        let mut inbounds = self.0.inbounds.lock();
        *inbounds = inbounds.iter().filter(|inbound| inbound.is_open()).cloned().collect();
    }
}

impl fmt::Debug for LocalBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalBus").finish_non_exhaustive()
    }
}
