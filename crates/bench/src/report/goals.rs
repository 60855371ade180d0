//! The figures to reach, each beside what was measured.

use std::fmt::{self, Write as _};

use super::{
    check::Check,
    conditions::{
        awaiting, broadcast, bulk, bursts, cheap, compressed, connects, groups, hog, http2, idle,
        joins, large, lean, lean_deliveries, lean_echoes, no_compression, noread, not_built,
        not_in_this_plan, only, pipelined, plain, tls_connects, tls_echoes, tls_idle,
        too_few_cores, workers,
    },
};
use crate::run::Results;

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

const GOALS: [Goal; 24] = [
    Goal {
        figure: "echo 64 × 20 B and 500 × 1 KiB: user CPU and instructions per message",
        reach: "less than every Rust peer; at most 1.3 × floor-tokio",
        checks: lean,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "echo 64 × 20 B, one message in flight and 16: instructions per message",
        reach: "below 1,936 (fastwebsockets) and below 900",
        checks: lean_echoes,
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
        figure: "echo, 16 in flight, of a server built without link-time optimization",
        reach: "at most 1.1 × the one with it",
        checks: plain,
        unless: not_built,
    },
    Goal {
        figure: "echo 1 MiB: total CPU per message",
        reach: "at most 1.1 × the best Rust peer; one copy of the payload alive in user space",
        checks: large,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "broadcast to 1,000 and 10,000: CPU per delivery",
        reach: "at most 1.1 × floor-broadcast",
        checks: broadcast,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "the same in bursts of 16",
        reach: "at most 1.15 × floor-broadcast",
        checks: bursts,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "broadcast to 1,000: instructions per delivery",
        reach: "at most 1,000; then go for 600",
        checks: lean_deliveries,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "compressed broadcast of 1 KiB JSON: CPU per delivery",
        reach: "at most 1.05 × the uncompressed one's",
        checks: compressed,
        unless: no_compression,
    },
    Goal {
        figure: "broadcast with `only` a tenth of the clients: CPU per delivery",
        reach: "at most 1.05 × that to as many who are all",
        checks: only,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "broadcast to a group: CPU per delivery",
        reach: "to 10 of many clients at most 1.2 × that to 10 of 100; to 1,000 at most 1.05 × that to as many who \
                are all",
        checks: groups,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "connects, each in a group while it is there: CPU per handshake",
        reach: "at most 1.05 × that without",
        checks: joins,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "idle connection after it echoed 1 KiB, user-space memory",
        reach: "below 1 KiB plain; no growth over 10 minutes of pings",
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
        figure: "hog: its own messages of 16 KiB, and the others' p50",
        reach: "at least 400 MB/s; at most 1.1 × the 587 µs of before",
        checks: bulk,
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
        figure: "echo over TLS, 64 × 20 B and 500 × 1 KiB: CPU per message",
        reach: "less than every Rust peer; at most 1.05 × floor-tokio over tokio-rustls",
        checks: tls_echoes,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "connects over TLS: CPU per handshake",
        reach: "at most 1.02 × axum's, by axum-server",
        checks: tls_connects,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "idle connection over TLS after it echoed 1 KiB, user-space memory",
        reach: "at most that in clear, what rustls adds to a loop (floor-rustls), and 256 B",
        checks: tls_idle,
        unless: not_in_this_plan,
    },
    Goal {
        figure: "echo 64 × 20 B and 64 × 1 KiB on one connection of HTTP/2: CPU per message",
        reach: "less than axum's",
        checks: http2,
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
