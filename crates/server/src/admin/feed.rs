//! What a page is told as long as it is open: the last hour, then how the server is, every two seconds, and who its
//! slowest clients are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Instant, SystemTime},
};

use http::header;
use serde_json::{Value, json};

use super::{
    Admin,
    history::{FIELDS, History, PERIOD, Sample},
    pages::CHALLENGE,
    slowest::{MOST_LISTED, slowest},
};
use crate::{
    app::{Accepted, Client, Endpoint, Handshake, Websocket},
    error::{Failure, Refusal, Status},
    metrics::{ClusterFigures, EndpointFigures, Snapshot, TrafficFigures},
    options::Options,
    sync::{Mutex, Rank},
};

/// What the page offers, beside its token.
const PROTOCOL: &str = "aerys.admin";

/// How many pages may be open.
const MAX_PAGES: usize = 32;

/// A page has nothing to say.
const MAX_SAID: usize = 1024;

pub(crate) struct Feed(Arc<State>);

struct State {
    admin: Arc<Admin>,
    history: Mutex<History>,
    /// What was found at the last look for slow clients, and when.
    slowest: Mutex<Option<(Instant, Arc<str>)>>,
    is_looking: AtomicBool,
}

impl Feed {
    /// Where it is.
    pub(crate) const PATH: &'static str = "/feed";

    pub(crate) fn new(admin: &Arc<Admin>) -> Self {
        let history = Mutex::new(Rank::Leaf, History::new(&admin.metrics.snapshot()));
        Self(Arc::new(State {
            admin: Arc::clone(admin),
            history,
            slowest: Mutex::default(),
            is_looking: AtomicBool::new(false),
        }))
    }

    pub(crate) fn options() -> Options {
        Options::new().max_clients(MAX_PAGES).max_frame_size(MAX_SAID).max_msg_size(MAX_SAID)
    }
}

impl Websocket for Feed {
    async fn on_start(&self, everyone: &Endpoint) -> Result<(), Failure> {
        let state = Arc::clone(&self.0);
        everyone.repeat(PERIOD, move |everyone| {
            let state = Arc::clone(&state);
            async move {
                state.tell(&everyone);
                state.look(&everyone).await;
                Ok(())
            }
        });
        Ok(())
    }

    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let state = &self.0;
        if !state.admin.admits(handshake.bearer()) {
            let handshake = handshake.header(header::WWW_AUTHENTICATE, CHALLENGE);
            return Err(handshake.refuse(Status::UNAUTHORIZED));
        }
        let client = handshake.select(PROTOCOL).accept();
        client.send(state.history()).nowait();
        client.send(state.now(&state.admin.metrics.snapshot(), None)).nowait();
        state.tell_slowest(&client);
        Ok(client)
    }
}

impl State {
    /// Notes what has happened, and tells it to whoever is here.
    fn tell(&self, everyone: &Endpoint) {
        let snapshot = self.admin.metrics.snapshot();
        let sample = self.history.lock().look(&snapshot, SystemTime::now());
        if !everyone.is_empty() {
            everyone.broadcast(self.now(&snapshot, Some(sample))).nowait();
        }
    }

    /// Looks for the slowest clients, if anybody wants to know and nobody is at it.
    async fn look(&self, everyone: &Endpoint) {
        if everyone.is_empty() || self.is_looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let found = slowest(&self.admin.control.applications()).await;
        self.is_looking.store(false, Ordering::Release);
        let found: Arc<str> = found.to_string().into();
        *self.slowest.lock() = Some((Instant::now(), Arc::clone(&found)));
        everyone.broadcast(&*found).nowait();
    }

    /// Tells one who has come of the slowest clients, or has them looked for if that is too long ago.
    fn tell_slowest(self: &Arc<Self>, client: &Client) {
        let known = self.slowest.lock().clone();
        match known.filter(|(at, _)| at.elapsed() < PERIOD) {
            Some((_, found)) => client.send(&*found).nowait(),
            None => {
                let (state, everyone) = (Arc::clone(self), client.endpoint().clone());
                client.endpoint().spawn(async move {
                    state.look(&everyone).await;
                    Ok(())
                });
            }
        }
    }

    fn history(&self) -> String {
        let samples = self.history.lock().json();
        json!({
            "type": "history",
            "period": PERIOD.as_secs(),
            "listed": MOST_LISTED,
            "fields": FIELDS,
            "samples": samples,
        })
        .to_string()
    }

    /// How the server is, with what has happened since the last time if that is known.
    fn now(&self, snapshot: &Snapshot, sample: Option<Sample>) -> String {
        json!({
            "type": "now",
            "sample": sample.map(|it| it.json()),
            "status": self.admin.control.status(snapshot.limits_hit),
            "cluster": snapshot.cluster.as_ref().map(cluster),
            "figures": snapshot.endpoints.iter().map(figures).collect::<Vec<_>>(),
        })
        .to_string()
    }
}

/// How the cluster is that the server is a node of.
fn cluster(figures: &ClusterFigures) -> Value {
    json!({
        "connected": figures.is_connected,
        "nodes": figures.nodes,
        "not_forwarded": figures.not_forwarded,
        "lost": figures.unread + figures.unsent,
    })
}

/// What an endpoint's clients have done so far.
fn figures(endpoint: &EndpointFigures) -> Value {
    let messages = |it: &TrafficFigures| it.text_messages + it.binary_messages;
    json!({
        "endpoint": endpoint.endpoint,
        "slow": endpoint.slow_clients,
        "queued": endpoint.queued_bytes,
        "received_messages": messages(&endpoint.received),
        "received_bytes": endpoint.received.wire_bytes,
        "sent_messages": messages(&endpoint.sent),
        "sent_bytes": endpoint.sent.wire_bytes,
    })
}
