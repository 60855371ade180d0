//! What the figures to reach ask of the results: each goal's checks.

use super::{
    check::{AWAITING, Check, OURS, against, against_best},
    number::digits,
};
use crate::run::{Figure, Results, Scenario};

const PIPELINED: Scenario = Scenario::Echo { clients: 64, size: 20, depth: 16 };

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
    for clients in [1, 64, 500] {
        let scenario = echo(clients, 1 << 20);
        checks.extend(against_best(results, scenario, Figure::Cpu, |ours, best| ours <= best));
    }
    checks.extend(results.median(echo(1, 1 << 20), OURS, Figure::Copies).map(|copies| Check {
        what: format!("{copies:.2} copies alive at most"),
        // Half a copy is left to the allocator.
        holds: copies < 1.5,
    }));
    checks
}

pub(super) fn broadcast(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    for scenario in results.scenarios() {
        let Scenario::Broadcast { burst, .. } = scenario else { continue };
        let most = if burst == 1 { 0.4 } else { 0.08 };
        checks.extend(against(results, scenario, Figure::Cpu, OURS, "tokio-tungstenite", most));
    }
    checks
}

pub(super) fn compressed(results: &Results) -> Vec<Check> {
    let json = |deflate| Scenario::Json { clients: 1_000, deflate };
    let median = |deflate| results.median(json(deflate), OURS, Figure::Cpu);
    let (Some(plain), Some(deflated)) = (median(false), median(true)) else { return Vec::new() };
    let ratio = deflated / plain;
    vec![Check { what: format!("{ratio:.2} × the uncompressed CPU"), holds: ratio <= 1.2 }]
}

pub(super) fn idle(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    for scenario in results.scenarios() {
        let (figure, most) = match scenario {
            Scenario::Idle { deflate: false, .. } => (Figure::Used, 2048.0),
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
    let scenario = Scenario::Hog { light: 64 };
    let no_worse = |figure| against_best(results, scenario, figure, |ours, best| ours <= best);
    [Figure::P50, Figure::P99].into_iter().filter_map(no_worse).collect()
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
    failure.map_or_else(|| "aerys does not compress yet".to_owned(), str::to_owned)
}

pub(super) fn too_few_cores(results: &Results) -> String {
    let cores = results.machine.cores;
    format!(
        "this machine cannot show it: two workers and two loads need four cores, and it has {cores}"
    )
}
