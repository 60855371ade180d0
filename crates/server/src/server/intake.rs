//! A worker's new connections, between the thread that accepts and the worker itself.
//!
//! A worker whose thread is blocked does not come for them. They are given to another one then, and
//! so are those that come later, until the worker is seen again.

use std::{
    mem,
    net::{self, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::TcpStream,
    sync::Notify,
    time::{Instant, sleep},
};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::visit::{Visit, greet};
use crate::{
    http_server::Reception,
    log,
    runtime::{Worker, steadily},
};

/// How long a connection waits for its worker before another one gets it. A worker at work looks
/// up more often than that.
const LATE: Duration = Duration::from_millis(50);

/// The intakes of all workers, as the thread that accepts has them.
pub(crate) struct Intakes {
    intakes: Vec<Arc<Intake>>,
    /// Told when a connection has been placed.
    placed: Notify,
}

/// One worker's.
struct Intake {
    worker: Arc<Worker>,
    waiting: Mutex<Vec<Arrival>>,
    called: Notify,
    /// Whether it has let connections wait for too long, and not been seen since.
    is_late: AtomicBool,
}

/// A connection that no worker has taken yet.
struct Arrival {
    stream: net::TcpStream,
    address: SocketAddr,
    came: Instant,
    /// Has it counted as the worker's from the start.
    counted: TaskTrackerToken,
}

impl Intakes {
    /// Has each worker take what it is given, and receive it by this.
    pub(crate) fn new(workers: &[Arc<Worker>], reception: &Arc<Reception>) -> Self {
        let intake = |worker: &Arc<Worker>| {
            let intake = Arc::new(Intake {
                worker: Arc::clone(worker),
                waiting: Mutex::default(),
                called: Notify::new(),
                is_late: AtomicBool::new(false),
            });
            let (taking, reception) = (Arc::clone(&intake), Arc::clone(reception));
            worker.runtime().spawn(async move { steadily(|| taking.take_in(&reception)).await });
            intake
        };
        Self { intakes: workers.iter().map(intake).collect(), placed: Notify::new() }
    }

    /// Gives a connection to the worker with the fewest, of those that come for them.
    pub(crate) fn place(&self, stream: net::TcpStream, address: SocketAddr) {
        let fewest = self.intakes.iter().min_by_key(|intake| intake.load());
        if let Some(intake) = fewest {
            intake.give(stream, address);
            self.placed.notify_one();
        }
    }

    /// Gives what has waited for too long to another worker, as long as this is polled.
    pub(crate) async fn relieve(&self) {
        loop {
            self.placed.notified().await;
            while self.intakes.iter().any(|intake| intake.has_waiting()) {
                sleep(LATE).await;
                self.relieve_once(Instant::now());
            }
        }
    }

    fn relieve_once(&self, now: Instant) {
        let late = |intake: &&Arc<Intake>| intake.is_late(now);
        let (late, in_time): (Vec<_>, Vec<_>) = self.intakes.iter().partition(late);
        if in_time.is_empty() {
            return;
        }
        for intake in late {
            for Arrival { stream, address, .. } in intake.take() {
                self.place(stream, address);
            }
        }
    }
}

impl Intake {
    /// Takes connections in, on the worker.
    async fn take_in(&self, reception: &Arc<Reception>) {
        loop {
            self.called.notified().await;
            let arrivals = self.take();
            // Not before that: what still waited might be found late, and then nobody would call.
            self.is_late.store(false, Ordering::Relaxed);
            for Arrival { stream, address, counted, .. } in arrivals {
                self.start(stream, address, Arc::clone(reception));
                drop(counted);
            }
        }
    }

    fn start(&self, stream: net::TcpStream, address: SocketAddr, reception: Arc<Reception>) {
        // A socket belongs to the runtime that it was made on.
        match TcpStream::from_std(stream) {
            Ok(stream) => {
                let greeting = greet(stream, address, self.worker.index(), reception);
                self.worker.spawn(Visit::new(greeting));
            }
            Err(error) => {
                log::event!(WARN, { %address, %error }, "a connection could not be taken in");
            }
        }
    }

    fn give(&self, stream: net::TcpStream, address: SocketAddr) {
        let counted = self.worker.connections().token();
        self.lock().push(Arrival { stream, address, came: Instant::now(), counted });
        self.called.notify_one();
    }

    fn take(&self) -> Vec<Arrival> {
        mem::take(&mut *self.lock())
    }

    /// Who comes for connections before who does not, and then who has fewer.
    fn load(&self) -> (bool, usize) {
        (self.is_late.load(Ordering::Relaxed), self.worker.connections().len())
    }

    /// Whether the worker lets connections wait, now or until it is seen again.
    fn is_late(&self, now: Instant) -> bool {
        let oldest = self.lock().first().map(|arrival| arrival.came);
        if oldest.is_some_and(|came| now.saturating_duration_since(came) >= LATE) {
            self.is_late.store(true, Ordering::Relaxed);
        }
        self.is_late.load(Ordering::Relaxed)
    }

    fn has_waiting(&self) -> bool {
        !self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
