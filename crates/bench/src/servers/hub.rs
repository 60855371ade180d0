//! Those who hear a broadcast: an unbounded channel to each client's task.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use slab::Slab;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// Everyone who is connected. `M` is a message whose clones share its payload.
pub(super) struct Hub<M> {
    clients: Arc<Mutex<Slab<UnboundedSender<M>>>>,
    /// Where what is broadcast goes instead, to come back for everyone.
    way_out: Arc<OnceLock<UnboundedSender<M>>>,
}

impl<M: Clone> Hub<M> {
    /// A hub with nobody there.
    pub(super) fn new() -> Self {
        Self { clients: Arc::default(), way_out: Arc::default() }
    }

    /// Hears what is broadcast from now on, until it is dropped.
    pub(super) fn subscribe(&self) -> Subscription<M> {
        let (sender, queue) = mpsc::unbounded_channel();
        let key = locked(&self.clients).insert(sender.clone());
        Subscription { hub: self.clone(), key, sender, queue }
    }

    /// What is broadcast from now on comes out here, and [comes back](Self::tell) for everyone.
    pub(super) fn publish_by(&self) -> UnboundedReceiver<M> {
        let (sender, queue) = mpsc::unbounded_channel();
        let _ = self.way_out.set(sender);
        queue
    }

    /// Has everyone told.
    pub(super) fn broadcast(&self, message: &M) {
        match self.way_out.get() {
            // Who publishes it has gone only when the process ends.
            Some(way_out) => _ = way_out.send(message.clone()),
            None => self.tell(message),
        }
    }

    /// Queues a message for everyone.
    pub(super) fn tell(&self, message: &M) {
        for (_, client) in locked(&self.clients).iter() {
            // One whose task has just ended is about to be removed.
            let _ = client.send(message.clone());
        }
    }
}

impl<M> Clone for Hub<M> {
    fn clone(&self) -> Self {
        Self { clients: Arc::clone(&self.clients), way_out: Arc::clone(&self.way_out) }
    }
}

/// One client's place in the hub.
pub(super) struct Subscription<M> {
    hub: Hub<M>,
    key: usize,
    /// Where something is queued for this client alone.
    pub(super) sender: UnboundedSender<M>,
    /// What is still to be written to the client.
    pub(super) queue: UnboundedReceiver<M>,
}

impl<M> Drop for Subscription<M> {
    fn drop(&mut self) {
        locked(&self.hub.clients).remove(self.key);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
