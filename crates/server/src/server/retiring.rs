//! An endpoint that is not served any more, while its clients go and its `on_stop` runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{applications, drain::Drain};
use crate::{runtime::Worker, session::Application};

pub(super) struct Retiring {
    application: Arc<dyn Application>,
    /// Whether somebody runs its `on_stop`, or is about to.
    is_stopped: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Retiring {
    /// Sees its clients off, spread over a time, gives them three quarters of `stop_period` to go, and
    /// stops it.
    pub(super) fn start(
        application: Arc<dyn Application>,
        drain: Drain,
        stop_period: Duration,
        workers: &[Arc<Worker>],
    ) -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (retired, is_claimed) = (Arc::clone(&application), Arc::clone(&is_stopped));
        let workers: Vec<_> = workers.to_vec();
        let retire = async move {
            drop(drain.see_off(retired.see_off(), &CancellationToken::new()).await);
            let end = Instant::now() + stop_period;
            let all_gone = async {
                // Whoever was let in meanwhile goes by itself.
                for client in retired.see_off() {
                    client.departed().await;
                }
            };
            let _ = timeout_at(end - stop_period / 4, all_gone).await;
            if !is_claimed.swap(true, Ordering::SeqCst) {
                let _ = timeout_at(end, applications::stop(&retired, &workers)).await;
            }
        };
        Self { application, is_stopped, task: tokio::spawn(retire) }
    }

    pub(super) fn is_at_work(&self) -> bool {
        !self.task.is_finished()
    }

    /// Leaves the rest to who stops the server; nothing if its `on_stop` runs already, which is waited for.
    pub(super) async fn give_up(self, end: Instant) -> Option<Arc<dyn Application>> {
        if !self.is_stopped.swap(true, Ordering::SeqCst) {
            self.task.abort();
            return Some(self.application);
        }
        let _ = timeout_at(end, self.task).await;
        None
    }
}
