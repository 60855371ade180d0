//! One application on one path, and the door through which the server sees it without knowing its
//! types.

use std::{pin::Pin, sync::Arc};

use aerys_proto::{
    CloseCode, Config,
    deflate::{self, Agreement},
};

use super::Session;
use crate::{
    app::{Endpoint, Handshake, RequestInfo, Websocket},
    connection::Shared,
    error::Failure,
    options::{HandshakeRules, Settings},
    roster::Roster,
    runtime::{EndpointSlot, Handler, Worker},
};

pub(crate) struct Mount<W, S> {
    pub(crate) app: W,
    endpoint: Endpoint<S>,
    settings: Settings,
}

/// A mounted application, whatever its type.
pub(crate) trait Application: Send + Sync {
    fn path(&self) -> &str;
    /// What a handshake is held to.
    fn rules(&self) -> &HandshakeRules;
    /// Shows a request to `on_open`. Nothing happens until the session is polled.
    fn open(self: Arc<Self>, request_info: Box<RequestInfo>) -> Opening;
    fn start(&self) -> BoxFuture<'_, Result<(), Failure>>;
    /// Tells every client that the server goes away (RFC 6455 §7.4.1: 1001).
    fn close_all(&self);
    fn stop(&self) -> BoxFuture<'_, ()>;
}

/// A connection that is being opened: its application's side, and what that shares with the driver.
pub(crate) struct Opening {
    pub(crate) session: Session,
    pub(crate) shared: Arc<Shared>,
    pub(crate) config: Arc<Config>,
    /// What the 101 tells of compression.
    pub(crate) agreement: Option<Agreement>,
}

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl<W: Websocket<S>, S: Send + Sync + 'static> Mount<W, S> {
    pub(crate) fn new(app: W, path: String, settings: Settings, workers: &[Arc<Worker>]) -> Self {
        let roster = Roster::new(path, Arc::clone(&settings.protocol), workers);
        Self { app, endpoint: Endpoint::new(roster), settings }
    }

    pub(crate) fn path(&self) -> &str {
        self.endpoint.roster().path()
    }

    pub(crate) fn slot(&self) -> EndpointSlot {
        self.endpoint.roster().slot()
    }
}

impl<W: Websocket<S>, S: Send + Sync + 'static> Application for Mount<W, S> {
    fn path(&self) -> &str {
        Mount::path(self)
    }

    fn rules(&self) -> &HandshakeRules {
        &self.settings.rules
    }

    fn open(self: Arc<Self>, request_info: Box<RequestInfo>) -> Opening {
        let shared = Arc::new(Shared::new(self.settings.outbox_limits));
        let config = Arc::clone(&self.settings.protocol);
        let agreement = config.compression.as_ref().and_then(|compression| {
            deflate::negotiate(request_info.request_headers(), compression)
        });
        let handshake = Handshake::new(request_info, self.endpoint.clone(), Arc::clone(&shared));
        let session = Session::new(self, handshake, Arc::clone(&shared));
        Opening { session, shared, config, agreement }
    }

    fn start(&self) -> BoxFuture<'_, Result<(), Failure>> {
        let start = async { self.app.on_start(&self.endpoint).await };
        Box::pin(Worker::at_work(self.slot(), Handler::OnStart, start))
    }

    fn close_all(&self) {
        for client in self.endpoint.roster().stop() {
            client.shared().outbox.expedite();
            client.close().code(CloseCode::AWAY).nowait();
        }
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        self.endpoint.roster().end().cancel();
        let stop = async { self.app.on_stop(&self.endpoint).await };
        Box::pin(Worker::at_work(self.slot(), Handler::OnStop, stop))
    }
}
