//! A server without sockets and threads: it runs on the runtime around it.

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Server, applications::Applications, start::join, task::serve_http};
use crate::{
    admission::Admission,
    cluster::{Cluster, Joined},
    connection::inbound_memory,
    driver::ConnectionTask,
    error::ServerError,
    http_server::{AcceptContext, Entrance, Hosts, Monitor, Mounter, Site, TrustedProxies},
    metrics::{Metrics, Readiness},
    runtime::Worker,
    transport::{PeerAddr, PeerInfo, Versions, memory},
};

/// Dropping it ends it at once.
pub(crate) struct InMemory {
    workers: [Arc<Worker>; 1],
    applications: Applications,
    /// If it is a node: the others are told when it ends.
    cluster: Option<Joined>,
    context: Arc<AcceptContext>,
    /// Cancelled when no connection is to go on: the runtime does, unlike a thread's that has ended.
    end: CancellationToken,
}

impl InMemory {
    /// Runs every `on_start`. Where it listens, and on how many threads it runs, does not matter.
    pub(crate) async fn start(server: Server) -> Result<Self, ServerError> {
        server.limits.check()?;
        let proxies = TrustedProxies::parse(&server.trusted_proxies)?;
        inbound_memory::limit(server.max_inbound_bytes);
        let workers = [Worker::start_here()];
        let mut mounter = Mounter::new(&workers, Vec::new());
        let hosts = Hosts::new(server.hosts, &mut mounter)?;
        let cluster = join(server.cluster.as_ref(), &mounter.made)?;
        let stop_period = server.limits.stop_period;
        let mut applications = Applications::default();
        applications.start(mounter.made, &workers, stop_period).await?;
        let site = Site { hosts, proxies, limits: server.limits };
        let admission = Admission::new(server.admission_limits);
        let counters = workers.iter().map(|worker| Arc::clone(worker.counters()));
        let (hits, readiness) = (Arc::clone(&admission.hits), Readiness::default());
        let figures = server.cluster.map(Cluster::figures);
        let metrics = Metrics::new(counters, hits, readiness, figures, server.metrics);
        let monitor = Monitor::new(metrics, &workers);
        let context = Arc::new(AcceptContext::new(site, admission, monitor));
        context.access_log.switch(server.has_access_log);
        let end = CancellationToken::new();
        Ok(Self { workers, applications, cluster, context, end })
    }

    /// A connection that has been accepted.
    pub(crate) fn connect(&self, address: PeerAddr) -> memory::Peer {
        let (transport, peer) = memory::connect();
        let entrance = Entrance {
            peer: PeerInfo::plain(address),
            place: None,
            listener_routes: None,
            versions: Versions::Http1,
            worker: Arc::clone(&self.workers[0]),
            counters: None,
        };
        let http = serve_http(transport, entrance, Arc::clone(&self.context));
        let (connection, end) = (ConnectionTask::new(http), self.end.clone());
        self.workers[0].spawn(end.run_until_cancelled_owned(connection).map(drop));
        peer
    }

    /// Stops as [`Running::stop`](super::Running::stop) does.
    pub(crate) async fn stop(mut self) {
        let (began, stop_period) = (Instant::now(), self.context.limits().stop_period);
        self.context.stop.cancel();
        self.applications.see_off(&self.workers, began + stop_period / 4 * 3).await;
        self.applications.stop(&self.workers, began + stop_period).await;
        if let Some(cluster) = self.cluster.take() {
            cluster.leave(began + stop_period).await;
        }
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        self.context.stop.cancel();
        self.end.cancel();
        self.applications.end();
    }
}
