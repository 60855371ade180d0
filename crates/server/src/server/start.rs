//! A server that is described becomes one that runs.

use std::sync::Arc;

use tokio::runtime::{Builder, Handle};

#[cfg(feature = "tls")]
use super::certificates::TlsAcceptors;
use super::{
    Mount, Reloader, Running, Server, Shutdown,
    accept_queue::AcceptQueues,
    acceptor::Acceptor,
    admin_page::AdminServer,
    applications::Applications,
    controls::{Controls, Serving},
    listeners::{Listeners, or_usual},
};
use crate::{
    admission::Admission,
    cluster::{Cluster, Joined},
    connection::inbound_memory,
    error::ServerError,
    http_server::{AcceptContext, Control, Hosts, Monitor, Mounter, Site, TrustedProxies},
    metrics::{Metrics, Readiness},
    runtime::WorkerThread,
    session::Application,
    transport::Listener,
};

impl Server {
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
    pub(super) fn check(&self) -> Result<TrustedProxies, ServerError> {
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
pub(super) fn join(
    cluster: Option<&Cluster>,
    applications: &[Arc<dyn Application>],
) -> Result<Option<Joined>, ServerError> {
    let Some(cluster) = cluster else { return Ok(None) };
    applications.iter().for_each(|application| application.connect(cluster.link()));
    cluster.link().join().map(Some)
}
