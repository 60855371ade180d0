//! The lives of the applications: every `on_start` before the first client, every `on_stop` after the
//! last.

use std::{sync::Arc, time::Duration};

use futures_util::future::select_all;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::drain::{Drain, Leavers};
use crate::{
    app::{Endpoint, Fault},
    error::{EndpointError, Failure, ServerError},
    log::{self, Brief},
    runtime::Worker,
    session::Application,
};

/// Applications that have started, in this order.
#[derive(Default)]
pub(super) struct Applications(Vec<Arc<dyn Application>>);

impl Applications {
    /// Runs the `on_start` of each. If one fails, those of them that have started are stopped.
    pub(super) async fn start(
        &mut self,
        applications: Vec<Arc<dyn Application>>,
        workers: &[Arc<Worker>],
        stop_period: Duration,
    ) -> Result<(), ServerError> {
        let before = self.0.len();
        for application in applications {
            if let Err(error) = self.start_one(application, &workers[0]).await {
                let started = Self(self.0.split_off(before));
                started.stop(workers, Instant::now() + stop_period).await;
                return Err(error);
            }
        }
        Ok(())
    }

    pub(super) fn all(&self) -> &[Arc<dyn Application>] {
        &self.0
    }

    /// Takes these out.
    pub(super) fn remove(&mut self, gone: &[Arc<dyn Application>]) -> Vec<Arc<dyn Application>> {
        let is_gone = |it: &mut Arc<dyn Application>| gone.iter().any(|gone| Arc::ptr_eq(gone, it));
        self.0.extract_if(.., is_gone).collect()
    }

    /// Has them stopped before all others.
    pub(super) fn add(&mut self, application: Arc<dyn Application>) {
        self.0.push(application);
    }

    /// The endpoint on a path, or on a host's path.
    pub(super) fn endpoint<S: Send + Sync + 'static>(
        &self,
        path: &str,
    ) -> Result<Endpoint<S>, EndpointError> {
        let is_it = |application: &&Arc<dyn Application>| {
            let rest = path.strip_prefix(application.host()).unwrap_or(path);
            [path, rest].contains(&application.path())
        };
        let path = || path.to_owned();
        let Some(application) = self.0.iter().find(is_it) else {
            return Err(EndpointError::Unknown { path: path() });
        };
        let other_state =
            |_| EndpointError::OtherState { path: path(), state: application.state_type() };
        application.endpoint().downcast().map(|endpoint| *endpoint).map_err(other_state)
    }

    async fn start_one(
        &mut self,
        application: Arc<dyn Application>,
        worker: &Worker,
    ) -> Result<(), ServerError> {
        let starting = Arc::clone(&application);
        let start = async move { starting.start().await };
        let failure = match worker.runtime().spawn(start).await {
            Ok(Ok(())) => {
                self.0.push(application);
                return Ok(());
            }
            Ok(Err(Fault::Failed(failure))) => failure,
            Ok(Err(Fault::Panicked(panic))) => {
                Failure::new(format!("its `on_start` panicked: {panic}"))
            }
            Err(error) => error.into(),
        };
        Err(ServerError::Start { path: application.path().to_owned(), failure })
    }

    /// Tells every client that the server goes away, and waits until all have gone, or until `end`.
    pub(super) async fn see_off(&self, workers: &[Arc<Worker>], end: Instant) {
        self.close_all();
        let all_gone = async {
            for worker in workers {
                worker.connections().close();
                worker.connections().wait().await;
            }
        };
        if timeout_at(end, all_gone).await.is_err() {
            let connections: usize = workers.iter().map(|it| it.connections().len()).sum();
            log::event!(WARN, { connections }, "clients were still there when the server stopped");
        }
    }

    /// Closes every client, spread over a time, or at once when that is cancelled.
    pub(super) async fn drain(&self, drain: Drain, hurry: &CancellationToken) -> Leavers {
        drain.see_off(self.0.iter().flat_map(|it| it.see_off()).collect(), hurry).await
    }

    /// Tells every client that the server goes away.
    fn close_all(&self) {
        for application in &self.0 {
            application.close_all();
        }
    }

    /// Ends what is bound to their endpoints, without an `on_stop`.
    #[cfg(feature = "test")]
    pub(super) fn end(&self) {
        for application in &self.0 {
            application.end();
        }
    }

    /// Runs every `on_stop`, in reverse order, until `end`: what an application relies on was there
    /// before it. One that takes long leaves the others their shares of the time.
    pub(super) async fn stop(&self, workers: &[Arc<Worker>], end: Instant) {
        for (index, application) in self.0.iter().enumerate().rev() {
            let left = end.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(index + 1).unwrap_or(u32::MAX);
            if timeout(share, stop(application, workers)).await.is_err() {
                log::event!(
                    WARN, of application.label(), { period = ?share },
                    "an on_stop had not ended in the time that stop_period leaves it"
                );
            }
        }
    }
}

/// Runs its `on_stop`.
pub(super) async fn stop(application: &Arc<dyn Application>, workers: &[Arc<Worker>]) {
    let worker = first_awake(workers).await;
    let stopping = Arc::clone(application);
    let stop = async move { stopping.stop().await };
    match worker.runtime().spawn(stop).await {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => {
            let panic = Brief(panic);
            log::event!(ERROR, of application.label(), { %panic }, "an on_stop panicked");
        }
        Err(error) => {
            log::event!(ERROR, of application.label(), { %error }, "an on_stop was cut off");
        }
    }
}

/// The worker that answers first, of at least one: a thread that is blocked runs nothing.
async fn first_awake(workers: &[Arc<Worker>]) -> &Worker {
    let asked = workers.iter().map(|worker| worker.runtime().spawn(async {}));
    let (_, index, _) = select_all(asked).await;
    &workers[index]
}
