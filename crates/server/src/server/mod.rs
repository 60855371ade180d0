//! The listeners, the workers, the hosts, from `Server::new` to the first connection.

mod running;

use std::{
    net::{self, Ipv4Addr, SocketAddr},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::{net::TcpListener, runtime::Builder};
use tokio_util::sync::CancellationToken;

pub use self::running::Running;
use crate::{
    Failure, Host, ServerError,
    http::{Limits, Reception, Site},
    listener::tcp,
    log,
    mount::Application,
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
