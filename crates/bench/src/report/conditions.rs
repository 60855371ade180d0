//! What the figures to reach ask of the results: each goal's checks.

use super::{
    check::{AWAITING, Check, FLOOR_BROADCAST, OURS, against, against_best, at_most, beside},
    number::digits,
};
use crate::run::{Figure, PLAIN, Results, Scenario, TENTH};

const PIPELINED: Scenario = Scenario::Echo { clients: 64, size: 20, depth: 16 };

const HOG: Scenario = Scenario::Hog { light: 64 };

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
        let scenario = Scenario::Echo { clients, size: 1 << 20, depth };
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

/// Broadcasts whose bursts are of one message, or of more.
fn broadcasts(results: &Results, in_bursts: bool) -> impl Iterator<Item = Scenario> {
    let is_wanted = move |scenario: &Scenario| match scenario {
        Scenario::Broadcast { burst, .. } => (*burst > 1) == in_bursts,
        _ => false,
    };
    results.scenarios().into_iter().filter(is_wanted)
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
    let beside_plain = |scenario| match scenario {
        Scenario::Json { clients, deflate: true } => {
            beside(results, scenario, Scenario::Json { clients, deflate: false }, 1.05)
        }
        _ => None,
    };
    results.scenarios().into_iter().filter_map(beside_plain).collect()
}

pub(super) fn only(results: &Results) -> Vec<Check> {
    let beside_plain = |scenario| match scenario {
        Scenario::Only { clients, size } => {
            let plain = Scenario::Broadcast { clients: clients / TENTH, size, burst: 1 };
            beside(results, scenario, plain, 1.05)
        }
        _ => None,
    };
    results.scenarios().into_iter().filter_map(beside_plain).collect()
}

pub(super) fn idle(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    for scenario in results.scenarios() {
        let (figure, most) = match scenario {
            Scenario::Idle { deflate: false, .. } => (Figure::Used, 1023.0),
            // A few pages in all are the heap's own.
            Scenario::Pings { .. } => (Figure::Growth, 16.0),
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
    let scenarios = results.scenarios().into_iter();
    scenarios
        .filter(|scenario| matches!(scenario, Scenario::Connects { .. }))
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
    for scenario in results.scenarios() {
        let Scenario::NoRead { clients, .. } = scenario else { continue };
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
    let rate =
        |workers| results.median(Scenario::Workers { workers, clients: 500 }, OURS, Figure::Rate);
    let (Some(one), Some(two)) = (rate(1), rate(2)) else { return Vec::new() };
    let ratio = two / one;
    vec![Check { what: format!("{ratio:.2} × the messages"), holds: ratio >= 1.7 }]
}

fn echo(clients: usize, size: usize) -> Scenario {
    Scenario::Echo { clients, size, depth: 1 }
}

pub(super) fn not_in_this_plan(_: &Results) -> String {
    "not in this run".to_owned()
}

pub(super) fn no_compression(results: &Results) -> String {
    let failure = results.failure(Scenario::Json { clients: 1_000, deflate: true }, OURS);
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
