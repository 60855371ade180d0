//! A worker's new connections, between who accepts them and the worker itself.
//!
//! A worker whose thread is blocked does not come for them. They are given to another one then, and
//! so are those that come later, until the worker is seen again.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::task::{serve_handshake, serve_http, serve_https, serve_proxied_http};
#[cfg(unix)]
use crate::transport::UnixStream;
use crate::{
    admission::Admission,
    driver::ConnectionTask,
    http_server::{AcceptContext, Entrance, ListenerRoutes, ReceivedHandshake},
    log,
    metrics::ListenerCounters,
    runtime::{Worker, supervise},
    sync::{Mutex, MutexGuard, Rank},
    transport::{Incoming, PeerAddr, PeerInfo, Spoken, TcpStream, Transport, yield_now},
};

/// How long a connection waits for its worker before another one gets it. A worker at work looks
/// up more often than that.
const LATE: Duration = Duration::from_millis(50);

/// The queues of all workers, as the thread that accepts has them.
pub(crate) struct AcceptQueues {
    accept_queues: Vec<Arc<AcceptQueue>>,
    context: Arc<AcceptContext>,
    /// Told when a connection has been placed.
    placed: Notify,
}

/// One worker's.
struct AcceptQueue {
    worker: Arc<Worker>,
    /// `None` once nobody comes for them any more.
    waiting: Mutex<Option<Vec<Waiting>>>,
    called: Notify,
    /// Whether it has let connections wait for too long, and not been seen since.
    is_late: AtomicBool,
}

/// What a worker is to serve.
pub(crate) enum Arrival {
    Connection(Incoming, Entry),
    /// Of a connection that another server has.
    Handshake(Box<ReceivedHandshake>),
}

/// Where a connection is from, what it speaks, and what its listener answers itself.
pub(crate) struct Entry {
    pub(super) address: PeerAddr,
    pub(super) spoken: Spoken,
    pub(super) routes: Option<Arc<ListenerRoutes>>,
    pub(super) counters: Arc<ListenerCounters>,
}

/// What a worker has taken, and its runtime knows.
enum Taken {
    Tcp(TcpStream, Entry),
    #[cfg(unix)]
    Unix(UnixStream, Entry),
    Handshake(Box<ReceivedHandshake>),
}

/// An arrival that no worker has taken yet.
struct Waiting {
    arrival: Arrival,
    came: Instant,
    /// Has it counted as the worker's from the start.
    counted: TaskTrackerToken,
}

impl AcceptQueues {
    /// Has each worker take what it is given, and receive it by this.
    pub(crate) fn new(workers: &[Arc<Worker>], context: &Arc<AcceptContext>) -> Self {
        let accept_queue = |worker: &Arc<Worker>| {
            let accept_queue = Arc::new(AcceptQueue {
                worker: Arc::clone(worker),
                waiting: Mutex::new(Rank::Leaf, Some(Vec::new())),
                called: Notify::new(),
                is_late: AtomicBool::new(false),
            });
            let (taking, context) = (Arc::clone(&accept_queue), Arc::clone(context));
            worker.runtime().spawn(async move { supervise(|| taking.take_in(&context)).await });
            accept_queue
        };
        let accept_queues = workers.iter().map(accept_queue).collect();
        Self { accept_queues, context: Arc::clone(context), placed: Notify::new() }
    }

    /// Nobody new is let in any more.
    pub(super) fn refuse(&self) {
        self.context.is_draining.store(true, Ordering::Relaxed);
    }

    pub(super) fn context(&self) -> &AcceptContext {
        &self.context
    }

    pub(super) fn admission(&self) -> &Admission {
        &self.context.admission
    }

    /// Whether there may be one more connection beside those that there are, and these.
    pub(super) fn has_room(&self, beside: usize) -> bool {
        let connections = self.accept_queues.iter().map(|it| it.worker.connections().len());
        self.admission().has_room(connections.sum::<usize>() + beside)
    }

    /// Gives a connection to the worker with the fewest, of those that come for them.
    pub(crate) fn place(&self, arrival: Arrival) {
        self.place_all([arrival]);
    }

    /// Gives each of several to the worker that then has the fewest, and calls them when all are given.
    pub(crate) fn place_all(&self, arrivals: impl IntoIterator<Item = Arrival>) {
        for arrival in arrivals {
            let fewest = self.accept_queues.iter().min_by_key(|accept_queue| accept_queue.load());
            if let Some(accept_queue) = fewest {
                accept_queue.give(arrival);
            }
        }
        for accept_queue in self.accept_queues.iter().filter(|it| it.has_waiting()) {
            accept_queue.called.notify_one();
            self.placed.notify_one();
        }
    }

    /// Drops what still waits and what still comes: the workers have ended, or are about to.
    pub(crate) fn end(&self) {
        for accept_queue in &self.accept_queues {
            let waiting = accept_queue.lock().take();
            drop(waiting);
        }
    }

    /// Gives what has waited for too long to another worker, as long as this is polled.
    pub(crate) async fn rebalance(&self) {
        loop {
            self.placed.notified().await;
            while self.accept_queues.iter().any(|accept_queue| accept_queue.has_waiting()) {
                sleep(LATE).await;
                self.rebalance_once(Instant::now());
            }
        }
    }

    fn rebalance_once(&self, now: Instant) {
        let late = |accept_queue: &&Arc<AcceptQueue>| accept_queue.is_late(now);
        let (late, in_time): (Vec<_>, Vec<_>) = self.accept_queues.iter().partition(late);
        if in_time.is_empty() {
            return;
        }
        for accept_queue in late {
            self.place_all(accept_queue.take().into_iter().map(|waiting| waiting.arrival));
        }
    }
}

impl AcceptQueue {
    /// Takes connections in, on the worker.
    async fn take_in(&self, context: &Arc<AcceptContext>) {
        loop {
            self.called.notified().await;
            let arrivals = self.take();
            // Not before that: what still waited might be found late, and then nobody would call.
            self.is_late.store(false, Ordering::Relaxed);
            let taken: Vec<_> = arrivals
                .into_iter()
                .filter_map(|Waiting { arrival, counted, .. }| Some((arrival.take()?, counted)))
                .collect();
            // The runtime has a look at the sockets: most have their request by now, and room for the answer,
            // so that no task has to wait for that (bench/NOTES.md#handshakes).
            yield_now().await;
            for (taken, counted) in taken {
                self.start(taken, Arc::clone(context));
                drop(counted);
            }
        }
    }

    fn start(&self, taken: Taken, context: Arc<AcceptContext>) {
        match taken {
            Taken::Tcp(stream, entry) => self.spawn(stream, entry, context),
            #[cfg(unix)]
            Taken::Unix(stream, entry) => self.spawn(stream, entry, context),
            Taken::Handshake(handshake) => {
                let deciding = serve_handshake(handshake, self.worker.index(), context);
                self.worker.spawn(ConnectionTask::new(deciding));
            }
        }
    }

    fn spawn(&self, transport: impl Transport, entry: Entry, context: Arc<AcceptContext>) {
        let Entry { address, spoken, routes, counters } = entry;
        let (worker, counters) = (Arc::clone(&self.worker), Some(counters));
        let Spoken { tls, versions, proxy_protocol, forwarded } = spoken;
        let peer = PeerInfo { forwarded, ..PeerInfo::plain(address) };
        let entrance =
            Entrance { peer, place: None, listener_routes: routes, versions, worker, counters };
        match tls {
            None if proxy_protocol => {
                let http = serve_proxied_http(transport, entrance, context);
                self.worker.spawn(ConnectionTask::new(http));
            }
            None => {
                let http = serve_http(transport, entrance, context);
                self.worker.spawn(ConnectionTask::new(http));
            }
            Some(acceptor) => {
                let https = serve_https(transport, entrance, proxy_protocol, acceptor, context);
                self.worker.spawn(ConnectionTask::new(https));
            }
        }
    }

    fn give(&self, arrival: Arrival) {
        let counted = self.worker.connections().token();
        let arrival = Waiting { arrival, came: Instant::now(), counted };
        let ended = match &mut *self.lock() {
            Some(waiting) => {
                waiting.push(arrival);
                None
            }
            None => Some(arrival),
        };
        drop(ended);
    }

    fn take(&self) -> Vec<Waiting> {
        self.lock().as_mut().map(mem::take).unwrap_or_default()
    }

    /// Who comes for connections before who does not, and then who has fewer.
    fn load(&self) -> (bool, usize) {
        (self.is_late.load(Ordering::Relaxed), self.worker.connections().len())
    }

    /// Whether the worker lets connections wait, now or until it is seen again.
    fn is_late(&self, now: Instant) -> bool {
        let oldest = self.lock().as_ref().and_then(|waiting| Some(waiting.first()?.came));
        if oldest.is_some_and(|came| now.saturating_duration_since(came) >= LATE) {
            self.is_late.store(true, Ordering::Relaxed);
        }
        self.is_late.load(Ordering::Relaxed)
    }

    fn has_waiting(&self) -> bool {
        self.lock().as_ref().is_some_and(|waiting| !waiting.is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Waiting>>> {
        self.waiting.lock()
    }
}

impl Arrival {
    /// Has the runtime around it know of it: a socket belongs to the one that it was made on.
    fn take(self) -> Option<Taken> {
        let (stream, entry) = match self {
            Self::Handshake(handshake) => return Some(Taken::Handshake(handshake)),
            Self::Connection(stream, entry) => (stream, entry),
        };
        let address = entry.address.clone();
        let taken = match stream {
            Incoming::Tcp(stream) => TcpStream::from_std(stream).map(|it| Taken::Tcp(it, entry)),
            #[cfg(unix)]
            Incoming::Unix(stream) => UnixStream::from_std(stream).map(|it| Taken::Unix(it, entry)),
        };
        let report = |error| {
            log::event!(WARN, { %address, %error }, "a connection could not be taken in");
        };
        taken.map_err(report).ok()
    }
}
