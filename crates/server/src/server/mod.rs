//! A server, from its description to its end.

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
mod limits;
mod listeners;
mod mount;
#[cfg_attr(not(unix), path = "no_notify.rs")]
mod notify;
mod reload;
mod retiring;
mod running;
mod signal;
mod spare;
mod start;
mod supervised;
mod task;

use std::{thread, time::Duration};

use self::admin_page::AdminPage;
#[cfg(feature = "test")]
pub(crate) use self::in_memory::InMemory;
pub use self::{
    control::{Reloader, Shutdown},
    drain::{Drain, Drained},
    mount::{Mount, MountBody, MountFuture, MountService},
    reload::Reloaded,
    running::Running,
};
use crate::{
    admission::AdmissionLimits,
    cluster::Cluster,
    http_server::{BodyLimits, Host, Limits},
    metrics::Metric,
    transport::Listener,
};

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
    /// long as that: else the server [does not start](crate::ServerError::Drain).
    pub fn drain(mut self, drain: Drain) -> Self {
        self.drain = drain;
        self
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}
