//! An application that is all `on_open`, and a script that test and handler keep to.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use aerys::{
    Accepted, Client, Departure, Endpoint, Failure, Handshake, Host, Message, Options, Refusal,
    Server, Websocket,
};
use tokio::sync::Notify;

use super::{Journal, Raw, Running, get, soon, start_on};

/// A server whose `on_open` is the test's own. Messages and departures are noted.
pub(crate) struct Door {
    pub(crate) server: Running,
    pub(crate) scene: Scene,
    pub(crate) endpoint: Endpoint,
}

/// What handlers and test have in common.
#[derive(Clone, Default)]
pub(crate) struct Scene {
    pub(crate) journal: Journal,
    cue: Arc<Notify>,
}

impl Scene {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.journal.note(line);
    }

    /// Lets one wait for a cue end, also one that begins later.
    pub(crate) fn cue(&self) {
        self.cue.notify_one();
    }

    pub(crate) async fn cued(&self) {
        self.cue.notified().await;
    }
}

impl Door {
    /// On two workers.
    pub(crate) async fn guarded_by<O, A>(on_open: O) -> Self
    where
        O: Fn(Handshake, Scene) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Accepted, Refusal>> + Send + 'static,
    {
        Self::on_workers(2, on_open).await
    }

    /// On two workers, at a path of its own, by which the log can be asked for it.
    pub(crate) async fn at<O, A>(path: &str, on_open: O) -> Self
    where
        O: Fn(Handshake, Scene) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Accepted, Refusal>> + Send + 'static,
    {
        Self::start(2, path, on_open).await
    }

    /// On `workers` workers, at every `/door/{guest}`.
    pub(crate) async fn on_workers<O, A>(workers: usize, on_open: O) -> Self
    where
        O: Fn(Handshake, Scene) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Accepted, Refusal>> + Send + 'static,
    {
        Self::start(workers, "/door/{guest}", on_open).await
    }

    async fn start<O, A>(workers: usize, path: &str, on_open: O) -> Self
    where
        O: Fn(Handshake, Scene) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Accepted, Refusal>> + Send + 'static,
    {
        let scene = Scene::default();
        let endpoint = Arc::new(OnceLock::new());
        let app = Guarded { on_open, scene: scene.clone(), endpoint: Arc::clone(&endpoint) };
        // Bare sockets answer no CLOSE, and no ping is to wake what has been forgotten.
        let options =
            Options::new().close_period(Duration::from_millis(100)).heartbeat_period(None);
        let host = Host::new("localhost").websocket_with(path, app, options);
        let server = start_on(workers, Server::new().host(host)).await;
        let endpoint = endpoint.get().expect("on_start has run").clone();
        Self { server, scene, endpoint }
    }

    /// Has a worker do a whole round trip. If there is only one, it has been through everything
    /// that there was to do before.
    pub(crate) async fn round_trip(&self) {
        let mut raw = Raw::connect(&self.server).await;
        assert_eq!(raw.ask(get("/", "")).await.status(), 404);
    }

    /// Stops the server and answers what has been noted, also while it stopped.
    pub(crate) async fn shut(self) -> Vec<String> {
        soon(self.server.stop()).await;
        assert!(self.endpoint.is_empty(), "{:?} are left", self.endpoint.clients());
        self.scene.journal.lines()
    }
}

struct Guarded<O> {
    on_open: O,
    scene: Scene,
    endpoint: Arc<OnceLock<Endpoint>>,
}

impl<O, A> Websocket for Guarded<O>
where
    O: Fn(Handshake, Scene) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Accepted, Refusal>> + Send + 'static,
{
    async fn on_start(&self, endpoint: &Endpoint) -> Result<(), Failure> {
        self.endpoint.set(endpoint.clone()).map_err(|_| Failure::new("started twice"))
    }

    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        (self.on_open)(handshake, self.scene.clone()).await
    }

    async fn on_data(&self, _: &Client, message: Message) -> Result<(), Failure> {
        self.scene.note(format!("data {message}"));
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.scene.note(format!("close {}", gone.code().as_u16()));
    }
}
