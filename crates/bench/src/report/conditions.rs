//! What the figures to reach ask of the results: each goal's checks.

use super::{
    check::{AWAITING, Check, FLOOR_BROADCAST, OURS, against, against_best, at_most, beside},
    number::digits,
};
use crate::run::{AMONG_FEW, Figure, PLAIN, Results, Scenario, TENTH, Workload};

const PIPELINED: Scenario = Workload::Echo { clients: 64, size: 20, depth: 16 }.in_clear();

const HOG: Scenario = Workload::Hog { light: 64 }.in_clear();

/// What the p50 of the hog's light neighbours is held against, in nanoseconds: that of a full run in
/// which the hog itself got a fiftieth of what was echoed.
const HOG_P50: f64 = 587e3;

/// The default of the option, in bytes.
const MAX_QUEUED_BYTES: f64 = 4194304.0;

pub(super) fn lean(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    for scenario in [echo(64, 20), echo(500, 1 << 10)] {
        for figure in [Figure::User, Figure::Instructions] {
            checks.extend(against(results, scenario, figure, OURS, "floor-tokio", 1.3));
            checks.extend(against_best(results, scenario, figure, |ours, best| ours < best));
        }
    }
    checks
}

pub(super) fn cheap(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    for scenario in [echo(64, 20), echo(500, 1 << 10), echo(64, 16 << 10)] {
        checks.extend(against(results, scenario, Figure::Cpu, OURS, "floor-tokio", 1.05));
        checks.extend(against_best(results, scenario, Figure::P99, |ours, best| ours <= best));
    }
    checks
}

pub(super) fn pipelined(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(against(results, PIPELINED, Figure::Cpu, OURS, "floor-tokio", 1.2));
    checks.extend(results.median(PIPELINED, OURS, Figure::Writes).map(|writes| Check {
        what: format!("{writes:.2} writes for 16 messages read at once"),
        // The machine's other connections are counted as well.
        holds: writes < 1.1,
    }));
    checks
}

pub(super) fn awaiting(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(against(results, PIPELINED, Figure::Cpu, AWAITING, OURS, 2.0));
    checks.extend(against(results, echo(64, 20), Figure::Cpu, AWAITING, OURS, 1.1));
    checks
}

pub(super) fn large(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    for (clients, depth) in [(1, 1), (64, 1), (500, 1), (16, 4)] {
        let scenario = Workload::Echo { clients, size: 1 << 20, depth }.in_clear();
        checks
            .extend(against_best(results, scenario, Figure::Cpu, |ours, best| ours <= 1.1 * best));
    }
    checks.extend(results.median(echo(1, 1 << 20), OURS, Figure::Copies).map(|copies| Check {
        what: format!("{copies:.2} copies alive at most"),
        // Half a copy is left to the allocator.
        holds: copies < 1.5,
    }));
    checks
}

/// What was measured without TLS.
fn in_clear(results: &Results) -> impl Iterator<Item = Scenario> {
    results.scenarios().into_iter().filter(|scenario| !scenario.tls)
}

/// What was measured with it.
fn over_tls(results: &Results) -> impl Iterator<Item = Scenario> {
    results.scenarios().into_iter().filter(|scenario| scenario.tls)
}

/// Broadcasts whose bursts are of one message, or of more.
fn broadcasts(results: &Results, in_bursts: bool) -> impl Iterator<Item = Scenario> {
    let is_wanted = move |scenario: &Scenario| match scenario.workload {
        Workload::Broadcast { burst, .. } => (burst > 1) == in_bursts,
        _ => false,
    };
    in_clear(results).filter(is_wanted)
}

pub(super) fn broadcast(results: &Results) -> Vec<Check> {
    let beside_floor = |it| against(results, it, Figure::Cpu, OURS, FLOOR_BROADCAST, 1.1);
    broadcasts(results, false).filter_map(beside_floor).collect()
}

pub(super) fn bursts(results: &Results) -> Vec<Check> {
    let beside_floor = |it| against(results, it, Figure::Cpu, OURS, FLOOR_BROADCAST, 1.15);
    broadcasts(results, true).filter_map(beside_floor).collect()
}

pub(super) fn lean_deliveries(results: &Results) -> Vec<Check> {
    let few = |it| at_most(results, it, Figure::Instructions, 1_000.0);
    broadcasts(results, false).filter_map(few).collect()
}

pub(super) fn lean_echoes(results: &Results) -> Vec<Check> {
    let few = |(scenario, most)| at_most(results, scenario, Figure::Instructions, most);
    [(echo(64, 20), 1_935.0), (PIPELINED, 899.0)].into_iter().filter_map(few).collect()
}

pub(super) fn compressed(results: &Results) -> Vec<Check> {
    let beside_plain = |scenario: Scenario| match scenario.workload {
        Workload::Json { clients, deflate: true } => {
            let plain = Workload::Json { clients, deflate: false }.in_clear();
            beside(results, scenario, plain, 1.05)
        }
        _ => None,
    };
    in_clear(results).filter_map(beside_plain).collect()
}

pub(super) fn only(results: &Results) -> Vec<Check> {
    let beside_plain = |scenario: Scenario| match scenario.workload {
        Workload::Only { clients, size } => {
            let plain = Workload::Broadcast { clients: clients / TENTH, size, burst: 1 };
            beside(results, scenario, plain.in_clear(), 1.05)
        }
        _ => None,
    };
    in_clear(results).filter_map(beside_plain).collect()
}

/// A small group among many beside one among few, and a large one beside a broadcast to all.
pub(super) fn groups(results: &Results) -> Vec<Check> {
    let check = |scenario: Scenario| match scenario.workload {
        Workload::Group { members: members @ ..100, clients: 1_000.., size } => {
            let among_few = Workload::Group { members, clients: AMONG_FEW, size };
            beside(results, scenario, among_few.in_clear(), 1.2)
        }
        Workload::Group { members, clients: 1_000.., size } => {
            let plain = Workload::Broadcast { clients: members, size, burst: 1 };
            beside(results, scenario, plain.in_clear(), 1.05)
        }
        _ => None,
    };
    in_clear(results).filter_map(check).collect()
}

/// What a handshake costs more for a join and a leave.
pub(super) fn joins(results: &Results) -> Vec<Check> {
    let check = |scenario: Scenario| match scenario.workload {
        Workload::Joins { clients } => {
            beside(results, scenario, Workload::Connects { clients }.in_clear(), 1.05)
        }
        _ => None,
    };
    in_clear(results).filter_map(check).collect()
}

pub(super) fn idle(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    for scenario in in_clear(results) {
        let (figure, most) = match scenario.workload {
            Workload::Idle { deflate: false, .. } => (Figure::Used, 1023.0),
            // A few pages in all are the heap's own.
            Workload::Pings { .. } => (Figure::Growth, 16.0),
            _ => continue,
        };
        checks.extend(results.median(scenario, OURS, figure).map(|bytes| Check {
            what: format!("{scenario}: {} B each", digits(bytes)),
            holds: bytes <= most,
        }));
    }
    checks
}

pub(super) fn connects(results: &Results) -> Vec<Check> {
    in_clear(results)
        .filter(|scenario| matches!(scenario.workload, Workload::Connects { .. }))
        .filter_map(|it| against(results, it, Figure::Cpu, OURS, "fastwebsockets", 1.0))
        .collect()
}

pub(super) fn hog(results: &Results) -> Vec<Check> {
    let no_worse = |figure| against_best(results, HOG, figure, |ours, best| ours <= best);
    [Figure::P50, Figure::P99].into_iter().filter_map(no_worse).collect()
}

pub(super) fn bulk(results: &Results) -> Vec<Check> {
    let Some(bulk) = results.median(HOG, OURS, Figure::Bulk) else { return Vec::new() };
    let what = format!("{HOG}: the hog's {} MB/s", digits(bulk / 1e6));
    let mut checks = vec![Check { what, holds: bulk >= 400e6 }];
    checks.extend(at_most(results, HOG, Figure::P50, 1.1 * HOG_P50));
    checks
}

pub(super) fn plain(results: &Results) -> Vec<Check> {
    let beside_own = |figure| against(results, PIPELINED, figure, PLAIN, OURS, 1.1);
    [Figure::Cpu, Figure::Instructions].into_iter().filter_map(beside_own).collect()
}

pub(super) fn noread(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    for scenario in in_clear(results) {
        let Workload::NoRead { clients, .. } = scenario.workload else { continue };
        let clients = clients as f64;
        for (server, most) in [
            (OURS, clients * MAX_QUEUED_BYTES + 1048576.0),
            // Beside the messages, some pages for the heap.
            (AWAITING, clients * 16384.0 + 65536.0),
        ] {
            checks.extend(results.median(scenario, server, Figure::Growth).map(|growth| Check {
                what: format!(
                    "{server}: {} KiB, of {} KiB allowed",
                    digits(growth / 1024.0),
                    digits(most / 1024.0)
                ),
                holds: growth <= most,
            }));
        }
    }
    checks
}

pub(super) fn workers(results: &Results) -> Vec<Check> {
    let rate = |workers| {
        let scenario = Workload::Workers { workers, clients: 500 }.in_clear();
        results.median(scenario, OURS, Figure::Rate)
    };
    let (Some(one), Some(two)) = (rate(1), rate(2)) else { return Vec::new() };
    let ratio = two / one;
    vec![Check { what: format!("{ratio:.2} × the messages"), holds: ratio >= 1.7 }]
}

pub(super) fn tls_echoes(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    for scenario in over_tls(results) {
        if let Workload::Echo { .. } = scenario.workload {
            checks.extend(against(results, scenario, Figure::Cpu, OURS, "floor-tokio", 1.05));
            checks.extend(against_best(results, scenario, Figure::Cpu, |ours, best| ours < best));
        }
    }
    checks
}

pub(super) fn tls_connects(results: &Results) -> Vec<Check> {
    over_tls(results)
        .filter(|scenario| matches!(scenario.workload, Workload::Connects { .. }))
        .filter_map(|it| against(results, it, Figure::Cpu, OURS, "axum", 1.02))
        .collect()
}

pub(super) fn http2(results: &Results) -> Vec<Check> {
    in_clear(results)
        .filter(|scenario| matches!(scenario.workload, Workload::Http2 { .. }))
        .filter_map(|it| against_best(results, it, Figure::Cpu, |ours, best| ours < best))
        .collect()
}

/// What rustls has of its own for a connection is what it adds to the loop that keeps nothing else.
pub(super) fn tls_idle(results: &Results) -> Vec<Check> {
    let is_idle = |it: &Scenario| matches!(it.workload, Workload::Idle { deflate: false, .. });
    let used = |scenario, server| results.median(scenario, server, Figure::Used);
    let check = |scenario| {
        let plain = in_clear(results).find(is_idle)?;
        let ours = used(scenario, OURS)?;
        let own = used(plain, OURS)?;
        let rustls = used(scenario, "floor-rustls")? - used(plain, "floor-tokio")?;
        let [ours_text, own_text, rustls_text] = [ours, own, rustls].map(digits);
        let what = format!(
            "{scenario}: {ours_text} B each, of {own_text} in clear, {rustls_text} of rustls' own \
             and 256 beside"
        );
        Some(Check { what, holds: ours <= own + rustls + 256.0 })
    };
    over_tls(results).filter(is_idle).filter_map(check).collect()
}

fn echo(clients: usize, size: usize) -> Scenario {
    Workload::Echo { clients, size, depth: 1 }.in_clear()
}

pub(super) fn not_in_this_plan(_: &Results) -> String {
    "not in this run".to_owned()
}

pub(super) fn no_compression(results: &Results) -> String {
    let deflated = Workload::Json { clients: 1_000, deflate: true }.in_clear();
    let failure = results.failure(deflated, OURS);
    failure.map_or_else(|| not_in_this_plan(results), str::to_owned)
}

pub(super) fn not_built(_: &Results) -> String {
    "not in this run: `scripts/bench.sh` builds it if `--plain` comes first".to_owned()
}

pub(super) fn too_few_cores(results: &Results) -> String {
    let cores = results.machine.cores;
    format!(
        "this machine cannot show it: two workers and two loads need four cores, and it has {cores}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Figures, Machine, Sample};

    #[test]
    fn what_rustls_adds_to_a_loop_is_not_held_against_an_idle_client() {
        let idle = Workload::Idle { clients: 10, deflate: false };
        let used = |scenario, server: &str, bytes| Sample {
            scenario,
            server: server.to_owned(),
            round: 0,
            figures: Figures::from([(Figure::Used, bytes)]),
            failure: None,
        };
        let results = |ours| Results {
            plan: String::new(),
            minutes: 0.0,
            machine: Machine::default(),
            samples: vec![
                used(idle.in_clear(), "floor-tokio", 900.0),
                used(idle.in_clear(), OURS, 1_000.0),
                used(idle.over_tls(), "floor-rustls", 2_900.0),
                used(idle.over_tls(), OURS, ours),
            ],
        };
        let check = |ours| tls_idle(&results(ours)).remove(0);
        assert!(check(3_256.0).holds);
        let text = "✗ tls idle 10, plain: 3,257 B each, of 1,000 in clear, 2,000 of rustls' own and \
                    256 beside";
        assert_eq!(check(3_257.0).to_string(), text);
        // What is in clear has a goal of its own.
        assert_eq!(super::idle(&results(1.0)).len(), 1);
    }
}
