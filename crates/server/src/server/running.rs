//! A server that runs, until it is stopped.

use std::{
    fmt, mem,
    net::SocketAddr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

#[cfg(feature = "tls")]
use super::certificates::{self, TlsAcceptors};
use super::{
    accept_queue::AcceptQueues,
    acceptor::Acceptor,
    admin_page::AdminServer,
    applications::Applications,
    control::{Asked, End, Reloader, Shutdown},
    controls::Controls,
    drain::{Drain, Drained},
    listeners::Listeners,
    retiring::Retiring,
};
#[cfg(feature = "tls")]
use crate::error::CertificateError;
use crate::{
    admission::LimitsHit,
    app::Endpoint,
    cluster::Joined,
    error::EndpointError,
    log,
    metrics::{Metrics, Readiness},
    runtime::{Worker, WorkerThread},
};

/// What threads that wait for nothing need to end.
const THREADS_PERIOD: Duration = Duration::from_millis(100);

/// A server that runs. Dropping it ends it at once; [`stop`](Self::stop) ends it well.
#[must_use = "wait for its end with `until_signalled`, or end it with `stop`"]
pub struct Running {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) listeners: Listeners,
    pub(super) applications: Applications,
    /// What a reload has left.
    pub(super) retiring: Vec<Retiring>,
    pub(super) acceptor: Acceptor,
    pub(super) accept_queues: Arc<AcceptQueues>,
    pub(super) threads: Vec<WorkerThread>,
    pub(super) stop: CancellationToken,
    pub(super) shutdown: Shutdown,
    pub(super) reloader: Reloader,
    /// Who has asked for a reload, until somebody looks.
    pub(super) asked: mpsc::Receiver<Asked>,
    pub(super) metrics: Metrics,
    pub(super) controls: Arc<Controls>,
    pub(super) admin_page: AdminServer,
    /// If it is a node: the others are told when it ends.
    pub(super) cluster: Option<Joined>,
    pub(super) stop_period: Duration,
    pub(super) drain: Drain,
    #[cfg(feature = "tls")]
    pub(super) tls: Arc<TlsAcceptors>,
}

impl Running {
    /// The IP addresses it listens on, in the order in which they were asked for, with the port that
    /// was found for each port 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The first of its [`addresses`](Self::addresses).
    ///
    /// # Panics
    ///
    /// If it listens on Unix sockets alone.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// The endpoint of an application that is mounted on this path, as it was given to
    /// [`Host::websocket`](crate::Host::websocket): to publish from outside a handler. If several hosts have
    /// the path it is the first one's, unless their name stands before it, as in `mysite.com/chat`.
    ///
    /// ```
    /// # use aerys::{Endpoint, Host, Server, Websocket};
    /// # async fn example(news: impl Websocket) -> Result<(), Box<dyn std::error::Error>> {
    /// let host = Host::new("mysite.com").websocket("/news", news);
    /// let running = Server::new().host(host).start().await?;
    /// let news: Endpoint = running.endpoint("/news")?;
    /// news.broadcast("We are open.").await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If no application is mounted there, or its clients' state is of another type.
    pub fn endpoint<S: Send + Sync + 'static>(
        &self,
        path: &str,
    ) -> Result<Endpoint<S>, EndpointError> {
        self.applications.endpoint(path)
    }

    /// How often each limit was reached since the server has started.
    pub fn limits_hit(&self) -> LimitsHit {
        self.accept_queues.admission().hits.snapshot()
    }

    /// What it counts, for whoever wants to know: also a [listener](crate::Listener::metrics) can tell.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Looks now whether the files of [`Tls`](crate::Tls) have other certificates, and answers how many are new:
    /// those who connect from now on are shown them. No connection is closed.
    ///
    /// # Errors
    ///
    /// If one cannot be used. The others are, and what was there before is in its place.
    #[cfg(feature = "tls")]
    pub async fn reload_certificates(&self) -> Result<usize, CertificateError> {
        certificates::reload(&self.tls, true, &self.metrics).await
    }

    /// What asks this server to stop, for whoever is not here to do it.
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// What has this server reload, for whoever is not here to do it. It does as long as somebody waits with
    /// [`until_signalled_reloading`](Self::until_signalled_reloading).
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// Whether it is to be sent clients, for whoever answers a balancer's question: as a
    /// [service](crate::Host::service), say.
    pub fn readiness(&self) -> Readiness {
        self.metrics.readiness().clone()
    }

    /// Waits until a future resolves, or until its [`shutdown`](Self::shutdown) is asked for, then
    /// [stops](Self::stop).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use aerys::{Host, Server, ServerError};
    /// # async fn example(host: Host) -> Result<(), ServerError> {
    /// let running = Server::new().host(host).start().await?;
    /// running.until(tokio::time::sleep(Duration::from_secs(3600))).await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn until(mut self, end: impl Future<Output = ()>) {
        self.reload_no_more();
        let end = tokio::select! {
            () = end => End::Stop,
            end = self.shutdown.asked_for() => end,
        };
        match end {
            End::Stop => self.stop().await,
            End::Drain => drop(self.drain().await),
        }
    }

    /// Accepts no more connections, closes every client with 1001, waits until each `on_close` and
    /// then each `on_stop` has run, and ends the threads. All of it takes at most
    /// [`Server::stop_period`](crate::Server::stop_period), which says who gets which share.
    pub async fn stop(self) {
        self.stop_since(Instant::now()).await;
    }

    /// Sees all clients off as [`Server::drain`](crate::Server::drain) says, and [stops](Self::stop): it is
    /// [ready](Self::readiness) no more, and goes on for the delay; then whoever comes is answered 503 with a
    /// `Retry-After`, and clients are closed one by one. Answers what became of them.
    ///
    /// If it is told meanwhile to [stop](Shutdown::stop), who is left is closed at once.
    ///
    /// On a socket that [systemd](crate::Listener::systemd) has passed nobody is answered 503: who connects waits
    /// there until the server that is started next accepts.
    pub async fn drain(self) -> Drained {
        let began = Instant::now();
        self.metrics.readiness().end();
        let hurry = self.shutdown.stop_asked().clone();
        hurry.run_until_cancelled(sleep(self.drain.waits())).await;
        self.metrics.readiness().drain();
        self.accept_queues.refuse();
        self.listeners.let_go();
        let leavers = self.applications.drain(self.drain, &hurry).await;
        self.stop_since(began).await;
        let drained @ Drained { closed, left, cut, .. } = leavers.count();
        log::event!(INFO, { closed, left, cut }, "all clients were seen off");
        drained
    }

    pub(super) fn workers(&self) -> Vec<Arc<Worker>> {
        self.threads.iter().map(|it| Arc::clone(it.worker())).collect()
    }

    /// Answers whoever asks for a reload that there is none.
    pub(super) fn reload_no_more(&mut self) {
        self.asked.close();
        while self.asked.try_recv().is_ok() {}
    }

    async fn stop_since(mut self, began: Instant) {
        self.metrics.readiness().drain();
        let (end, clients_end) = (began + self.stop_period, began + self.stop_period / 4 * 3);
        self.stop.cancel();
        for retiring in mem::take(&mut self.retiring) {
            if let Some(application) = retiring.give_up(end).await {
                self.applications.add(application);
            }
        }
        // Unless the log holds its thread up.
        let _ = timeout_at(clients_end, self.acceptor.stopped()).await;
        let workers = self.workers();
        self.applications.see_off(&workers, clients_end).await;
        let threads_period = THREADS_PERIOD.min(self.stop_period / 20);
        self.applications.stop(&workers, end - threads_period).await;
        if let Some(cluster) = self.cluster.take() {
            cluster.leave(end).await;
        }
        // Whoever looks sees what comes of it, up to here.
        let admin_page = mem::take(&mut self.admin_page);
        tokio::join!(self.end_threads(end), admin_page.stop(end));
    }

    async fn end_threads(&mut self, end: Instant) {
        let workers = mem::take(&mut self.threads);
        workers.iter().for_each(WorkerThread::end);
        let acceptor = self.acceptor.end();
        let (ended, all_ended) = oneshot::channel();
        // Not one of the runtime's threads: its end would wait for a worker that is left behind.
        let joins = thread::Builder::new().name("aerys-stop".into()).spawn(move || {
            workers.into_iter().for_each(WorkerThread::join);
            // A panic there has been reported by the panic hook already.
            let _ = acceptor.map(JoinHandle::join);
            let _ = ended.send(());
        });
        if joins.is_ok() && timeout_at(end, all_ended).await.is_err() {
            log::event!(WARN, {}, "a handler blocks its thread, which is left behind");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        self.accept_queues.end();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
