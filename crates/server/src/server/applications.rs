//! The lives of the applications: every `on_start` before the first client, every `on_stop` after the
//! last.

use std::sync::Arc;

use futures_util::future::select_all;
use tokio::time::{Instant, timeout};

use crate::{
    error::{Failure, ServerError},
    log::{self, Brief},
    runtime::{Worker, WorkerThread, caught},
    session::Application,
};

/// Applications that have started, in this order.
#[derive(Default)]
pub(super) struct Applications(Vec<Arc<dyn Application>>);

impl Applications {
    /// Runs an `on_start`.
    pub(super) async fn start(
        &mut self,
        application: Arc<dyn Application>,
        worker: &Worker,
    ) -> Result<(), ServerError> {
        let starting = Arc::clone(&application);
        let start = async move { caught(|| starting.start()).await };
        let failure = match worker.runtime().spawn(start).await {
            Ok(Ok(Ok(()))) => {
                self.0.push(application);
                return Ok(());
            }
            Ok(Ok(Err(failure))) => failure,
            Ok(Err(panic)) => Failure::new(format!("its `on_start` panicked: {panic}")),
            Err(error) => error.into(),
        };
        Err(ServerError::Start { path: application.path().to_owned(), failure })
    }

    /// Tells every client that the server goes away.
    pub(super) fn close_all(&self) {
        for application in &self.0 {
            application.close_all();
        }
    }

    /// Runs every `on_stop`, in reverse order, until `end`: what an application relies on was there
    /// before it. One that takes long leaves the others their shares of the time.
    pub(super) async fn stop(&self, threads: &[WorkerThread], end: Instant) {
        for (index, application) in self.0.iter().enumerate().rev() {
            let left = end.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(index + 1).unwrap_or(u32::MAX);
            if timeout(share, stop(application, threads)).await.is_err() {
                log::event!(
                    WARN, at application.path(), { period = ?share },
                    "an on_stop had not ended in the time that stop_period leaves it"
                );
            }
        }
    }
}

async fn stop(application: &Arc<dyn Application>, threads: &[WorkerThread]) {
    let worker = first_awake(threads).await;
    let stopping = Arc::clone(application);
    let stop = async move { caught(|| stopping.stop()).await };
    match worker.runtime().spawn(stop).await {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => {
            let panic = Brief(panic);
            log::event!(ERROR, at application.path(), { %panic }, "an on_stop panicked");
        }
        Err(error) => {
            log::event!(ERROR, at application.path(), { %error }, "an on_stop was cut off");
        }
    }
}

/// The worker that answers first, of at least one: a thread that is blocked runs nothing.
async fn first_awake(threads: &[WorkerThread]) -> &Worker {
    let asked = threads.iter().map(|thread| thread.worker().runtime().spawn(async {}));
    let (_, index, _) = select_all(asked).await;
    threads[index].worker()
}
