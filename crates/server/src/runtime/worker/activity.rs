//! Which handler of which endpoint a worker is running, for the watchdog.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use crate::sync::{Mutex, MutexGuard};

/// What runs on a worker and is not the server's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handler {
    OnStart = 1,
    OnOpen,
    OnData,
    OnClose,
    OnPresence,
    OnStop,
    /// A callback or a task that is bound to a client or an endpoint.
    Watcher,
    /// A host's HTTP service.
    Service,
}

/// The slot of an endpoint in each worker's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndpointSlot(u32);

/// One word that the worker writes and others read: the slot of an endpoint, and a handler in the
/// lowest byte. Nothing is ordered by it.
#[derive(Default)]
pub(crate) struct Activity {
    now: AtomicU32,
    /// The paths of the endpoints.
    paths: Mutex<Vec<Arc<str>>>,
}

impl EndpointSlot {
    /// Of what belongs to no endpoint.
    pub(crate) const NONE: Self = Self(0);
}

impl Activity {
    /// Adds an endpoint. Its slot is the same for all workers, if each is told of the same ones.
    pub(crate) fn add(&self, path: &Arc<str>) -> EndpointSlot {
        let mut paths = self.lock();
        paths.push(Arc::clone(path));
        EndpointSlot(u32::try_from(paths.len()).unwrap_or_default())
    }

    #[inline]
    pub(super) fn begin(&self, slot: EndpointSlot, handler: Handler) {
        self.now.store(slot.0 << 8 | handler as u32, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn end(&self) {
        self.now.store(0, Ordering::Relaxed);
    }

    /// Whether a handler is running.
    pub(super) fn is_at_work(&self) -> bool {
        self.now.load(Ordering::Relaxed) != 0
    }

    /// The handler that is running, and the path of its endpoint if it has one.
    pub(super) fn now(&self) -> (Option<Handler>, Option<Arc<str>>) {
        let now = self.now.load(Ordering::Relaxed);
        let path = (now >> 8)
            .checked_sub(1)
            .and_then(|index| self.lock().get(index as usize).map(Arc::clone));
        (Handler::from_byte(now as u8), path)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<str>>> {
        self.paths.lock()
    }
}

impl Handler {
    const ALL: [Self; 8] = [
        Self::OnStart,
        Self::OnOpen,
        Self::OnData,
        Self::OnClose,
        Self::OnPresence,
        Self::OnStop,
        Self::Watcher,
        Self::Service,
    ];

    /// What it is called in the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OnStart => "on_start",
            Self::OnOpen => "on_open",
            Self::OnData => "on_data",
            Self::OnClose => "on_close",
            Self::OnPresence => "on_presence",
            Self::OnStop => "on_stop",
            Self::Watcher => "watcher",
            Self::Service => "service",
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|handler| *handler as u8 == byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        let activity = Activity::default();
        assert_eq!(activity.now(), (None, None));
        let (a, b) = (activity.add(&"/a".into()), activity.add(&"/b".into()));
        for (slot, path) in [(a, Some("/a")), (b, Some("/b")), (EndpointSlot::NONE, None)] {
            for handler in Handler::ALL {
                activity.begin(slot, handler);
                let (now, at) = activity.now();
                assert_eq!((now, at.as_deref()), (Some(handler), path));
            }
        }
        activity.end();
        assert_eq!(activity.now(), (None, None));
    }
}
