//! Keeps a process running: starts it, has it spoken with, and starts another when it has gone.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    child::Process,
    driver::Driver,
    endpoints::Endpoints,
    error::{End, StartError, shown},
    figures::Figures,
    link::Link,
    options::ProcessOptions,
    protocol::Start,
};

/// How long it is waited before a process is started again that has gone a second time, and how long at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// One that has been up for so long is started again at once.
const UP_PERIOD: Duration = Duration::from_secs(60);

/// The place of one process among several.
pub(crate) struct Slot {
    index: u16,
    ready: Mutex<Option<Arc<Link>>>,
    restarts: AtomicU64,
}

/// What all processes of a set have in common.
pub(crate) struct Common {
    pub(crate) name: Arc<str>,
    pub(crate) options: Arc<ProcessOptions>,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) stop: CancellationToken,
}

type OnFirst = Arc<Mutex<Option<oneshot::Sender<Result<(), StartError>>>>>;

impl Slot {
    pub(crate) fn new(index: u16) -> Self {
        Self { index, ready: Mutex::new(None), restarts: AtomicU64::new(0) }
    }

    /// The process, if it is ready for clients.
    pub(crate) fn ready(&self) -> Option<Arc<Link>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it is.
    pub(crate) fn figures(&self) -> Figures {
        let (index, restarts) = (self.index, self.restarts.load(Relaxed));
        let Some(link) = self.ready() else {
            return Figures { index, restarts, ..Figures::default() };
        };
        Figures {
            index,
            is_ready: true,
            clients: link.clients(),
            lag: link.lag(),
            queued_bytes: link.outgoing.bytes(),
            restarts,
        }
    }

    fn set(&self, link: Option<Arc<Link>>) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *ready, link);
        drop(ready);
        drop(before);
    }

    /// Keeps a process running until it is to stop. Whether the first one gets ready is told; if it does not, there is
    /// no second.
    pub(crate) async fn keep(
        self: Arc<Self>,
        common: Arc<Common>,
        first: oneshot::Sender<Result<(), StartError>>,
    ) {
        let first: OnFirst = Arc::new(Mutex::new(Some(first)));
        let mut pause = Duration::ZERO;
        loop {
            let began = Instant::now();
            let (end, status) = self.run(&common, &first).await;
            if let Some(first) = take(&first) {
                let command = common.name.to_string();
                // Whoever has not waited for it does not want to know.
                let _ = first.send(Err(StartError { command, end, status }));
                return;
            }
            if common.stop.is_cancelled() {
                return;
            }
            if began.elapsed() >= UP_PERIOD {
                pause = Duration::ZERO;
            }
            if common.stop.run_until_cancelled(sleep(pause)).await.is_none() {
                return;
            }
            pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            self.restarts.fetch_add(1, Relaxed);
        }
    }

    /// Runs a process to its end.
    async fn run(
        self: &Arc<Self>,
        common: &Arc<Common>,
        first: &OnFirst,
    ) -> (End, Option<std::process::ExitStatus>) {
        let Common { name, options, endpoints, stop } = &**common;
        let (process, stream) = match Process::start(options, name) {
            Ok(started) => started,
            Err(error) => {
                let end = End::Spawn(error);
                tracing::error!(process = %name, "an application's process: {end}");
                return (end, None);
            }
        };
        let id = process.id();
        let link = Link::new(Arc::clone(endpoints), options.max_frame, options.max_queued_bytes);
        let link = Arc::new(link);
        let start =
            Start::new(self.index, options.processes, options.max_frame, endpoints.places());
        let on_ready = {
            let (slot, link, first) = (Arc::clone(self), Arc::clone(&link), Arc::clone(first));
            let name = Arc::clone(name);
            move || {
                tracing::info!(process = %name, id, "an application's process is ready");
                slot.set(Some(link));
                if let Some(first) = take(&first) {
                    let _ = first.send(Ok(()));
                }
            }
        };
        let stop = stop.clone().cancelled_owned();
        let mut driver =
            Driver::new(Arc::clone(&link), stream, start, Arc::clone(options), stop, on_ready);
        // Whatever becomes of this task, no client is left waiting for the process.
        let guard = Guard { slot: self, link: &link };
        let end = driver.run().await;
        let clients = guard.end();
        let status = match &end {
            End::Stopped => {
                let status = process.finish(driver.into_stream(), options.stop_period).await;
                tracing::info!(process = %name, id, "an application's process was stopped{}", shown(&status));
                return (end, status);
            }
            End::Closed => {
                drop(driver);
                process.ended().await
            }
            _ => process.kill().await,
        };
        if let End::Closed = end {
            tracing::error!(process = %name, id, clients, "an application's process has ended{}", shown(&status));
        } else {
            tracing::error!(process = %name, id, clients, "an application's process is killed: {end}");
        }
        (end, status)
    }
}

struct Guard<'r> {
    slot: &'r Slot,
    link: &'r Link,
}

impl Guard<'_> {
    /// How many clients it had.
    fn end(self) -> usize {
        self.slot.set(None);
        self.link.end()
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.slot.set(None);
        self.link.end();
    }
}

fn take(first: &OnFirst) -> Option<oneshot::Sender<Result<(), StartError>>> {
    first.lock().unwrap_or_else(PoisonError::into_inner).take()
}
