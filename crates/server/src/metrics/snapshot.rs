//! What a server has done so far, in numbers.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    endpoint::{
        CODES, ENDING_NAMES, EndpointCounters, Handling, HandshakeOutcome, Passed, Traffic,
    },
    histogram::Durations,
    listener::{ListenerCounters, Protocol},
    worker::WorkerCounters,
};
use crate::admission::LimitsHit;

/// What a server has done since it was started, and how it is: see [`Metrics::snapshot`](crate::Metrics::snapshot).
///
/// Figures are read one after the other while the server goes on. None of those that count ever becomes less.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// Which version of this library it is.
    pub version: &'static str,
    /// When it was started.
    pub started: SystemTime,
    /// For how long it has run.
    pub uptime: Duration,
    /// Whether it is to be sent clients: see [`Readiness`](crate::Readiness).
    pub is_ready: bool,
    /// Whether newcomers are turned away, as it is about to stop.
    pub is_draining: bool,
    /// Its endpoints, in the order of their names.
    pub endpoints: Vec<EndpointFigures>,
    /// Its listeners, in the order of their addresses.
    pub listeners: Vec<ListenerFigures>,
    /// Its workers, by their numbers.
    pub workers: Vec<WorkerFigures>,
    /// How often limits were reached.
    pub limits_hit: LimitsHit,
    /// How often the server has [reloaded](crate::Running::reload).
    pub reloads: u64,
    /// How often it was to, and everything stayed as it was.
    pub reloads_refused: u64,
    /// Certificates that were read anew.
    pub certificates_reloaded: u64,
    /// Certificates that could not be used in place of what was there.
    pub certificates_refused: u64,
    /// How the cluster is that the server is a node of, if there is one.
    pub cluster: Option<ClusterFigures>,
}

/// What the clients of one endpoint do.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct EndpointFigures {
    /// Its host and path as they were mounted, as in `mysite.com/chat`.
    pub endpoint: String,
    /// How many clients there are.
    pub clients: u64,
    /// How many groups have members.
    pub groups: u64,
    /// How many of them are owed 64 KiB or more, and are not heard until they have read some of it.
    pub slow_clients: u64,
    /// What all of them are owed, in bytes: that the kernel has not taken yet, 64 for each message included.
    pub queued_bytes: u64,
    /// What they have sent.
    pub received: TrafficFigures,
    /// What they were sent.
    pub sent: TrafficFigures,
    /// How many handshakes came to what.
    pub handshakes: BTreeMap<HandshakeOutcome, u64>,
    /// How clients have gone.
    pub closes: Vec<Closes>,
    /// Messages dropped since later ones came: [`Overflow::DropOldest`](crate::Overflow::DropOldest).
    pub dropped_oldest: u64,
    /// Messages dropped since they were one too many: [`Overflow::DropNewest`](crate::Overflow::DropNewest).
    pub dropped_newest: u64,
    /// Messages that later ones with their keys have taken the place of.
    pub superseded: u64,
    /// Clients closed since they were owed too much: [`Overflow::Close`](crate::Overflow::Close).
    pub overflowed: u64,
    /// Clients closed since others needed the memory of what they had sent:
    /// [`Server::max_inbound_bytes`](crate::Server::max_inbound_bytes).
    pub evicted: u64,
    /// How long pings took to be answered.
    pub round_trips: Durations,
    /// How long `on_open` took: what has begun in one turn of 64 of a worker's, and each call that has waited, for
    /// which it is the time from its first wait on unless it has begun in such a turn.
    pub on_open: Durations,
    /// How long `on_data` took, in the same way.
    pub on_data: Durations,
    /// How long `on_close` took, in the same way.
    pub on_close: Durations,
    /// How long broadcasts took from being published until the last of a worker's clients was told.
    pub fan_outs: Durations,
}

/// What has passed one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrafficFigures {
    /// Messages that are text: whole ones that have come, or those that were begun to be sent.
    pub text_messages: u64,
    /// What these have in them, in bytes.
    pub text_bytes: u64,
    /// Messages that are binary.
    pub binary_messages: u64,
    /// What these have in them, in bytes.
    pub binary_bytes: u64,
    /// Bytes of the websockets, headers and control frames included; TLS and handshakes are not.
    pub wire_bytes: u64,
    /// What was compressed, in bytes, before it was.
    pub plain_bytes: u64,
    /// What it was compressed to, in bytes.
    pub compressed_bytes: u64,
}

/// How many clients have gone in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closes {
    /// The code, if it is one of RFC 6455 §7.4.1 or of the registry below 3000.
    pub code: Option<u16>,
    /// Who began: the `client`, a `violation` of the protocol by it, the `server`, or the `network`.
    pub by: &'static str,
    /// How many.
    pub count: u64,
}

/// The connections of one listener.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ListenerFigures {
    /// Where it listens, as in `127.0.0.1:80` or `unix:/run/chat.sock`.
    pub address: String,
    /// Connections that were accepted, also those that were closed at once.
    pub accepted: u64,
    /// Connections that are open, by what they speak.
    pub open: BTreeMap<Protocol, u64>,
    /// Connections that have begun to speak it: one that becomes a websocket has begun twice.
    pub begun: BTreeMap<Protocol, u64>,
}

/// How one worker is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerFigures {
    /// Its number.
    pub worker: usize,
    /// For how long it has kept waiting who asked, which is done a few times a second while it has something to do.
    pub lag: Durations,
}

impl WorkerFigures {
    pub(super) fn read(worker: usize, counters: &WorkerCounters) -> Self {
        Self { worker, lag: counters.lag.read() }
    }
}

/// How a cluster is, as the server sees it that is a node of it: see [`ClusterStatus`](crate::ClusterStatus).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterFigures {
    /// Whether the bus is there.
    pub is_connected: bool,
    /// Nodes that there are, this one included.
    pub nodes: usize,
    /// Messages that the bus has taken for other nodes.
    pub forwarded: u64,
    /// Messages that it has not taken.
    pub not_forwarded: u64,
    /// Messages of other nodes for endpoints that are here.
    pub received: u64,
    /// What has come by the bus and made no sense.
    pub malformed: u64,
    /// Frames of other nodes that were dropped, since this one was too slow, or they were late.
    pub unread: u64,
    /// Frames that the bus had taken, and that were lost with its connection.
    pub unsent: u64,
}

/// What tells how it is now.
pub(crate) type ReadCluster = Box<dyn Fn() -> ClusterFigures + Send + Sync>;

/// The shares of all workers together.
pub(super) fn endpoints<'w>(
    workers: impl Iterator<Item = &'w Arc<WorkerCounters>>,
) -> Vec<EndpointFigures> {
    let mut endpoints = BTreeMap::<Arc<str>, EndpointFigures>::new();
    for (name, counters) in workers.flat_map(|worker| worker.endpoints()) {
        let figures = endpoints.entry(Arc::clone(&name)).or_insert_with(|| EndpointFigures {
            endpoint: name.to_string(),
            ..EndpointFigures::default()
        });
        figures.add(&counters);
    }
    endpoints.into_values().collect()
}

/// Those with one address together: a socket can be listened on twice.
pub(super) fn listeners(listeners: &[Arc<ListenerCounters>]) -> Vec<ListenerFigures> {
    let mut figures = BTreeMap::<&str, ListenerFigures>::new();
    for counters in listeners {
        let figures = figures.entry(counters.address()).or_default();
        figures.address = counters.address().to_owned();
        figures.accepted += counters.accepted.get();
        for protocol in Protocol::ALL {
            *figures.open.entry(protocol).or_default() += counters.open(protocol);
            *figures.begun.entry(protocol).or_default() += counters.begun[protocol as usize].get();
        }
    }
    figures.into_values().collect()
}

impl EndpointFigures {
    fn add(&mut self, share: &EndpointCounters) {
        self.clients += share.clients.get();
        self.groups += share.groups.get();
        self.slow_clients += share.slow_clients.get();
        self.queued_bytes += share.queued_bytes.get();
        self.received.add(&share.received);
        self.sent.add(&share.sent);
        for (outcome, count) in HandshakeOutcome::ALL.into_iter().zip(&share.handshakes) {
            *self.handshakes.entry(outcome).or_default() += count.get();
        }
        let codes = CODES.into_iter().map(Some).chain([None]);
        for (code, counts) in codes.zip(&share.closes) {
            for ((_, by), count) in ENDING_NAMES.into_iter().zip(counts) {
                self.add_closes(Closes { code, by, count: count.get() });
            }
        }
        self.dropped_oldest += share.dropped_oldest.get();
        self.dropped_newest += share.dropped_newest.get();
        self.superseded += share.superseded.get();
        self.overflowed += share.overflowed.get();
        self.evicted += share.evicted.get();
        self.round_trips = self.round_trips + share.round_trips.read();
        let [on_open, on_data, on_close] =
            Handling::ALL.map(|handling| share.handlers[handling as usize].read());
        self.on_open = self.on_open + on_open;
        self.on_data = self.on_data + on_data;
        self.on_close = self.on_close + on_close;
        self.fan_outs = self.fan_outs + share.fan_outs.read();
    }

    /// In no way that nobody has gone yet.
    fn add_closes(&mut self, closes: Closes) {
        let is_same = |it: &&mut Closes| (it.code, it.by) == (closes.code, closes.by);
        match self.closes.iter_mut().find(is_same) {
            Some(known) => known.count += closes.count,
            None if closes.count > 0 => self.closes.push(closes),
            None => {}
        }
    }
}

impl TrafficFigures {
    fn add(&mut self, share: &Traffic) {
        let passed = |passed: &Passed| (passed.messages.get(), passed.bytes.get());
        let ((texts, text_bytes), (binaries, binary_bytes)) =
            (passed(&share.text), passed(&share.binary));
        self.text_messages += texts;
        self.text_bytes += text_bytes;
        self.binary_messages += binaries;
        self.binary_bytes += binary_bytes;
        self.wire_bytes += share.wire_bytes.get();
        self.plain_bytes += share.plain_bytes.get();
        self.compressed_bytes += share.compressed_bytes.get();
    }
}
