//! The figures to reach, each beside what was measured.

use std::fmt::{self, Write as _};

use super::{
    check::{AWAITING, Check, OURS, against, against_best},
    number::digits,
};
use crate::run::{Figure, Results, Scenario};

const PIPELINED: Scenario = Scenario::Echo { clients: 64, size: 20, depth: 16 };

/// The default of the option, in bytes.
const MAX_QUEUED_BYTES: f64 = 4194304.0;

/// Appends the table of goals.
///
/// # Errors
///
/// None that a `String` could give.
pub(crate) fn write(text: &mut String, results: &Results) -> fmt::Result {
    writeln!(text, "## The figures to reach\n")?;
    writeln!(text, "| figure | reach | measured here | reached |\n| --- | --- | --- | --- |")?;
    for goal in GOALS {
        let checks = (goal.checks)(results);
        let measured: Vec<String> = checks.iter().map(Check::to_string).collect();
        let missed = checks.iter().filter(|check| !check.holds).count();
        let reached = match (checks.len(), missed) {
            (0, _) => "not measured".to_owned(),
            (_, 0) => "yes".to_owned(),
            (1, _) => "**no**".to_owned(),
            (all, missed) => format!("**no**: {missed} of {all}"),
        };
        let measured =
            if checks.is_empty() { (goal.unless)(results) } else { measured.join("<br>") };
        writeln!(text, "| {} | {} | {measured} | {reached} |", goal.figure, goal.reach)?;
    }
    writeln!(text)
}

/// One row.
struct Goal {
    figure: &'static str,
    reach: &'static str,
    checks: fn(&Results) -> Vec<Check>,
    /// What is said where nothing was measured.
    unless: fn(&Results) -> String,
}

fn lean(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    for scenario in [echo(64, 20), echo(500, 1 << 10)] {
        for figure in [Figure::User, Figure::Instructions] {
            checks.extend(against(results, scenario, figure, OURS, "floor-tokio", 1.3));
            checks.extend(against_best(results, scenario, figure, |ours, best| ours < best));
        }
    }
    checks
}

fn cheap(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    for scenario in [echo(64, 20), echo(500, 1 << 10), echo(64, 16 << 10)] {
        checks.extend(against(results, scenario, Figure::Cpu, OURS, "floor-tokio", 1.05));
        checks.extend(against_best(results, scenario, Figure::P99, |ours, best| ours <= best));
    }
    checks
}

fn pipelined(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(against(results, PIPELINED, Figure::Cpu, OURS, "floor-tokio", 1.2));
    checks.extend(results.median(PIPELINED, OURS, Figure::Writes).map(|writes| Check {
        what: format!("{writes:.2} writes for 16 messages read at once"),
        // The machine's other connections are counted as well.
        holds: writes < 1.1,
    }));
    checks
}

fn awaiting(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(against(results, PIPELINED, Figure::Cpu, AWAITING, OURS, 2.0));
    checks.extend(against(results, echo(64, 20), Figure::Cpu, AWAITING, OURS, 1.1));
    checks
}

fn large(results: &Results) -> Vec<Check> {
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

fn broadcast(results: &Results) -> Vec<Check> {
    let mut checks = Vec::new();
    for scenario in results.scenarios() {
        let Scenario::Broadcast { burst, .. } = scenario else { continue };
        let most = if burst == 1 { 0.4 } else { 0.08 };
        checks.extend(against(results, scenario, Figure::Cpu, OURS, "tokio-tungstenite", most));
    }
    checks
}

fn compressed(results: &Results) -> Vec<Check> {
    let json = |deflate| Scenario::Json { clients: 1_000, deflate };
    let median = |deflate| results.median(json(deflate), OURS, Figure::Cpu);
    let (Some(plain), Some(deflated)) = (median(false), median(true)) else { return Vec::new() };
    let ratio = deflated / plain;
    vec![Check { what: format!("{ratio:.2} × the uncompressed CPU"), holds: ratio <= 1.2 }]
}

fn idle(results: &Results) -> Vec<Check> {
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

fn connects(results: &Results) -> Vec<Check> {
    let scenarios = results.scenarios().into_iter();
    scenarios
        .filter(|scenario| matches!(scenario, Scenario::Connects { .. }))
        .filter_map(|it| against(results, it, Figure::Cpu, OURS, "fastwebsockets", 1.0))
        .collect()
}

fn hog(results: &Results) -> Vec<Check> {
    let scenario = Scenario::Hog { light: 64 };
    let no_worse = |figure| against_best(results, scenario, figure, |ours, best| ours <= best);
    [Figure::P50, Figure::P99].into_iter().filter_map(no_worse).collect()
}

fn noread(results: &Results) -> Vec<Check> {
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

fn workers(results: &Results) -> Vec<Check> {
    let rate =
        |workers| results.median(Scenario::Workers { workers, clients: 500 }, OURS, Figure::Rate);
    let (Some(one), Some(two)) = (rate(1), rate(2)) else { return Vec::new() };
    let ratio = two / one;
    vec![Check { what: format!("{ratio:.2} × the messages"), holds: ratio >= 1.7 }]
}

fn echo(clients: usize, size: usize) -> Scenario {
    Scenario::Echo { clients, size, depth: 1 }
}

fn not_in_this_plan(_: &Results) -> String {
    "not in this run".to_owned()
}

fn no_compression(results: &Results) -> String {
    let failure = results.failure(Scenario::Json { clients: 1_000, deflate: true }, OURS);
    failure.map_or_else(|| "aerys does not compress yet".to_owned(), str::to_owned)
}

fn too_few_cores(results: &Results) -> String {
    let cores = results.machine.cores;
    format!(
        "this machine cannot show it: two workers and two loads need four cores, and it has {cores}"
    )
}

const GOALS: [Goal; 12] = [
    Goal {
        figure: "echo 64 × 20 B and 500 × 1 KiB: user CPU and instructions per message",
        reach: "less than every Rust peer; at most 1.3 × floor-tokio",
        checks: lean,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "echo 64 × 20 B, 500 × 1 KiB, 64 × 16 KiB: total CPU per message",
        reach: "at most 1.05 × floor-tokio; p99 no worse than the best peer's",
        checks: cheap,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "echo, 16 in flight, `.nowait()`: total CPU per message",
        reach: "at most 1.2 × floor-tokio; one write per read",
        checks: pipelined,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "the same with `send().await`",
        reach: "at most 2 × that, and at depth 1 at most 10 % dearer than `.nowait()`",
        checks: awaiting,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "echo 1 MiB: total CPU per message",
        reach: "no more than the best Rust peer; one copy of the payload alive in user space",
        checks: large,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "broadcast to 1,000 and 10,000: CPU per delivery",
        reach: "at most 0.4 × tokio-tungstenite with an mpsc channel per client; in bursts of 16, \
                at most 0.08 ×",
        checks: broadcast,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "compressed broadcast of 1 KiB JSON to 1,000",
        reach: "at most 1.2 × the uncompressed CPU per delivery",
        checks: compressed,
        unless: no_compression,
    },
    Goal {
        figure: "idle connection after it echoed 1 KiB, user-space memory",
        reach: "at most 2 KiB plain; no growth over 10 minutes of pings; then go for 1 KiB",
        checks: idle,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "connects: CPU per handshake",
        reach: "no more than fastwebsockets",
        checks: connects,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "hog: light clients' p50 and p99",
        reach: "no worse than the best Rust peer",
        checks: hog,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "noread: memory growth",
        reach: "at most `max_queued_bytes` per client plus 1 MiB in all, with the default options \
                and with an `.await`ing echo: nothing beyond one message per client",
        checks: noread,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "two workers against one, 500 connections, where the load generator has cores to \
                 spare",
        reach: "at least 1.7 ×; say plainly if this machine cannot show it",
        checks: workers,
        unless: too_few_cores,
    },
];
