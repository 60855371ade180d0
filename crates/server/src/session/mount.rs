//! One application on one path, and the door through which the server sees it without knowing its
//! types.

use std::{pin::Pin, sync::Arc};

use aerys_proto::{
    CloseCode, Config,
    deflate::{self, Agreement},
};

use super::Session;
use crate::{
    app::{Caller, Endpoint, Handshake, Websocket},
    connection::Line,
    error::Failure,
    options::{Rules, Settings},
    roster::Registry,
    runtime::{Handler, Place, Worker},
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
    fn rules(&self) -> &Rules;
    /// Shows a caller to `on_open`. Nothing happens until the session is polled.
    fn open(self: Arc<Self>, caller: Box<Caller>) -> Opening;
    fn start(&self) -> BoxFuture<'_, Result<(), Failure>>;
    /// Tells every client that the server goes away (RFC 6455 §7.4.1: 1001).
    fn close_all(&self);
    fn stop(&self) -> BoxFuture<'_, ()>;
}

/// A connection that is being opened: its application's side and the line to it.
pub(crate) struct Opening {
    pub(crate) session: Session,
    pub(crate) line: Arc<Line>,
    pub(crate) config: Arc<Config>,
    /// What the 101 tells of compression.
    pub(crate) agreement: Option<Agreement>,
}

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl<W: Websocket<S>, S: Send + Sync + 'static> Mount<W, S> {
    pub(crate) fn new(app: W, path: String, settings: Settings, workers: &[Arc<Worker>]) -> Self {
        let registry = Registry::new(path, Arc::clone(&settings.protocol), workers);
        Self { app, endpoint: Endpoint::new(registry), settings }
    }

    pub(crate) fn path(&self) -> &str {
        self.endpoint.registry().path()
    }

    pub(crate) fn place(&self) -> Place {
        self.endpoint.registry().place()
    }
}

impl<W: Websocket<S>, S: Send + Sync + 'static> Application for Mount<W, S> {
    fn path(&self) -> &str {
        Mount::path(self)
    }

    fn rules(&self) -> &Rules {
        &self.settings.rules
    }

    fn open(self: Arc<Self>, caller: Box<Caller>) -> Opening {
        let line = Arc::new(Line::new(self.settings.bounds));
        let config = Arc::clone(&self.settings.protocol);
        let agreement = config
            .compression
            .as_ref()
            .and_then(|compression| deflate::negotiate(caller.request_headers(), compression));
        let handshake = Handshake::new(caller, self.endpoint.clone(), Arc::clone(&line));
        let session = Session::new(self, handshake, Arc::clone(&line));
        Opening { session, line, config, agreement }
    }

    fn start(&self) -> BoxFuture<'_, Result<(), Failure>> {
        let start = async { self.app.on_start(&self.endpoint).await };
        Box::pin(Worker::at_work(self.place(), Handler::OnStart, start))
    }

    fn close_all(&self) {
        for client in self.endpoint.registry().stop() {
            client.line().outbox.hurry();
            client.close().code(CloseCode::AWAY).nowait();
        }
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        self.endpoint.registry().end().cancel();
        let stop = async { self.app.on_stop(&self.endpoint).await };
        Box::pin(Worker::at_work(self.place(), Handler::OnStop, stop))
    }
}
