//! The listeners, the workers, the hosts; from start to stop.

use std::{
    fmt,
    net::{self, Ipv4Addr, SocketAddr},
    sync::Arc,
    thread,
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{net::TcpListener, runtime::Builder, sync::oneshot, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Failure, Host, ServerError,
    http::{Limits, Reception, Site},
    listener::tcp,
    log,
    mount::Application,
    signal::Signals,
    worker::{Worker, WorkerThread},
};

/// A server about to run.
///
/// ```no_run
/// use aerys::{Client, Handshake, Host, Refusal, Server, ServerError, Websocket};
///
/// struct Doorman;
///
/// impl Websocket for Doorman {
///     async fn on_open(&self, handshake: Handshake) -> Result<Client, Refusal> {
///         let client = handshake.accept();
///         client.send("welcome").await?;
///         Ok(client)
///     }
/// }
///
/// fn main() -> Result<(), ServerError> {
///     Server::new().host(Host::new("mysite.com").websocket("/door", Doorman)).run()
/// }
/// ```
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    hosts: Vec<Host>,
    workers: usize,
    limits: Limits,
    stop_period: Duration,
}

impl Server {
    /// A server with no host yet.
    pub fn new() -> Self {
        Self {
            addresses: Vec::new(),
            hosts: Vec::new(),
            workers: thread::available_parallelism().map_or(1, usize::from),
            limits: Limits { max_head_size: 16 * 1024, head_period: Duration::from_secs(10) },
            stop_period: Duration::from_secs(10),
        }
    }

    /// Listens on an address; may be called several times. Port 0 is any free port.
    /// Default 127.0.0.1:1337.
    pub fn listen(mut self, address: impl Into<SocketAddr>) -> Self {
        self.addresses.push(address.into());
        self
    }

    /// Adds a host.
    pub fn host(mut self, host: Host) -> Self {
        self.hosts.push(host);
        self
    }

    /// How many threads drive the clients; at least one. Default: one for each core.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// The largest head of a request, in bytes, at least 8 KiB; more is answered 431.
    /// Default 16 KiB.
    pub fn max_head_size(mut self, bytes: usize) -> Self {
        self.limits.max_head_size = bytes.max(8 * 1024);
        self
    }

    /// How long a client may take to send the head of a request. Default 10 s.
    pub fn head_period(mut self, period: Duration) -> Self {
        // Hyper adds it to the time without looking.
        self.limits.head_period = period.min(NEVER);
        self
    }

    /// How long clients and their `on_close`, and then the applications' `on_stop`, may take when
    /// the server stops. Default 10 s.
    pub fn stop_period(mut self, period: Duration) -> Self {
        self.stop_period = period;
        self
    }

    /// Runs until SIGINT or SIGTERM, then stops as [`Running::stop`] does.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start) and [`Running::until_signalled`].
    ///
    /// # Panics
    ///
    /// If called from within a tokio runtime; use [`start`](Self::start) there.
    pub fn run(self) -> Result<(), ServerError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ServerError::System)?;
        let outcome = runtime.block_on(async { self.start().await?.until_signalled().await });
        runtime.shutdown_background();
        outcome
    }

    /// Listens, runs every application's `on_start`, and then accepts connections, on threads of
    /// its own. Needs a tokio runtime around it, of any kind.
    ///
    /// # Errors
    ///
    /// If an address or a document root is not to be had, a host or path is there twice, or an
    /// `on_start` fails. Nothing is left running then.
    pub async fn start(self) -> Result<Running, ServerError> {
        let listeners = bind(&self.addresses)?;
        let addresses = listeners.iter().map(|(address, _)| *address).collect();
        let threads = (0..self.workers).map(WorkerThread::start).collect::<Result<Vec<_>, _>>();
        let threads = threads.map_err(ServerError::System)?;
        let workers: Arc<[_]> = threads.iter().map(|it| Arc::clone(it.worker())).collect();
        let (site, applications) = Site::new(self.hosts, &workers)?;
        let mut running = Running {
            addresses,
            applications,
            acceptors: Vec::new(),
            threads,
            stop: CancellationToken::new(),
            stop_period: self.stop_period,
        };
        for application in &running.applications {
            start_application(application, &workers[0]).await?;
        }
        let reception =
            Arc::new(Reception { site, limits: self.limits, stop: running.stop.clone() });
        for (address, listener) in listeners {
            let (workers, reception) = (Arc::clone(&workers), Arc::clone(&reception));
            let first = workers[0].runtime().clone();
            running.acceptors.push(first.spawn(async move {
                match TcpListener::from_std(listener) {
                    Ok(listener) => tcp::accept(listener, workers, reception).await,
                    Err(error) => log::event!(ERROR, { %address, %error }, "the listener could not be started"),
                }
            }));
            log::event!(INFO, { %address }, "listening");
        }
        Ok(running)
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

/// A server that runs. Dropping it ends it at once; [`stop`](Self::stop) ends it well.
pub struct Running {
    addresses: Vec<SocketAddr>,
    applications: Vec<Arc<dyn Application>>,
    acceptors: Vec<JoinHandle<()>>,
    threads: Vec<WorkerThread>,
    stop: CancellationToken,
    stop_period: Duration,
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

fn bind(addresses: &[SocketAddr]) -> Result<Vec<(SocketAddr, net::TcpListener)>, ServerError> {
    let usual = [SocketAddr::from((Ipv4Addr::LOCALHOST, 1337))];
    let addresses = if addresses.is_empty() { &usual } else { addresses };
    let bind = |&address: &SocketAddr| {
        let refused = |source| ServerError::Listen { address, source };
        let listener = tcp::bind(address).map_err(refused)?;
        Ok((listener.local_addr().map_err(refused)?, listener))
    };
    addresses.iter().map(bind).collect()
}

async fn start_application(
    application: &Arc<dyn Application>,
    worker: &Worker,
) -> Result<(), ServerError> {
    let starting = Arc::clone(application);
    let started = worker.runtime().spawn(async move { starting.start().await }).await;
    let outcome = started.unwrap_or_else(|error| Err(Failure::from(error)));
    outcome.map_err(|failure| ServerError::Start { path: application.path().to_owned(), failure })
}

/// Longer than any server runs: a hundred years.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
