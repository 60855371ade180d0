//! The last hour: what the server has done between one look and the next.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};

use crate::metrics::{CODES, EndpointFigures, HandshakeOutcome, Snapshot};

/// How often it is looked at.
pub(super) const PERIOD: Duration = Duration::from_secs(2);

/// How many looks are kept: an hour of them, each of 136 bytes, so 240 KiB.
const SAMPLES: usize = 1800;

/// What a sample has, in the order in which [`Sample::json`] has it.
pub(super) const FIELDS: [&str; 10] = [
    "at",
    "span",
    "clients",
    "slow",
    "queued",
    "accepted",
    "received_messages",
    "received_bytes",
    "sent_messages",
    "sent_bytes",
];

/// The codes that are told apart, and all others.
type Codes<T> = [T; CODES.len() + 1];

/// The samples of the last hour, the oldest first.
pub(super) struct History {
    samples: VecDeque<Sample>,
    /// At the last look.
    totals: Totals,
    uptime: Duration,
}

/// What there was between two looks, and at the end of that.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    /// In milliseconds of Unix time.
    at: u64,
    /// In milliseconds.
    span: u32,
    clients: u64,
    slow: u64,
    queued: u64,
    passed: [u64; PASSED_FIGURES],
    closes: Codes<u32>,
}

const PASSED_FIGURES: usize = 5;

/// What becomes more and more: the sums of all endpoints.
#[derive(Default)]
struct Totals {
    passed: [u64; PASSED_FIGURES],
    closes: Codes<u64>,
}

impl History {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let samples = VecDeque::with_capacity(SAMPLES);
        Self { samples, totals: Totals::of(&snapshot.endpoints), uptime: snapshot.uptime }
    }

    /// Adds what has happened since the last look. If there was an hour already, its first sample goes.
    pub(super) fn look(&mut self, snapshot: &Snapshot, now: SystemTime) -> Sample {
        let totals = Totals::of(&snapshot.endpoints);
        let span = snapshot.uptime.saturating_sub(self.uptime);
        let sum = |figure: fn(&EndpointFigures) -> u64| snapshot.endpoints.iter().map(figure).sum();
        let sample = Sample {
            at: millis(now.duration_since(UNIX_EPOCH).unwrap_or_default()),
            span: millis(span).try_into().unwrap_or(u32::MAX),
            clients: sum(|it| it.clients),
            slow: sum(|it| it.slow_clients),
            queued: sum(|it| it.queued_bytes),
            passed: std::array::from_fn(|index| totals.passed[index] - self.totals.passed[index]),
            closes: std::array::from_fn(|index| {
                let closes = totals.closes[index] - self.totals.closes[index];
                closes.try_into().unwrap_or(u32::MAX)
            }),
        };
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
        (self.totals, self.uptime) = (totals, snapshot.uptime);
        sample
    }

    pub(super) fn json(&self) -> Vec<Value> {
        self.samples.iter().map(Sample::json).collect()
    }
}

impl Totals {
    fn of(endpoints: &[EndpointFigures]) -> Self {
        let mut totals = Self::default();
        for endpoint in endpoints {
            let EndpointFigures { received, sent, handshakes, closes, .. } = endpoint;
            let figures: [u64; PASSED_FIGURES] = [
                handshakes.get(&HandshakeOutcome::Accepted).copied().unwrap_or_default(),
                received.text_messages + received.binary_messages,
                received.wire_bytes,
                sent.text_messages + sent.binary_messages,
                sent.wire_bytes,
            ];
            for (total, figure) in totals.passed.iter_mut().zip(figures) {
                *total += figure;
            }
            for close in closes {
                let index = CODES.iter().position(|code| Some(*code) == close.code);
                totals.closes[index.unwrap_or(CODES.len())] += close.count;
            }
        }
        totals
    }
}

impl Sample {
    /// An array of [`FIELDS`], with an object of the codes behind if there were any: `{"1001": 3, "other": 1}`.
    pub(super) fn json(&self) -> Value {
        let Self { at, span, clients, slow, queued, passed, closes } = self;
        let figures = [*at, u64::from(*span), *clients, *slow, *queued];
        let mut json: Vec<_> = figures.iter().chain(passed).map(|it| json!(it)).collect();
        let names = CODES.iter().map(u16::to_string).chain(["other".to_owned()]);
        let some = names.zip(closes).filter(|(_, count)| **count > 0);
        let some: Map<_, _> = some.map(|(name, count)| (name, json!(count))).collect();
        if !some.is_empty() {
            json.push(some.into());
        }
        json.into()
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        admission::LimitsHit,
        metrics::{Closes, TrafficFigures},
    };

    /// After so many seconds, in each of which an endpoint has had one more of everything.
    fn snapshot(seconds: u64) -> Snapshot {
        let traffic = TrafficFigures {
            text_messages: seconds,
            binary_messages: seconds,
            wire_bytes: 100 * seconds,
            ..TrafficFigures::default()
        };
        let close = |code, count| Closes { code, by: "client", count };
        let endpoint = EndpointFigures {
            clients: 7,
            received: traffic,
            sent: traffic,
            handshakes: BTreeMap::from([(HandshakeOutcome::Accepted, seconds)]),
            closes: vec![
                close(Some(1001), seconds),
                close(None, 2 * seconds),
                close(Some(1001), seconds),
            ],
            ..EndpointFigures::default()
        };
        Snapshot {
            version: "",
            started: UNIX_EPOCH,
            uptime: Duration::from_secs(seconds),
            is_ready: true,
            is_draining: false,
            endpoints: vec![endpoint.clone(), endpoint],
            listeners: Vec::new(),
            workers: Vec::new(),
            limits_hit: LimitsHit::default(),
            reloads: 0,
            reloads_refused: 0,
            certificates_reloaded: 0,
            certificates_refused: 0,
            cluster: None,
        }
    }

    #[test]
    fn a_sample_is_what_all_endpoints_have_done_since_the_one_before() {
        let mut history = History::new(&snapshot(100));
        let now = UNIX_EPOCH + Duration::from_millis(123_456);
        let sample = history.look(&snapshot(103), now);
        let closes = json!({ "1001": 12, "other": 12 });
        assert_eq!(sample.json(), json!([123_456, 3000, 14, 0, 0, 6, 12, 600, 12, 600, closes]));
        let sample = history.look(&snapshot(103), now);
        assert_eq!(sample.json(), json!([123_456, 0, 14, 0, 0, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn there_is_an_hour_of_them_and_no_more_in_memory_that_does_not_grow() {
        let mut history = History::new(&snapshot(0));
        let capacity = history.samples.capacity();
        for number in 1..=5000 {
            history.look(&snapshot(2 * number), UNIX_EPOCH + PERIOD * number as u32);
        }
        assert_eq!((history.samples.len(), history.samples.capacity()), (SAMPLES, capacity));
        assert_eq!(SAMPLES * PERIOD.as_secs() as usize, 3600);
        assert_eq!(history.json()[0][0], 2 * 3201 * 1000);
        assert!(capacity * size_of::<Sample>() <= 250_000, "{}", capacity * size_of::<Sample>());
    }
}
