//! What a server counts, and how that is told.
//!
//! Each worker has its share of an endpoint's figures, which lies beside the clients that it is about
//! (`roster/shard.rs`), and is found by whoever has one of them: so nothing is looked up for a message, and nothing is
//! walked through when somebody asks. Names and addresses are those of the configuration, and never a client's.

mod counter;
mod endpoint;
mod histogram;
mod listener;
mod own;
mod readiness;
mod snapshot;
mod text;
mod worker;

use std::{
    fmt,
    sync::Arc,
    time::{Instant, SystemTime},
};

use arc_swap::ArcSwap;

use self::counter::SharedCounter;
#[cfg(feature = "admin")]
pub(crate) use self::endpoint::CODES;
pub use self::{
    endpoint::HandshakeOutcome,
    histogram::Durations,
    listener::Protocol,
    own::{Metric, Samples},
    readiness::Readiness,
    snapshot::{
        Closes, ClusterFigures, EndpointFigures, ListenerFigures, Snapshot, TrafficFigures,
        WorkerFigures,
    },
};
pub(crate) use self::{
    endpoint::{EndpointCounters, Handling},
    listener::{ListenerCounters, Speaking},
    snapshot::ReadCluster,
    text::Format,
    worker::WorkerCounters,
};
use crate::admission::Hits;

/// What a server counts, for whoever wants to know while it runs. Cheap to clone.
///
/// `docs/metrics.md` says what each metric is. A [`Listener::metrics`](crate::Listener::metrics) answers with them.
///
/// ```
/// # use aerys::{Host, Server, ServerError, Websocket};
/// # async fn example(chat: impl Websocket) -> Result<(), ServerError> {
/// let host = Host::new("mysite.com").websocket("/chat", chat);
/// let running = Server::new().listen("127.0.0.1:0").host(host).start().await?;
/// let metrics = running.metrics();
/// for endpoint in metrics.snapshot().endpoints {
///     println!("{}: {} clients", endpoint.endpoint, endpoint.clients);
/// }
/// assert!(metrics.prometheus().contains("aerys_clients{endpoint=\"mysite.com/chat\"} 0"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Metrics(Arc<Sources>);

/// Where the figures are.
struct Sources {
    started: (SystemTime, Instant),
    workers: Box<[Arc<WorkerCounters>]>,
    /// Those that there are.
    listeners: ArcSwap<Vec<Arc<ListenerCounters>>>,
    hits: Arc<Hits>,
    readiness: Readiness,
    reloads: SharedCounter,
    reloads_refused: SharedCounter,
    certificates_reloaded: SharedCounter,
    certificates_refused: SharedCounter,
    cluster: Option<ReadCluster>,
    /// Those of the program's own.
    own: Vec<Metric>,
}

impl Metrics {
    /// Of a server that is being started, and listens nowhere yet.
    pub(crate) fn new(
        workers: impl Iterator<Item = Arc<WorkerCounters>>,
        hits: Arc<Hits>,
        readiness: Readiness,
        cluster: Option<ReadCluster>,
        own: Vec<Metric>,
    ) -> Self {
        Self(Arc::new(Sources {
            started: (SystemTime::now(), Instant::now()),
            workers: workers.collect(),
            listeners: ArcSwap::default(),
            hits,
            readiness,
            reloads: SharedCounter::default(),
            reloads_refused: SharedCounter::default(),
            certificates_reloaded: SharedCounter::default(),
            certificates_refused: SharedCounter::default(),
            cluster,
            own,
        }))
    }

    /// What there is now. It costs a look at each worker's share of each endpoint, however many clients they have.
    pub fn snapshot(&self) -> Snapshot {
        let sources = &*self.0;
        let (started, since) = sources.started;
        let workers = sources.workers.iter().enumerate();
        Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            started,
            uptime: since.elapsed(),
            is_ready: sources.readiness.is_ready(),
            is_draining: sources.readiness.is_draining(),
            endpoints: snapshot::endpoints(sources.workers.iter()),
            listeners: snapshot::listeners(&sources.listeners.load()),
            workers: workers.map(|(index, it)| WorkerFigures::read(index, it)).collect(),
            limits_hit: sources.hits.snapshot(),
            reloads: sources.reloads.get(),
            reloads_refused: sources.reloads_refused.get(),
            certificates_reloaded: sources.certificates_reloaded.get(),
            certificates_refused: sources.certificates_refused.get(),
            cluster: sources.cluster.as_ref().map(|read| read()),
        }
    }

    /// The same as Prometheus reads it: its text format, version 0.0.4.
    pub fn prometheus(&self) -> String {
        self.write(Format::Prometheus)
    }

    /// The same in the text format of OpenMetrics, version 1.0.0.
    pub fn open_metrics(&self) -> String {
        self.write(Format::OpenMetrics)
    }

    pub(crate) fn write(&self, format: Format) -> String {
        text::write(&self.snapshot(), &self.0.own, format)
    }

    /// Tells of these listeners from now on.
    pub(crate) fn listen(&self, listeners: Vec<Arc<ListenerCounters>>) {
        self.0.listeners.store(Arc::new(listeners));
    }

    /// Whether the server is to be sent clients.
    pub(crate) fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    /// The server was to serve something else, and does or does not.
    pub(crate) fn reload(&self, is_done: bool) {
        if is_done { self.0.reloads.add(1) } else { self.0.reloads_refused.add(1) }
    }

    /// Certificates were looked at, of which so many are new and so many are not to be used.
    #[cfg(feature = "tls")]
    pub(crate) fn certificates(&self, reloaded: usize, refused: usize) {
        self.0.certificates_reloaded.add(reloaded as u64);
        self.0.certificates_refused.add(refused as u64);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
