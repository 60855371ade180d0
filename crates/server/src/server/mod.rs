//! The listeners, the workers, the hosts, from `Server::new` to the first connection.

mod accept_queue;
mod accepting;
mod acceptor;
#[cfg_attr(not(feature = "admin"), path = "no_admin_page.rs")]
mod admin_page;
mod applications;
#[cfg(feature = "tls")]
mod certificates;
mod control;
mod controls;
#[cfg(test)]
mod defaults;
mod drain;
#[cfg(feature = "test")]
mod in_memory;
mod listeners;
mod mount;
#[cfg_attr(not(unix), path = "no_notify.rs")]
mod notify;
mod reload;
mod retiring;
mod running;
mod signal;
mod spare;
mod supervised;
mod task;

use std::{sync::Arc, thread, time::Duration};

use tokio::runtime::{Builder, Handle};

#[cfg(feature = "tls")]
use self::certificates::TlsAcceptors;
#[cfg(feature = "test")]
pub(crate) use self::in_memory::InMemory;
use self::{
    accept_queue::AcceptQueues,
    acceptor::Acceptor,
    admin_page::{AdminPage, AdminServer},
    applications::Applications,
    controls::{Controls, Serving},
    listeners::{Listeners, or_usual},
};
pub use self::{
    control::{Reloader, Shutdown},
    drain::{Drain, Drained},
    mount::{Mount, MountBody, MountFuture, MountService},
    reload::Reloaded,
    running::Running,
};
use crate::{
    admission::{Admission, AdmissionLimits, Rate},
    cluster::{Cluster, Joined},
    connection::inbound_memory,
    error::ServerError,
    http_server::{
        AcceptContext, BodyLimits, Control, Host, Hosts, Limits, Monitor, Mounter, Site,
        TrustedProxies,
    },
    metrics::{Metric, Metrics, Readiness},
    runtime::WorkerThread,
    session::Application,
    transport::Listener,
};

/// Longer than any server runs: a hundred years.
const LONGEST_PERIOD: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A server about to run.
///
/// ```no_run
/// use aerys::{Accepted, Handshake, Host, Refusal, Server, ServerError, Websocket};
///
/// struct Doorman;
///
/// impl Websocket for Doorman {
///     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
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
#[must_use = "nothing is served until it is `run` or `start`ed"]
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    hosts: Vec<Host>,
    workers: usize,
    trusted_proxies: Vec<String>,
    pub(crate) admission_limits: AdmissionLimits,
    admin_page: Option<AdminPage>,
    cluster: Option<Cluster>,
    pub(crate) metrics: Vec<Metric>,
    drain: Drain,
    pub(crate) limits: Limits,
    pub(crate) max_inbound_bytes: usize,
    pub(crate) has_access_log: bool,
}

impl Server {
    /// A server with no host yet.
    pub fn new() -> Self {
        Self {
            listeners: Vec::new(),
            hosts: Vec::new(),
            workers: thread::available_parallelism().map_or(1, usize::from),
            trusted_proxies: Vec::new(),
            admission_limits: AdmissionLimits::default(),
            admin_page: None,
            cluster: None,
            metrics: Vec::new(),
            drain: Drain::new(),
            limits: Limits {
                max_head_size: 16 * 1024,
                max_headers: 100,
                max_requests: 1000,
                head_period: Duration::from_secs(10),
                body: BodyLimits { period: Some(Duration::from_secs(30)), min_rate: 500 },
                stall_period: Some(Duration::from_secs(120)),
                min_response_rate: 0,
                stop_period: Duration::from_secs(10),
            },
            max_inbound_bytes: 256 << 20,
            has_access_log: false,
        }
    }

    /// Listens on an address, a Unix socket, or a socket bound elsewhere: see [`Listener`]. May be called
    /// several times. Default 127.0.0.1:1337.
    pub fn listen(mut self, listener: impl Into<Listener>) -> Self {
        self.listeners.push(listener.into());
        self
    }

    /// Adds a host.
    pub fn host(mut self, host: Host) -> Self {
        self.hosts.push(host);
        self
    }

    /// Who is believed when it says for whom it connects, by the [header](Listener::forwarded) of a request or the
    /// [PROXY protocol](Listener::proxy_protocol): IP addresses, networks (`"10.0.0.0/8"`), or `"unix:"` for
    /// whoever connects to a Unix socket. May be called several times. Default nobody.
    ///
    /// The client is who stands last in the header and is none of them
    /// ([`Handshake::client_ip`](crate::Handshake::client_ip)): so name every proxy on the way, and no network
    /// in which clients are. A [`Mount`] goes by `X-Forwarded-For` and the [`PeerAddr`](crate::PeerAddr) that
    /// a layer has put there.
    ///
    /// ```no_run
    /// # use aerys::{Host, Server};
    /// # fn example(host: Host) -> Server {
    /// Server::new().listen("10.0.0.5:80").host(host).trusted_proxies(["10.0.0.2", "10.1.0.0/16"])
    /// # }
    /// ```
    pub fn trusted_proxies(mut self, proxies: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.trusted_proxies.extend(proxies.into_iter().map(Into::into));
        self
    }

    /// How many threads drive the clients; at least one. Default: one for each core.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// How much the clients of one worker may hold together, in bytes, of messages that have begun to
    /// arrive and are not finished, or wait for a handler. Over that the one that has made no progress
    /// for longest is closed with 1008. One on its own may hold more, as far as its endpoint's
    /// [`max_msg_size`](crate::Options::max_msg_size) goes. Default 256 MiB.
    pub fn max_inbound_bytes(mut self, bytes: usize) -> Self {
        self.max_inbound_bytes = bytes;
        self
    }

    /// Makes the server a node of a cluster: see [`Cluster`]. Default none. A [reload](Running::reload) leaves it a node
    /// of the one that it is in, or of none.
    pub fn cluster(mut self, cluster: Cluster) -> Self {
        self.cluster = Some(cluster);
        self
    }

    /// Tells a metric of the program's own among the server's, in the place of an earlier one of that name. A
    /// [reload](Running::reload) leaves those that there are.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metrics.retain(|it| !it.is_another(&metric));
        self.metrics.push(metric);
        self
    }

    /// Whether each websocket handshake has a line in the log, when it is answered or given up: at level info, target
    /// `aerys::access`, with `client_ip`, `host`, `path` (without its query, where tokens are), `http` (the version),
    /// `status`, `outcome` (a [`HandshakeOutcome`](crate::HandshakeOutcome), or `elsewhere` where no endpoint is),
    /// `client` (its id, if it was let in), `subprotocol`, `origin`, `user_agent` and `took`, the time to the answer;
    /// and `peer` if the connection is not the client's own. Default `false`, which costs nothing.
    ///
    /// Unlike others these lines are not rationed. What is the client's in one is cut after 200 bytes and has no
    /// character that could not be seen.
    pub fn access_log(mut self, is_on: bool) -> Self {
        self.has_access_log = is_on;
        self
    }

    /// The largest head of a request, in bytes, at least 8 KiB; more is answered 431.
    /// Default 16 KiB.
    pub fn max_head_size(mut self, bytes: usize) -> Self {
        self.limits.max_head_size = bytes.max(8 * 1024);
        self
    }

    /// How many headers a request by HTTP/1.1 may have; more is answered 431. Default 100. By HTTP/2 their
    /// [size](Self::max_head_size) alone has a limit.
    pub fn max_headers(mut self, headers: usize) -> Self {
        self.limits.max_headers = headers;
        self
    }

    /// How many requests a connection may have by HTTP/1.1, one after another: it ends with the response to the
    /// last, which says so (`Connection: close`); at least one. Default 1,000.
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.limits.max_requests = requests.max(1);
        self
    }

    /// How many connections there may be at a time, of all clients and proxies, websockets or not. Whoever comes
    /// beyond that is closed at once, before anything is read, and the others go on.
    ///
    /// Default seven eighths of the limit of open files when the server starts (`RLIMIT_NOFILE`, `ulimit -n`), as the
    /// program may open others, and at most that limit less 64: a number above is a warning in the log, and
    /// counts as that. If descriptors are used up all the same, whoever comes is closed as
    /// well. None of this is for a [`Mount`], whose connections are the other server's.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.admission_limits.max_connections = Some(connections);
        self
    }

    /// How many connections each [client address](crate::Handshake::client_ip) may have at a time, or each network of
    /// 64 bits of IPv6; `None`, the default, for any number. Not counted are this machine's own (loopback),
    /// those of Unix sockets and of [trusted proxies](Self::trusted_proxies).
    ///
    /// Whoever comes beyond that is closed at once, before TLS. Behind a proxy that tells of its clients by a
    /// header, it is a client's websockets that are counted, and a handshake is answered 429.
    pub fn max_connections_per_ip(mut self, connections: impl Into<Option<usize>>) -> Self {
        self.admission_limits.max_connections_per_ip = connections.into();
        self
    }

    /// How many websocket handshakes a second each client address may begin, after so many at once (`burst`); at
    /// least one of each. More are answered 429 with a `Retry-After`, and `on_open` is not asked. Addresses are
    /// those of [`max_connections_per_ip`](Self::max_connections_per_ip). Default any number.
    ///
    /// Of 65,536 addresses it is known at a time how often they came: one that stays away while as many others
    /// come is new again.
    pub fn handshakes_per_ip(mut self, per_second: u32, burst: u32) -> Self {
        let rate = Rate { per_second: per_second.max(1), burst: burst.max(1) };
        self.admission_limits.handshakes_per_ip = Some(rate);
        self
    }

    /// How long a client may take to send the head of a request, from the connection's beginning or
    /// from the last response on. A handshake of TLS has as long before that. Default 10 s.
    ///
    /// A connection of HTTP/2 without a stream ends after as long.
    pub fn head_period(mut self, period: Duration) -> Self {
        // Hyper adds it to the time without looking.
        self.limits.head_period = period.min(LONGEST_PERIOD);
        self
    }

    /// How long a client may send nothing of the [`Body`](crate::Body) of a request while a service
    /// waits for it; `None` for any time. Default 30 s. It is answered 408, or cut off if the
    /// response has begun, up to a quarter of the period later; a service's future is dropped then.
    pub fn body_period(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.limits.body.period = period.into();
        self
    }

    /// How many bytes of the [`Body`](crate::Body) of a request a client has to send for each second
    /// in which a service waits for it, on average, once it has waited for
    /// [`body_period`](Self::body_period) (30 s if that is `None`); 0 for any. Default 500. It is
    /// answered 408, or cut off if the response has begun.
    pub fn min_body_rate(mut self, bytes_per_second: u64) -> Self {
        self.limits.body.min_rate = bytes_per_second;
        self
    }

    /// How long a client may read nothing of a response, which is to say that its kernel
    /// acknowledges none of the bytes that it is owed; `None` for any time. Default 120 s: with
    /// large buffers, more than a minute can lie between two acknowledgements of one that reads
    /// slowly, but all the time. Whoever reads nothing is cut off, up to a quarter of the period
    /// later.
    ///
    /// Where the system does not tell what was acknowledged (other than Linux), a byte that it
    /// takes counts as one.
    ///
    /// Over HTTP/2 it holds for each response by itself, of which a byte counts that the client's window has
    /// room for, and for the connection. Who has streams there and is silent for half of it is asked by a PING, and
    /// cut off at its end.
    pub fn stall_period(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.limits.stall_period = period.into();
        self
    }

    /// How many bytes of a response a client has to read for each second in which the response waits
    /// for it; 0 for any. Default 0.
    ///
    /// It is measured over each [`stall_period`](Self::stall_period) in which the client is owed
    /// something all the time: its kernel has to acknowledge this many bytes for each second of it
    /// in which nothing more could be written. Whoever is slower is cut off. What the client's
    /// kernel and ours have between them when all is written, some megabytes at most, may take its
    /// time. With `stall_period(None)` nobody is cut off.
    pub fn min_response_rate(mut self, bytes_per_second: u64) -> Self {
        self.limits.min_response_rate = bytes_per_second;
        self
    }

    /// How long the server may take to stop, all in all. Default 10 s.
    ///
    /// HTTP responses under way have half of it and are cut then, endless ones too; requests
    /// that are not whole, and connections without one, are ended at once. Websocket clients and their
    /// `on_close` have three quarters, and each `on_stop` its share of what is left then. A thread
    /// that has not ended in time, since a handler blocks it, is left behind: with a warning, and
    /// for as long as the process lives.
    pub fn stop_period(mut self, period: Duration) -> Self {
        self.limits.stop_period = period.min(LONGEST_PERIOD);
        self
    }

    /// How clients are seen off when the server is to stop: on SIGTERM, and by [`Running::drain`]. Default all at
    /// once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use aerys::{Drain, Server};
    ///
    /// // A balancer has five seconds to learn of it; then a thousand clients go in each second, of ten thousand.
    /// let drain = Drain::new().delay(Duration::from_secs(5)).spread(Duration::from_secs(10));
    /// let server = Server::new().drain(drain).stop_period(Duration::from_secs(40));
    /// ```
    ///
    /// Both periods together may be half of [`stop_period`](Self::stop_period), and a supervisor has to wait for as
    /// long as that: else the server [does not start](ServerError::Drain).
    pub fn drain(mut self, drain: Drain) -> Self {
        self.drain = drain;
        self
    }

    /// Runs until SIGINT, SIGTERM or SIGHUP: see [`Running::until_signalled`].
    ///
    /// # Errors
    ///
    /// [`ServerError::InsideRuntime`] if called from within a tokio runtime, which it would block: use
    /// [`start`](Self::start) there. Else as [`start`](Self::start) and [`Running::until_signalled`].
    pub fn run(self) -> Result<(), ServerError> {
        Self::block_on(async { self.start().await?.until_signalled().await })
    }

    /// Runs until a future resolves, then stops as [`Running::stop`] does. Signals are left to whoever
    /// wants them.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use aerys::{Host, Server, ServerError};
    /// # fn example(host: Host) -> Result<(), ServerError> {
    /// Server::new().host(host).run_until(async {
    ///     tokio::time::sleep(Duration::from_secs(3600)).await;
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ServerError::InsideRuntime`] if called from within a tokio runtime, which it would block: use
    /// [`start`](Self::start) and [`Running::until`] there. Else as [`start`](Self::start).
    pub fn run_until(self, end: impl Future<Output = ()>) -> Result<(), ServerError> {
        Self::block_on(async {
            self.start().await?.until(end).await;
            Ok(())
        })
    }

    /// On a runtime of its own.
    pub(crate) fn block_on(
        serving: impl Future<Output = Result<(), ServerError>>,
    ) -> Result<(), ServerError> {
        if Handle::try_current().is_ok() {
            return Err(ServerError::InsideRuntime);
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ServerError::System)?;
        let outcome = runtime.block_on(serving);
        runtime.shutdown_background();
        outcome
    }

    /// Listens, runs every application's `on_start`, and then accepts connections, on threads of
    /// its own. Needs a tokio runtime around it, of any kind.
    ///
    /// # Errors
    ///
    /// If an address or a document root is not to be had, a host or path is there twice, a period is
    /// zero, or an `on_start` fails. Nothing is left running then: what had started before has had its
    /// `on_stop`, within [`stop_period`](Self::stop_period).
    pub async fn start(self) -> Result<Running, ServerError> {
        self.launch(or_usual).await
    }

    /// Runs every application's `on_start`, on threads of its own, and listens nowhere: the endpoints are a
    /// tower service for a server of another kind, such as axum's. See [`Mount`]. Needs a tokio runtime
    /// around it, of any kind.
    ///
    /// # Errors
    ///
    /// [`ServerError::NotMountable`] if the server has a listener, a document root or an HTTP service, which
    /// the server around it has. Else as [`start`](Self::start).
    pub async fn mount(self) -> Result<Mount, ServerError> {
        self.check_mountable()?;
        self.launch(|nowhere| nowhere).await.map(Mount::new)
    }

    fn check_mountable(&self) -> Result<(), ServerError> {
        let has = |what| Err(ServerError::NotMountable { what });
        match self {
            _ if !self.listeners.is_empty() => has("a listener"),
            _ if self.hosts.iter().any(|host| !host.roots.is_empty()) => has("a document root"),
            _ if self.hosts.iter().any(|host| !host.host_service.is_empty()) => {
                has("an HTTP service")
            }
            _ => Ok(()),
        }
    }

    /// Whether it can be run at all, as far as it can be told without doing anything; who is trusted.
    fn check(&self) -> Result<TrustedProxies, ServerError> {
        self.limits.check()?;
        self.drain.check(self.limits.stop_period)?;
        let proxies = TrustedProxies::parse(&self.trusted_proxies)?;
        if let Some(listener) = self.listeners.iter().find(|it| it.speaks_proxy_protocol())
            && proxies.is_empty()
        {
            return Err(ServerError::ProxyProtocol { address: listener.to_string() });
        }
        Ok(proxies)
    }

    /// Starts, and listens on what that makes of its listeners.
    async fn launch(
        self,
        listeners: impl FnOnce(Vec<Listener>) -> Vec<Listener>,
    ) -> Result<Running, ServerError> {
        let proxies = self.check()?;
        let Self { limits, admission_limits, drain, max_inbound_bytes, has_access_log, .. } = self;
        let acceptor = Acceptor::start().map_err(ServerError::System)?;
        let (shutdown, readiness) = (Shutdown::default(), Readiness::default());
        let (reloader, asked) = Reloader::new();
        let controls = Arc::new(Controls::new(&shutdown, &reloader, &readiness));
        let control: Arc<dyn Control> = Arc::clone(&controls) as _;
        let bound = Listeners::default().bind(listeners(self.listeners), &acceptor, &control)?;
        let thread =
            |index| WorkerThread::start(index, move || inbound_memory::limit(max_inbound_bytes));
        let threads = (0..self.workers).map(thread).collect::<Result<Vec<_>, _>>();
        let threads = threads.map_err(ServerError::System)?;
        let workers: Arc<[_]> = threads.iter().map(|it| Arc::clone(it.worker())).collect();
        let mut mounter = Mounter::new(&workers, Vec::new());
        let hosts = Hosts::new(self.hosts, &mut mounter)?;
        let made = mounter.made;
        let cluster = join(self.cluster.as_ref(), &made)?;
        let admission = Admission::new(admission_limits);
        let counters = workers.iter().map(|worker| Arc::clone(worker.counters()));
        let (hits, figures) = (Arc::clone(&admission.hits), self.cluster.map(Cluster::figures));
        let metrics = Metrics::new(counters, hits, readiness, figures, self.metrics);
        let admin_page = AdminServer::start(self.admin_page, &metrics, &control).await?;
        acceptor.watch(Arc::clone(&workers));
        let mut applications = Applications::default();
        applications.start(made, &workers, limits.stop_period).await?;
        let site = Site { hosts, proxies, limits };
        let monitor = Monitor::new(metrics.clone(), &workers);
        let context = Arc::new(AcceptContext::new(site, admission, monitor));
        context.access_log.switch(has_access_log);
        let accept_queues = Arc::new(AcceptQueues::new(&workers, &context));
        acceptor.rebalance(&accept_queues);
        let (stop, mut listeners) = (context.stop.clone(), Listeners::default());
        let names = bound.names();
        let admin_page_url = admin_page.url();
        let serving =
            Serving { listeners: names, applications: applications.all().to_vec(), admin_page_url };
        controls.serve(serving);
        listeners.change(bound, &acceptor, &accept_queues, &stop);
        #[cfg(feature = "tls")]
        let tls = Arc::new(TlsAcceptors::from_pointee(listeners.tls()));
        #[cfg(feature = "tls")]
        acceptor.watch_certificates(&tls, metrics.clone());
        metrics.listen(listeners.counters());
        Ok(Running {
            addresses: listeners.addresses(),
            listeners,
            applications,
            retiring: Vec::new(),
            acceptor,
            accept_queues,
            threads,
            stop,
            shutdown,
            reloader,
            asked,
            metrics,
            controls,
            admin_page,
            cluster,
            stop_period: limits.stop_period,
            drain,
            #[cfg(feature = "tls")]
            tls,
        })
    }
}

/// Makes a server's endpoints those of a node, and it a node.
fn join(
    cluster: Option<&Cluster>,
    applications: &[Arc<dyn Application>],
) -> Result<Option<Joined>, ServerError> {
    let Some(cluster) = cluster else { return Ok(None) };
    applications.iter().for_each(|application| application.connect(cluster.link()));
    cluster.link().join().map(Some)
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}
