//! Other hosts, limits and listeners for a server that runs, without closing anybody who may stay.

use std::sync::Arc;

use super::{
    Server,
    admin_page::Change,
    controls::Serving,
    drain::Drain,
    listeners::{Bound, or_usual},
    retiring::Retiring,
    running::Running,
};
use crate::{
    admission::AdmissionLimits,
    connection::inbound_memory,
    error::ServerError,
    http_server::{Control, Hosts, Mounter, Site},
    log,
    options::Settings,
    session::Application,
};

/// What a [reload](Running::reload) has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// Endpoints that were there before, with their clients.
    pub kept: usize,
    /// Endpoints that are new.
    pub started: usize,
    /// Endpoints that are not served any more.
    pub ended: usize,
}

/// What is to be served, and will be.
pub(super) struct Prepared {
    reloaded: Reloaded,
    site: Site,
    kept: Vec<(Arc<dyn Application>, Settings)>,
    gone: Vec<Arc<dyn Application>>,
    bound: Bound,
    admin_page: Change,
    /// How many workers were asked for.
    asked: usize,
    admission_limits: AdmissionLimits,
    max_inbound_bytes: usize,
    drain: Drain,
    has_access_log: bool,
}

impl Running {
    /// Serves what another server would, and goes on: hosts, files, endpoints and their options, certificates,
    /// limits and listeners are that one's from now on, for whoever connects, and hosts for the next request of
    /// whoever is connected. If anything about it is wrong, everything stays as it was.
    ///
    /// An endpoint is the same if its host, its path and the type of its application are, as they were given.
    /// It lives on with its application, its clients and whatever it keeps: the new value of the application is
    /// dropped, and `on_start` does not run again. Its clients stay under the options that they came with, those
    /// who come go by the new ones; broadcasts are compressed as they were. One that is not there any more is
    /// answered 404, and its clients are closed as the [drain](Server::drain) says (1001, or 1012), in the
    /// background; then its `on_stop` runs. A listener is the same if its address is, as it was given; one that
    /// goes is closed, and whoever has connected to it stays. How many workers there are stays as it is.
    ///
    /// ```
    /// # use aerys::{Host, Server, Websocket};
    /// # async fn example(news: impl Websocket, chat: impl Websocket) -> Result<(), aerys::ServerError> {
    /// let server = |host: Host| Server::new().listen("127.0.0.1:0").host(host);
    /// let mut running = server(Host::new("mysite.com").websocket("/chat", chat)).start().await?;
    /// let reloaded = running.reload(server(Host::new("mysite.com").websocket("/news", news))).await?;
    /// assert_eq!((reloaded.started, reloaded.ended), (1, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Server::start`]. What has started by then has had its `on_stop`.
    pub async fn reload(&mut self, server: Server) -> Result<Reloaded, ServerError> {
        let outcome = self.try_reload(server).await;
        self.metrics.reload(outcome.is_ok());
        outcome
    }

    async fn try_reload(&mut self, server: Server) -> Result<Reloaded, ServerError> {
        let prepared = self.prepare(server).await?;
        let reloaded @ Reloaded { kept, started, ended } = self.apply(prepared);
        log::event!(INFO, { kept, started, ended }, "reloaded");
        Ok(reloaded)
    }

    /// Does all that may fail.
    pub(super) async fn prepare(&mut self, server: Server) -> Result<Prepared, ServerError> {
        let proxies = server.check()?;
        let Server { listeners, hosts, workers: asked, admission_limits, admin_page, .. } = server;
        let Server { drain, limits, max_inbound_bytes, has_access_log, .. } = server;
        let workers = self.workers();
        let mut mounter = Mounter::new(&workers, self.applications.all().to_vec());
        let hosts = Hosts::new(hosts, &mut mounter)?;
        let Mounter { gone, made, kept, .. } = mounter;
        let control: Arc<dyn Control> = Arc::clone(&self.controls) as _;
        let bound = self.listeners.bind(or_usual(listeners), &self.acceptor, &control)?;
        let admin_page = self.admin_page.prepare(admin_page, &self.metrics, &control).await?;
        let reloaded = Reloaded { kept: kept.len(), started: made.len(), ended: gone.len() };
        if let Some(cluster) = &self.cluster {
            made.iter().for_each(|application| application.connect(cluster.link()));
        }
        self.applications.start(made, &workers, limits.stop_period).await?;
        let site = Site { hosts, proxies, limits };
        Ok(Prepared {
            reloaded,
            site,
            kept,
            gone,
            bound,
            admin_page,
            asked,
            admission_limits,
            max_inbound_bytes,
            drain,
            has_access_log,
        })
    }

    /// Serves it. Nothing fails from here on, and nothing is waited for.
    pub(super) fn apply(&mut self, prepared: Prepared) -> Reloaded {
        let Prepared { reloaded, site, kept, gone, bound, admin_page, asked, .. } = prepared;
        let Prepared { admission_limits, max_inbound_bytes, drain, has_access_log, .. } = prepared;
        let (limits, workers, names) = (site.limits, self.workers(), bound.names());
        for (application, settings) in kept {
            application.change(settings);
        }
        let context = self.accept_queues.context();
        context.site.store(Arc::new(site));
        context.admission.change(admission_limits);
        context.access_log.switch(has_access_log);
        self.listeners.change(bound, &self.acceptor, &self.accept_queues, &self.stop);
        self.addresses = self.listeners.addresses();
        self.metrics.listen(self.listeners.counters());
        #[cfg(feature = "tls")]
        self.tls.store(Arc::new(self.listeners.tls()));
        (self.drain, self.stop_period) = (drain, limits.stop_period);
        for worker in &workers {
            worker.runtime().spawn(async move { inbound_memory::limit(max_inbound_bytes) });
        }
        if asked != workers.len() {
            let workers = workers.len();
            log::event!(WARN, { workers, asked }, "the number of workers stays until the server is restarted");
        }
        self.retiring.retain(Retiring::is_at_work);
        for application in self.applications.remove(&gone) {
            let retiring = Retiring::start(application, drain, limits.stop_period, &workers);
            self.retiring.push(retiring);
        }
        self.admin_page.change(admin_page);
        let (applications, admin_page_url) =
            (self.applications.all().to_vec(), self.admin_page.url());
        self.controls.serve(Serving { listeners: names, applications, admin_page_url });
        reloaded
    }
}
