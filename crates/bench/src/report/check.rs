//! One condition of a goal: what was measured, and whether it is enough.

use std::fmt;

use super::number::{plain, unit};
use crate::{
    run::{Figure, Results, Scenario},
    servers::NAMES,
};

pub(crate) const OURS: &str = "aerys";

pub(crate) const AWAITING: &str = "aerys-await";

pub(crate) const FLOOR_BROADCAST: &str = "floor-broadcast";

/// Who is not a peer.
const OTHERS: [&str; 6] = [OURS, AWAITING, "floor", "floor-tokio", "floor-rustls", FLOOR_BROADCAST];

/// One thing that has to hold for a goal to be reached.
pub(crate) struct Check {
    pub(crate) what: String,
    pub(crate) holds: bool,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.holds { "" } else { "✗ " }, self.what)
    }
}

/// Holds a figure of ours against what it may be at most.
pub(crate) fn at_most(
    results: &Results,
    scenario: Scenario,
    figure: Figure,
    most: f64,
) -> Option<Check> {
    let ours = results.median(scenario, OURS, figure)?;
    let what = format!("{scenario}: {} {}", noun(figure), with_unit(figure, ours));
    Some(Check { what, holds: ours <= most })
}

/// Holds what ours costs in one scenario against what it costs in another.
pub(crate) fn beside(
    results: &Results,
    scenario: Scenario,
    other: Scenario,
    most: f64,
) -> Option<Check> {
    let cost = |scenario| results.median(scenario, OURS, Figure::Cpu);
    let ours = cost(scenario)?;
    let ratio = ours / cost(other)?;
    let value = with_unit(Figure::Cpu, ours);
    let what = format!("{scenario}: CPU {value}, {ratio:.2} × {other}");
    Some(Check { what, holds: ratio <= most })
}

/// Holds a figure of one server against another's.
pub(crate) fn against(
    results: &Results,
    scenario: Scenario,
    figure: Figure,
    server: &str,
    other: &str,
    most: f64,
) -> Option<Check> {
    let ours = results.median(scenario, server, figure)?;
    let theirs = results.median(scenario, other, figure)?;
    let ratio = ours / theirs;
    let value = with_unit(figure, ours);
    let what = format!("{scenario}: {} {value}, {ratio:.2} × {other}", noun(figure));
    Some(Check { what, holds: ratio <= most })
}

/// Holds a figure of ours against the best peer's.
pub(crate) fn against_best(
    results: &Results,
    scenario: Scenario,
    figure: Figure,
    holds: fn(f64, f64) -> bool,
) -> Option<Check> {
    let ours = results.median(scenario, OURS, figure)?;
    let peers = NAMES.iter().filter(|name| !OTHERS.contains(name));
    let (best, name) = peers
        .filter_map(|name| Some((results.median(scenario, name, figure)?, name)))
        .min_by(|(one, _), (other, _)| one.total_cmp(other))?;
    let (value, theirs) = (with_unit(figure, ours), with_unit(figure, best));
    let what = format!("{scenario}: {} {value}; the best peer, {name}, {theirs}", noun(figure));
    Some(Check { what, holds: holds(ours, best) })
}

fn with_unit(figure: Figure, value: f64) -> String {
    format!("{} {}", plain(figure, value), unit(figure)).trim_end().to_owned()
}

fn noun(figure: Figure) -> &'static str {
    match figure {
        Figure::User => "user",
        Figure::Instructions => "instructions",
        Figure::P50 => "p50",
        Figure::P99 => "p99",
        _ => "CPU",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Figures, Machine, Sample, Workload};

    /// Results with one sample for each server: its p99.
    fn results(samples: &[(&str, f64)]) -> Results {
        let sample = |&(server, value): &(&str, f64)| Sample {
            scenario: SCENARIO,
            server: server.to_owned(),
            round: 0,
            figures: Figures::from([(Figure::P99, value)]),
            failure: None,
        };
        Results {
            plan: String::new(),
            minutes: 0.0,
            machine: Machine::default(),
            samples: samples.iter().map(sample).collect(),
        }
    }

    #[test]
    fn ours_is_held_against_one_other() {
        let results = results(&[(OURS, 1_100.0), ("floor-tokio", 1_000.0)]);
        let check = |most| against(&results, SCENARIO, Figure::P99, OURS, "floor-tokio", most);
        let check = [1.05, 1.2].map(|most| check(most).map(|check| check.to_string()));
        let [missed, reached] = check.map(Option::unwrap);
        assert_eq!(missed, "✗ echo 64 × 20 B: p99 1.10 µs, 1.10 × floor-tokio");
        assert_eq!(reached, "echo 64 × 20 B: p99 1.10 µs, 1.10 × floor-tokio");
    }

    #[test]
    fn ours_is_held_against_a_number() {
        let results = results(&[(OURS, 1_100.0)]);
        let check = |most| at_most(&results, SCENARIO, Figure::P99, most).unwrap().to_string();
        assert_eq!(check(1_100.0), "echo 64 × 20 B: p99 1.10 µs");
        assert_eq!(check(1_000.0), "✗ echo 64 × 20 B: p99 1.10 µs");
    }

    #[test]
    fn ours_is_held_against_itself_elsewhere() {
        let sample = |scenario, cpu| Sample {
            scenario,
            server: OURS.to_owned(),
            round: 0,
            figures: Figures::from([(Figure::Cpu, cpu)]),
            failure: None,
        };
        let [plain, deflated] =
            [false, true].map(|deflate| Workload::Json { clients: 8, deflate }.in_clear());
        let samples = vec![sample(plain, 1e3), sample(deflated, 1.1e3)];
        let results = Results { samples, ..results(&[]) };
        let check = |most| beside(&results, deflated, plain, most).unwrap();
        let text = "compressed 1 → 8 × 1 KiB JSON, deflated: CPU 1.10 µs, \
                    1.10 × compressed 1 → 8 × 1 KiB JSON, plain";
        assert_eq!(check(1.2).to_string(), text);
        assert!(!check(1.05).holds);
    }

    #[test]
    fn the_best_peer_is_none_of_ours_and_no_floor() {
        let samples = [("floor", 1e3), (AWAITING, 2e3), (OURS, 3e3), ("yawc", 4e3), ("axum", 5e3)];
        let results = results(&samples);
        let check = against_best(&results, SCENARIO, Figure::P99, |ours, best| ours <= best);
        let text = check.map(|check| check.to_string());
        let expected = "echo 64 × 20 B: p99 3.00 µs; the best peer, yawc, 4.00 µs";
        assert_eq!(text.as_deref(), Some(expected));
    }

    #[test]
    fn nothing_is_held_against_what_was_not_measured() {
        let results = results(&[(OURS, 1e3)]);
        assert!(against(&results, SCENARIO, Figure::P99, OURS, "floor", 1.0).is_none());
        assert!(against_best(&results, SCENARIO, Figure::P99, |_, _| true).is_none());
    }

    const SCENARIO: Scenario = Workload::Echo { clients: 64, size: 20, depth: 1 }.in_clear();
}
