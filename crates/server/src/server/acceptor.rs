//! The thread that accepts connections and watches the workers. It is none of theirs, so that a
//! handler that blocks one of these does not keep newcomers out.

use std::{
    io,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use tokio::runtime::{Builder, Handle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[cfg(feature = "tls")]
use super::certificates::{self, TlsAcceptors};
use super::{
    accept_queue::AcceptQueues,
    accepting::{Listening, accept},
};
#[cfg(feature = "tls")]
use crate::metrics::Metrics;
use crate::{
    runtime::{Worker, supervise, watch},
    transport::{Bound, BoundListener},
};

/// The thread. It ends when dropped.
pub(super) struct Acceptor {
    runtime: Handle,
    accepting: TaskTracker,
    end: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Acceptor {
    pub(super) fn start() -> io::Result<Self> {
        let (sender, runtime) = mpsc::sync_channel(1);
        let end = CancellationToken::new();
        let thread = thread::Builder::new().name("aerys-accept".into()).spawn({
            let end = end.clone();
            move || run(&sender, &end)
        })?;
        let runtime = runtime.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self { runtime, accepting: TaskTracker::new(), end, thread: Some(thread) })
    }

    /// Has the thread listen on a bound socket, and accept nothing yet.
    pub(super) fn listen(&self, bound: Bound) -> io::Result<BoundListener> {
        let _context = self.runtime.enter();
        BoundListener::new(bound)
    }

    /// Has what workers are late to take given to others, for as long as the thread lives.
    pub(super) fn rebalance(&self, accept_queues: &Arc<AcceptQueues>) {
        let accept_queues = Arc::clone(accept_queues);
        self.runtime.spawn(async move { supervise(|| accept_queues.rebalance()).await });
    }

    /// Accepts on a socket until told to stop.
    pub(super) fn accept(
        &self,
        listening: Listening,
        accept_queues: &Arc<AcceptQueues>,
        stop: CancellationToken,
    ) {
        let accept_queues = Arc::clone(accept_queues);
        let accepting = async move {
            let accepting = supervise(|| accept(&listening, &accept_queues));
            stop.run_until_cancelled(accepting).await;
        };
        self.accepting.spawn_on(accepting, &self.runtime);
    }

    /// Has certificates read anew when they change, for as long as the thread lives.
    #[cfg(feature = "tls")]
    pub(super) fn watch_certificates(&self, acceptors: &Arc<TlsAcceptors>, metrics: Metrics) {
        let acceptors = Arc::clone(acceptors);
        let watch = async move {
            supervise(|| certificates::watch(&acceptors, &metrics)).await;
        };
        self.runtime.spawn(watch);
    }

    /// Watches the workers for as long as the thread lives.
    pub(super) fn watch(&self, workers: Arc<[Arc<Worker>]>) {
        self.runtime.spawn(async move { supervise(|| watch(&workers)).await });
    }

    /// Waits until it has stopped to accept, and nobody listens any more.
    pub(super) async fn stopped(&self) {
        self.accepting.close();
        self.accepting.wait().await;
    }

    /// Tells the thread to end, and answers it.
    pub(super) fn end(&mut self) -> Option<JoinHandle<()>> {
        self.end.cancel();
        self.thread.take()
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

fn run(made: &mpsc::SyncSender<io::Result<Handle>>, end: &CancellationToken) {
    // Made here, since who drops it must not be within another one.
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(made.send(Err(error))),
    };
    if made.send(Ok(runtime.handle().clone())).is_ok() {
        runtime.block_on(end.cancelled());
    }
}
