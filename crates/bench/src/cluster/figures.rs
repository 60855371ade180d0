//! What came out of each round, and what is made of it.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::run::Spread;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Figure {
    /// CPU per delivery on a node, of what was published there.
    Local,
    /// And of what was published on another.
    Remote,
    /// From a client to one of the same node.
    LocalLatency,
    /// To one of another.
    RemoteLatency,
    /// From one NATS client to another.
    BareLatency,
    /// Messages each second from a node to another.
    Forwarded,
    /// From one NATS client to another.
    BareRate,
    /// CPU per delivery, twenty messages a second: one node by itself, one of three, one of three of axum's.
    FanOutAlone,
    FanOut,
    AxumFanOut,
    /// The slowest hundredth of those.
    FanOutLatency,
    AxumFanOutLatency,
}

/// In nanoseconds, or each second.
#[derive(Default)]
pub(super) struct Figures(BTreeMap<Figure, Vec<f64>>);

impl Figures {
    pub(super) fn add(&mut self, figure: Figure, value: f64) {
        self.0.entry(figure).or_default().push(value);
    }

    fn spread(&self, figure: Figure) -> Option<Spread> {
        Spread::of(self.0.get(&figure).cloned().unwrap_or_default())
    }

    fn median(&self, figure: Figure) -> f64 {
        self.spread(figure).map_or(f64::NAN, |spread| spread.median)
    }

    /// In microseconds, with the range.
    fn micros(&self, figure: Figure) -> String {
        let Some(Spread { median, min, max }) = self.spread(figure) else {
            return "–".to_owned();
        };
        let [median, least, greatest] = [median, min, max].map(|nanoseconds| nanoseconds / 1e3);
        format!("{median:.2} µs ({least:.2}–{greatest:.2})")
    }

    fn rate(&self, figure: Figure) -> String {
        format!("{:.0} a second", self.median(figure))
    }

    pub(super) fn table(&self) -> String {
        let median = |figure| self.median(figure);
        let added = median(Figure::RemoteLatency) - median(Figure::LocalLatency);
        let rows = [
            (
                "a message to 1,000 clients, from another node: CPU per delivery",
                self.micros(Figure::Remote),
                format!("published on the same node: {}", self.micros(Figure::Local)),
                median(Figure::Remote) / median(Figure::Local),
                "at most 1.05",
            ),
            (
                "from a client to one of another node, half of them: added latency",
                format!(
                    "{:.1} µs: {} less {} on one node",
                    added / 1e3,
                    self.micros(Figure::RemoteLatency),
                    self.micros(Figure::LocalLatency)
                ),
                format!("a bare pair of NATS clients: {}", self.micros(Figure::BareLatency)),
                added / median(Figure::BareLatency),
                "at most 2",
            ),
            (
                "64 B, one node to another",
                self.rate(Figure::Forwarded),
                format!("a bare pair of NATS clients: {}", self.rate(Figure::BareRate)),
                median(Figure::Forwarded) / median(Figure::BareRate),
                "at least 0.5",
            ),
            (
                "20 messages a second to 3 × 500 clients: CPU per delivery",
                self.micros(Figure::FanOut),
                format!("500 clients of a server by itself: {}", self.micros(Figure::FanOutAlone)),
                median(Figure::FanOut) / median(Figure::FanOutAlone),
                "at most 1.10",
            ),
            (
                "the same",
                self.micros(Figure::FanOut),
                format!("axum with NATS by hand: {}", self.micros(Figure::AxumFanOut)),
                median(Figure::FanOut) / median(Figure::AxumFanOut),
                "below 1",
            ),
            (
                "the same, latency of all but the slowest hundredth",
                self.micros(Figure::FanOutLatency),
                format!("axum with NATS by hand: {}", self.micros(Figure::AxumFanOutLatency)),
                median(Figure::FanOutLatency) / median(Figure::AxumFanOutLatency),
                "below 1",
            ),
        ];
        let mut table = String::from(
            "| what | aerys | beside | ratio | to reach |\n| --- | --- | --- | --- | --- |\n",
        );
        for (what, ours, beside, ratio, reach) in rows {
            // Writing to a string does not fail.
            let _ = writeln!(table, "| {what} | {ours} | {beside} | {ratio:.2} | {reach} |");
        }
        table
    }
}
