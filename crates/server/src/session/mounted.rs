//! One application on one path, and the trait by which the server sees it without knowing its types.

use std::{
    any::{Any, type_name},
    borrow::Cow,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use aerys_proto::{
    Close, CloseCode, Config, Message,
    deflate::{self, Agreement},
};
use arc_swap::ArcSwap;

use super::{Leaver, Session};
use crate::{
    admission::{EndpointPlace, Full, Places},
    app::{Client, Endpoint, Fault, Handshake, RequestInfo, Websocket, tried},
    cluster::Link,
    connection::{ClientId, Shared, Stats},
    metrics::EndpointCounters,
    options::Settings,
    presence::PresenceChange,
    roster::{Onlooker, Roster, Walk},
    runtime::{Alarms, EndpointSlot, Handler, Panicked, Worker, caught, contained},
};

pub(crate) struct Mounted<W, S> {
    pub(crate) app: W,
    name: Cow<'static, str>,
    endpoint: Endpoint<S>,
    /// What those who come go by.
    settings: ArcSwap<Settings>,
    /// How many of [`Options::max_clients`](crate::Options::max_clients) are taken.
    clients: Arc<AtomicUsize>,
    /// Whether `on_start` has returned, and `on_stop` has not been called.
    is_started: AtomicBool,
}

/// Where an application is mounted, each as it was given, and what tells it from another that is mounted there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) name: Cow<'static, str>,
}

/// A mounted application, whatever its type.
pub(crate) trait Application: Send + Sync {
    /// As it was given, and so is the path.
    fn host(&self) -> &str;
    fn path(&self) -> &str;
    fn place(&self) -> Place;
    /// What it is called in the log: its host and its path.
    fn label(&self) -> &str {
        self.counters(0).label()
    }
    /// An `Endpoint<S>`.
    fn endpoint(&self) -> Box<dyn Any>;
    /// The type of its clients' state.
    fn state_type(&self) -> &'static str;
    /// What a worker counts of it.
    fn counters(&self, worker: usize) -> &Arc<EndpointCounters>;
    /// How many clients it has.
    fn clients(&self) -> usize;
    /// Looks at some of its clients, and answers whether there are more: see [`Roster::look`].
    #[cfg_attr(not(feature = "admin"), expect(dead_code, reason = "the admin page alone asks"))]
    fn look(&self, walk: &mut Walk, look: &mut dyn FnMut(ClientId, &Shared)) -> bool;
    /// What is known of a client's connection, if it is here.
    #[cfg_attr(not(feature = "admin"), expect(dead_code, reason = "the admin page alone asks"))]
    fn inspect(&self, id: ClientId) -> Option<Stats>;
    /// Has a client closed, without waiting long for who reads nothing; answers whether it was here.
    fn close(&self, id: ClientId, close: Close) -> bool;
    /// What those who come go by.
    fn settings(&self) -> Arc<Settings>;
    /// Has those who come from now on go by these. Whoever is here stays as it is.
    fn change(&self, settings: Settings);
    /// Takes one of the places that there are for clients, if those are counted.
    fn admit(&self) -> Result<Option<EndpointPlace>, Full>;
    /// Makes it an endpoint of a cluster. Said before it is started.
    fn connect(&self, link: &Arc<Link>);
    /// Shows a request to `on_open`. Nothing happens until the session is polled.
    fn open(self: Arc<Self>, request_info: Box<RequestInfo>) -> Opening;
    fn start(&self) -> BoxFuture<'_, Result<(), Fault>>;
    /// Every client, to be told to go one by one. From now on nobody stays.
    fn see_off(&self) -> Vec<Box<dyn Leaver>>;
    /// Tells every client that the server goes away (RFC 6455 §7.4.1: 1001).
    fn close_all(&self);
    /// Ends what is bound to the endpoint.
    fn end(&self);
    fn stop(&self) -> BoxFuture<'_, Result<(), Panicked>>;
}

/// A connection that is being opened: its application's side, and what that shares with the driver.
pub(crate) struct Opening {
    pub(crate) session: Session,
    pub(crate) shared: Arc<Shared>,
    pub(crate) config: Arc<Config>,
    /// What the 101 tells of compression.
    pub(crate) agreement: Option<Agreement>,
    /// Of its worker.
    pub(crate) alarms: Arc<Alarms>,
    /// What it takes of limits.
    pub(crate) places: Option<Box<Places>>,
    /// Whether it is refused since the server stops, whatever the application decides.
    pub(crate) is_turned_away: bool,
}

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl<W: Websocket<S>, S: Send + Sync + 'static> Mounted<W, S> {
    pub(crate) fn new(
        app: W,
        place: Place,
        settings: Settings,
        workers: &[Arc<Worker>],
    ) -> Arc<Self> {
        let Place { host, path, name } = place;
        let roster = Roster::new(host, path, Arc::clone(&settings.protocol), workers);
        let endpoint = Endpoint::new(roster);
        let this = Self {
            app,
            name,
            endpoint,
            settings: ArcSwap::from_pointee(settings),
            clients: Arc::default(),
            is_started: AtomicBool::new(false),
        };
        this.limit_groups();
        let this = Arc::new(this);
        let onlooker = Arc::downgrade(&this);
        this.endpoint.roster().ask(onlooker);
        this
    }

    /// Has those limits hold for groups that are set.
    fn limit_groups(&self) {
        let settings = self.settings.load();
        self.endpoint.roster().set_group_limits(settings.group_limits);
        self.endpoint.roster().set_presence_linger(settings.presence_linger);
    }

    pub(crate) fn path(&self) -> &str {
        self.endpoint.roster().path()
    }

    /// What it is called in the log.
    pub(crate) fn label(&self) -> &str {
        self.endpoint.roster().counters(0).label()
    }

    pub(crate) fn slot(&self) -> EndpointSlot {
        self.endpoint.roster().slot()
    }
}

impl<W: Websocket<S>, S: Send + Sync + 'static> Application for Mounted<W, S> {
    fn host(&self) -> &str {
        self.endpoint.roster().host()
    }

    fn path(&self) -> &str {
        Mounted::path(self)
    }

    fn place(&self) -> Place {
        let (host, path) = (self.host().to_owned(), self.path().to_owned());
        Place { host, path, name: self.name.clone() }
    }

    fn endpoint(&self) -> Box<dyn Any> {
        Box::new(self.endpoint.clone())
    }

    fn state_type(&self) -> &'static str {
        type_name::<S>()
    }

    fn counters(&self, worker: usize) -> &Arc<EndpointCounters> {
        self.endpoint.roster().counters(worker)
    }

    fn clients(&self) -> usize {
        self.endpoint.roster().len()
    }

    fn look(&self, walk: &mut Walk, look: &mut dyn FnMut(ClientId, &Shared)) -> bool {
        self.endpoint.roster().look(walk, look)
    }

    fn inspect(&self, id: ClientId) -> Option<Stats> {
        let client = self.endpoint.client(id)?;
        let stats = client.inspect();
        discard(client);
        Some(stats)
    }

    fn close(&self, id: ClientId, close: Close) -> bool {
        let Some(client) = self.endpoint.client(id) else { return false };
        client.shared().outbox.expedite();
        client.close().code(close.code).reason(close.reason).nowait();
        discard(client);
        true
    }

    fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    fn change(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
        self.limit_groups();
    }

    fn connect(&self, link: &Arc<Link>) {
        self.endpoint.roster().connect(link);
    }

    fn admit(&self) -> Result<Option<EndpointPlace>, Full> {
        let Some(max) = self.settings.load().rules.max_clients else { return Ok(None) };
        EndpointPlace::take(&self.clients, max).map(Some).ok_or(Full)
    }

    fn open(self: Arc<Self>, request_info: Box<RequestInfo>) -> Opening {
        let settings = self.settings.load();
        let roster = self.endpoint.roster();
        let counters = Arc::clone(roster.counters(request_info.worker()));
        let shared = Arc::new(Shared::new(settings.outbox_limits, counters));
        let config = Arc::clone(&settings.protocol);
        drop(settings);
        let agreement = config
            .compression
            .as_ref()
            .and_then(|compression| deflate::negotiate(request_info.request(), compression));
        let alarms = Arc::clone(roster.alarms(request_info.worker()));
        let handshake = Handshake::new(request_info, self.endpoint.clone(), Arc::clone(&shared));
        let session = Session::new(self, handshake, Arc::clone(&shared));
        Opening { session, shared, config, agreement, alarms, places: None, is_turned_away: false }
    }

    fn start(&self) -> BoxFuture<'_, Result<(), Fault>> {
        let start = async {
            let span = self.endpoint.span(Handler::OnStart);
            tried(span, || self.app.on_start(&self.endpoint)).await?;
            self.is_started.store(true, Ordering::Release);
            Ok(())
        };
        Box::pin(Worker::at_work(self.slot(), Handler::OnStart, start))
    }

    fn see_off(&self) -> Vec<Box<dyn Leaver>> {
        let clients = self.endpoint.roster().stop().into_iter();
        clients.map(|client| Box::new(client) as Box<dyn Leaver>).collect()
    }

    fn close_all(&self) {
        for client in self.endpoint.roster().stop() {
            client.shared().outbox.expedite();
            client.close().code(CloseCode::AWAY).nowait();
        }
    }

    fn end(&self) {
        self.endpoint.roster().end().cancel();
    }

    fn stop(&self) -> BoxFuture<'_, Result<(), Panicked>> {
        self.end();
        self.is_started.store(false, Ordering::Release);
        let stop = async {
            let span = self.endpoint.span(Handler::OnStop);
            caught(span, || self.app.on_stop(&self.endpoint)).await
        };
        Box::pin(Worker::at_work(self.slot(), Handler::OnStop, stop))
    }
}

impl<W: Websocket<S>, S: Send + Sync + 'static> Onlooker for Mounted<W, S> {
    fn said_of(&self, group: &Arc<str>, change: &PresenceChange) -> Option<Message> {
        // Other nodes tell of theirs before that.
        if !self.is_started.load(Ordering::Acquire) {
            return None;
        }
        let span = self.endpoint.span(Handler::OnPresence);
        let group = self.endpoint.group(group);
        span.around(|| contained(|| self.app.on_presence(&group, change))).unwrap_or_else(|panic| {
            Fault::from(panic).report(&self.endpoint, None, Handler::OnPresence.name());
            None
        })
    }
}

/// With it may go what the application kept for it, on a thread that is none of its.
fn discard<S>(client: Client<S>) {
    // The panic hook has told of it.
    let _ = contained(|| drop(client));
}
