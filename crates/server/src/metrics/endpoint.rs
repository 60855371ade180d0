//! What a worker's clients of one endpoint do.

use std::time::Duration;

use aerys_proto::{Close, Ending, Message};

use super::{
    counter::{Counter, SharedCounter, SharedGauge},
    histogram::Histogram,
};

/// One worker's share of an endpoint's figures, beside the clients that it is about.
///
/// What passes in messages is counted by the worker's thread alone, which drives their connections; so are the
/// clients, by whoever has the lock of their shard. Everything else is rare, or comes from any thread.
#[derive(Debug, Default)]
#[repr(align(64))] // Two workers are not to share a line of their caches.
pub(crate) struct EndpointCounters {
    /// What it is called in the metrics and in the log: its host and its path.
    label: Box<str>,
    pub(super) received: Traffic,
    pub(super) sent: Traffic,
    pub(crate) clients: Counter,
    /// Those that have members, of all workers: one of them counts for all.
    pub(crate) groups: SharedGauge,
    pub(super) queued_bytes: SharedGauge,
    pub(super) slow_clients: SharedGauge,
    pub(super) handshakes: [SharedCounter; HandshakeOutcome::ALL.len()],
    pub(super) closes: [[SharedCounter; ENDING_NAMES.len()]; CODES.len() + 1],
    pub(crate) dropped_oldest: SharedCounter,
    pub(crate) dropped_newest: SharedCounter,
    pub(crate) superseded: SharedCounter,
    /// Clients closed since they were owed too much.
    pub(crate) overflowed: SharedCounter,
    /// Clients closed since others needed the memory of what they had sent.
    pub(crate) evicted: SharedCounter,
    pub(super) round_trips: Histogram,
    pub(super) handlers: [Histogram; Handling::ALL.len()],
    pub(super) fan_outs: Histogram,
}

/// What has passed one way.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) text: Passed,
    pub(super) binary: Passed,
    pub(super) wire_bytes: Counter,
    /// Of what was compressed: what it is, and what it took on the wire.
    pub(super) plain_bytes: Counter,
    pub(super) compressed_bytes: Counter,
}

#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) messages: Counter,
    pub(super) bytes: Counter,
}

/// What a handshake has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HandshakeOutcome {
    /// The client was let in.
    Accepted,
    /// The application has refused it.
    Refused,
    /// `on_open` failed or panicked, or had no answer of its own: 500.
    Failed,
    /// `on_open` took longer than [`Options::open_period`](crate::Options::open_period).
    TimedOut,
    /// The page is of an origin that is not allowed.
    ForeignOrigin,
    /// A limit was reached: 429 or 503.
    Limited,
    /// It was none, or not as RFC 6455 §4.2.1 has it.
    Invalid,
    /// The server is about to stop.
    Stopping,
    /// The client has gone before it was answered.
    Gone,
}

impl HandshakeOutcome {
    pub(super) const ALL: [Self; 9] = [
        Self::Accepted,
        Self::Refused,
        Self::Failed,
        Self::TimedOut,
        Self::ForeignOrigin,
        Self::Limited,
        Self::Invalid,
        Self::Stopping,
        Self::Gone,
    ];

    /// As the metrics have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::ForeignOrigin => "foreign_origin",
            Self::Limited => "limited",
            Self::Invalid => "invalid",
            Self::Stopping => "stopping",
            Self::Gone => "gone",
        }
    }
}

/// A handler that is called for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handling {
    Open,
    Data,
    Close,
}

impl Handling {
    pub(super) const ALL: [Self; 3] = [Self::Open, Self::Data, Self::Close];
}

/// The codes that a client is closed with and that are told apart: those of RFC 6455 §7.4.1, and of the registry.
pub(crate) const CODES: [u16; 14] =
    [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];

/// Who has begun an end.
pub(super) const ENDING_NAMES: [(Ending, &str); 4] = [
    (Ending::Peer, "client"),
    (Ending::Violation, "violation"),
    (Ending::Local, "server"),
    (Ending::Lost, "network"),
];

impl EndpointCounters {
    pub(super) fn new(label: &str) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// What the endpoint is called in the metrics and in the log: its host and its path.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// So many bytes were read from a client.
    #[inline(always)]
    pub(crate) fn read(&self, wire_bytes: usize) {
        self.received.wire_bytes.add(wire_bytes as u64);
    }

    /// A message has come whole.
    #[inline(always)]
    pub(crate) fn received(&self, message: &Message) {
        self.received.pass(message.is_text(), message.len(), 1);
    }

    /// So many bytes were handed to the kernel for a client.
    #[inline(always)]
    pub(crate) fn wrote(&self, wire_bytes: usize) {
        self.sent.wire_bytes.add(wire_bytes as u64);
    }

    /// A message of so many bytes is being sent.
    #[inline(always)]
    pub(crate) fn sent(&self, is_text: bool, len: usize) {
        self.sent.pass(is_text, len, 1);
    }

    /// A message is being sent to so many clients.
    pub(crate) fn sent_to_many(&self, message: &Message, clients: usize) {
        self.sent.pass(message.is_text(), message.len(), clients as u64);
    }

    /// What was so long took so much on the wire, compressed.
    pub(crate) fn decompressed(&self, compressed: u64, plain: u64) {
        self.received.plain_bytes.add(plain);
        self.received.compressed_bytes.add(compressed);
    }

    /// The same of what was sent.
    pub(crate) fn compressed(&self, plain: u64, compressed: u64) {
        self.sent.plain_bytes.add(plain);
        self.sent.compressed_bytes.add(compressed);
    }

    /// What a client is owed has become more or less; who is owed `slow` or more is slow.
    #[inline]
    pub(crate) fn queued(&self, before: usize, after: usize, slow: usize) {
        self.queued_bytes.add(after as i64 - before as i64);
        self.crossed(before, after, slow);
    }

    /// What was about to be written to a client is queued after all.
    pub(crate) fn left_behind(&self, bytes: usize) {
        self.queued_bytes.add(bytes as i64);
    }

    /// Whether a client is slow has changed, if what it is owed has become so much more or less.
    #[inline]
    pub(crate) fn crossed(&self, before: usize, after: usize, slow: usize) {
        let (was_slow, is_slow) = (before >= slow, after >= slow);
        if was_slow != is_slow {
            self.slow_clients.add(if is_slow { 1 } else { -1 });
        }
    }

    pub(crate) fn handshake(&self, outcome: HandshakeOutcome) {
        self.handshakes[outcome as usize].count();
    }

    /// A client has gone.
    pub(crate) fn closed(&self, close: &Close, ending: Option<Ending>) {
        let code = CODES.iter().position(|code| *code == close.code.as_u16());
        // One that nobody has begun has come to an end all the same.
        let by = ENDING_NAMES.iter().position(|(known, _)| Some(*known) == ending);
        let by = by.unwrap_or(ENDING_NAMES.len() - 1);
        self.closes[code.unwrap_or(CODES.len())][by].count();
    }

    /// A client has answered a ping.
    pub(crate) fn round_trip(&self, duration: Duration) {
        self.round_trips.observe(duration);
    }

    pub(crate) fn handler(&self, handling: Handling, duration: Duration) {
        self.handlers[handling as usize].observe(duration);
    }

    /// A broadcast has reached the last of the worker's clients.
    pub(crate) fn fan_out(&self, duration: Duration) {
        self.fan_outs.observe(duration);
    }
}

impl Traffic {
    #[inline(always)]
    fn pass(&self, is_text: bool, len: usize, times: u64) {
        let passed = if is_text { &self.text } else { &self.binary };
        passed.messages.add(times);
        passed.bytes.add(len as u64 * times);
    }
}

#[cfg(test)]
mod tests {
    use aerys_proto::CloseCode;

    use super::*;

    #[test]
    fn what_is_counted_is_found_by_its_number() {
        for (index, outcome) in HandshakeOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
        for (index, handling) in Handling::ALL.into_iter().enumerate() {
            assert_eq!(handling as usize, index);
        }
    }

    #[test]
    fn who_is_owed_less_again_is_not_slow_any_more() {
        let counters = EndpointCounters::default();
        for (before, after, queued, slow) in
            [(0, 99, 99, 0), (99, 100, 100, 1), (100, 200, 200, 1), (200, 0, 0, 0)]
        {
            counters.queued(before, after, 100);
            assert_eq!((counters.queued_bytes.get(), counters.slow_clients.get()), (queued, slow));
        }
    }

    #[test]
    fn codes_that_nobody_knows_are_counted_together() {
        let counters = EndpointCounters::default();
        for code in [1000, 4000, 4001] {
            let close = Close::from(CloseCode::new(code).unwrap());
            counters.closed(&close, Some(Ending::Peer));
        }
        assert_eq!(counters.closes[0][0].get(), 1);
        assert_eq!(counters.closes[CODES.len()][0].get(), 2);
    }
}
