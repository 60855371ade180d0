//! A question to a worker, which it answers when it gets to its orders.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

use super::{Order, Worker};

/// Who asks while the worker has not answered waits for the same answer: it has one question at most.
pub(crate) struct Probe {
    worker: Weak<Worker>,
    is_asked: AtomicBool,
    answered: Notify,
}

impl Probe {
    pub(crate) fn new(worker: &Arc<Worker>) -> Arc<Self> {
        let worker = Arc::downgrade(worker);
        Arc::new(Self { worker, is_asked: AtomicBool::new(false), answered: Notify::new() })
    }

    /// Resolves when the worker has answered, which one that has ended never does.
    pub(crate) async fn ask(self: &Arc<Self>) {
        // It is told of each answer from here on.
        let answered = self.answered.notified();
        if !self.is_asked.swap(true, Ordering::AcqRel)
            && let Some(worker) = self.worker.upgrade()
        {
            worker.give(Arc::clone(self) as Arc<dyn Order>);
        }
        answered.await;
    }
}

impl Order for Probe {
    fn step(self: Arc<Self>) -> usize {
        self.is_asked.store(false, Ordering::Release);
        self.answered.notify_waiters();
        1
    }
}
