//! A server that runs, until it is stopped.

use std::{fmt, net::SocketAddr, sync::Arc, thread, time::Duration};

use futures_util::future::join_all;
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{ServerError, log, mount::Application, signal::Signals, worker::WorkerThread};

/// A server that runs. Dropping it ends it at once; [`stop`](Self::stop) ends it well.
pub struct Running {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) applications: Vec<Arc<dyn Application>>,
    pub(super) acceptors: Vec<JoinHandle<()>>,
    pub(super) threads: Vec<WorkerThread>,
    pub(super) stop: CancellationToken,
    pub(super) stop_period: Duration,
}

impl Running {
    /// The addresses it listens on, in the order in which they were asked for, with the port that
    /// was found for each port 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The first of its [`addresses`](Self::addresses).
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Waits for SIGINT or SIGTERM, then stops. Signals are listened for from the call on, before
    /// the future is polled.
    ///
    /// # Errors
    ///
    /// [`ServerError::Interrupted`] if a second signal comes meanwhile: what was still to be done
    /// is not. [`ServerError::System`] if signals cannot be listened for.
    pub fn until_signalled(self) -> impl Future<Output = Result<(), ServerError>> + Send {
        let signals = Signals::listen();
        async move {
            let mut signals = signals.map_err(ServerError::System)?;
            let signal = signals.next().await;
            log::event!(INFO, { signal }, "stopping; a second signal stops at once");
            tokio::select! {
                () = self.stop() => Ok(()),
                _ = signals.next() => Err(ServerError::Interrupted),
            }
        }
    }

    /// Accepts no more connections, closes every client with 1001, waits until each `on_close` and
    /// then each `on_stop` has run, and ends the threads.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let acceptors = join_all(self.acceptors.drain(..));
        // One that panicked accepts nothing any more either, nor does one whose thread is blocked.
        let _ = timeout(self.stop_period, acceptors).await;
        for application in &self.applications {
            application.close_all();
        }
        if timeout(self.stop_period, self.all_gone()).await.is_err() {
            log::event!(WARN, { period = ?self.stop_period }, "clients were still there when the server stopped");
        }
        if timeout(self.stop_period, self.stop_applications()).await.is_err() {
            log::event!(WARN, { period = ?self.stop_period }, "an application had not stopped when the server did");
        }
        let threads = std::mem::take(&mut self.threads);
        threads.iter().for_each(WorkerThread::end);
        let (ended, end) = oneshot::channel();
        // Not one of the runtime's threads: its end would wait for a worker that is left behind.
        thread::spawn(move || {
            threads.into_iter().for_each(WorkerThread::join);
            let _ = ended.send(());
        });
        if timeout(self.stop_period, end).await.is_err() {
            log::event!(WARN, {}, "a handler blocks its thread, which is left behind");
        }
    }

    async fn all_gone(&self) {
        for thread in &self.threads {
            let connections = thread.worker().connections();
            connections.close();
            connections.wait().await;
        }
    }

    async fn stop_applications(&self) {
        let Some(first) = self.threads.first() else { return };
        for application in &self.applications {
            let stopping = Arc::clone(application);
            let stopped = first.worker().runtime().spawn(async move { stopping.stop().await });
            if let Err(error) = stopped.await {
                log::event!(ERROR, at application.path(), { %error }, "an on_stop did not end well");
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
