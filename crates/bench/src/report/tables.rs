//! One table for each scenario, a row for each server.

use std::fmt::{self, Write as _};

use super::number;
use crate::run::{Figure, Results, Scenario, Workload};

/// Appends all tables.
///
/// # Errors
///
/// None that a `String` could give.
pub(crate) fn write(text: &mut String, results: &Results) -> fmt::Result {
    let servers = results.servers();
    let mut group = "";
    for scenario in results.scenarios() {
        if scenario.group() != group {
            group = scenario.group();
            writeln!(text, "## {}\n\n{}\n", heading(group), remark(group))?;
        }
        table(text, results, scenario, &servers)?;
    }
    Ok(())
}

fn table(
    text: &mut String,
    results: &Results,
    scenario: Scenario,
    servers: &[&str],
) -> fmt::Result {
    let has = |figure: &Figure| {
        servers.iter().any(|server| results.spread(scenario, server, *figure).is_some())
    };
    let figures: Vec<Figure> = columns(scenario.workload).iter().copied().filter(has).collect();
    writeln!(text, "### {scenario}\n")?;
    write!(text, "| server |")?;
    for figure in &figures {
        write!(text, " {} |", title(*figure, scenario.workload))?;
    }
    writeln!(text, "\n| --- |{}", " --: |".repeat(figures.len()))?;
    for server in servers {
        if let Some(failure) = results.failure(scenario, server) {
            let cells = " |".repeat(figures.len().saturating_sub(1));
            writeln!(text, "| {server} | failed: {failure} |{cells}")?;
            continue;
        }
        let spreads: Vec<_> =
            figures.iter().map(|figure| results.spread(scenario, server, *figure)).collect();
        if spreads.iter().all(Option::is_none) {
            continue;
        }
        write!(text, "| {server} |")?;
        for (figure, spread) in figures.iter().zip(spreads) {
            let cell = spread.map_or_else(|| "–".into(), |it| number::spread(*figure, it));
            write!(text, " {cell} |")?;
        }
        writeln!(text)?;
    }
    writeln!(text)
}

fn columns(workload: Workload) -> &'static [Figure] {
    use Figure::{
        Bulk, Busy, Copies, Cpu, Cut, Growth, Instructions, Open, P50, P99, P999, Rate, System,
        Used, User, Wire, Writes,
    };
    match workload {
        Workload::Echo { .. } => {
            &[Cpu, User, System, Instructions, Writes, Copies, Rate, P50, P99, P999, Busy]
        }
        Workload::Json { .. } => &[Cpu, User, System, Wire, Rate, P50, P99, Busy],
        Workload::Broadcast { .. }
        | Workload::Only { .. }
        | Workload::Group { .. }
        | Workload::Connects { .. }
        | Workload::Joins { .. }
        | Workload::Http2 { .. } => &[Cpu, User, System, Instructions, Rate, P50, P99, Busy],
        // The echoes between two broadcasts take most of the time.
        Workload::Mixed { per_second: Some(_), .. } => &[P50, P99, P999, Rate, Busy],
        Workload::Mixed { .. } => &[P50, P99, P999, Rate, Cpu, User, System, Busy],
        Workload::Hog { .. } => &[P50, P99, P999, Bulk, Rate, Cpu],
        Workload::Idle { .. } => &[Open, Used],
        Workload::Pings { .. } => &[Growth],
        Workload::NoRead { .. } => &[Growth, Cut],
        Workload::Workers { .. } => &[Rate],
    }
}

fn title(figure: Figure, workload: Workload) -> String {
    let name = match figure {
        Figure::Cpu => format!("CPU per {}", workload.unit()),
        Figure::User => "user".into(),
        Figure::System => "system".into(),
        Figure::Instructions => "instructions".into(),
        Figure::Rate => format!("{} ", plural(workload.unit())),
        Figure::P50 => "p50".into(),
        Figure::P99 => "p99".into(),
        Figure::P999 => "p99.9".into(),
        Figure::Writes => "writes per burst".into(),
        Figure::Wire => "on the wire".into(),
        Figure::Busy => "load".into(),
        Figure::Open => "open".into(),
        Figure::Used => "after an echo".into(),
        Figure::Growth => "growth".into(),
        Figure::Copies => "copies alive".into(),
        Figure::Cut => "clients cut off".into(),
        Figure::Bulk => "the hog's".into(),
    };
    match number::unit(figure) {
        "" => name,
        "/s" => format!("{}/s", name.trim_end()),
        unit => format!("{name}, {unit}"),
    }
}

fn plural(unit: &str) -> String {
    match unit.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{unit}s"),
    }
}

fn heading(group: &str) -> &'static str {
    match group {
        "echo" => "Echo, one message in flight",
        "pipelined" => "Echo, many messages in flight",
        "broadcast" => "Broadcast",
        "only" => "Broadcast to some",
        "group" => "Broadcast to a group",
        "mixed" => "An echo beside a broadcast",
        "compressed" => "Compressed broadcast",
        "idle" => "Idle connections",
        "pings" => "Pings",
        "connects" => "Connects",
        "joins" => "Connects, each in a group while it is there",
        "hog" => "A hog among light clients",
        "noread" => "Clients that never read",
        "tls" => "Over TLS",
        "http2" => "Over HTTP/2",
        _ => "Workers",
    }
}

fn remark(group: &str) -> &'static str {
    match group {
        "echo" => "Each client says a message, waits for its echo, and says it again.",
        "pipelined" => {
            "Each client says so many messages in one write, waits for all echoes, and says them again. \
             Latency is that of all of them."
        }
        "broadcast" => {
            "One client publishes, all of them have to hear it, itself included, then it publishes \
             again. Latency is from publishing to each delivery (of a whole burst)."
        }
        "only" => {
            "The same for a tenth of the clients, named one by one: `broadcast(m).only(ids)`."
        }
        "group" => "The same for the members of a group, who are some of the clients.",
        "mixed" => {
            "A client says 20 B, waits for its echo, and says it again; beside it a broadcast goes on to \
             all others, again once all have heard it or so many times a second. The latency is that of \
             the echoes, whose CPU time counts as the deliveries'. One that waits keeps the next from \
             being said: what waited is seen in the last percentiles."
        }
        "compressed" => "A broadcast of a text, without and with permessage-deflate.",
        "idle" => {
            "The server's anonymous memory for each connection, once all are open and after each of \
             them had 1 KiB echoed."
        }
        "pings" => "By how much a connection grows while the server pings it and it answers.",
        "connects" => {
            "Clients connect, shake hands, close and go, 64 at a time. Latency is from connecting \
             to the 101."
        }
        "joins" => {
            "The same, and each client joins a group in its handshake, which it leaves by going."
        }
        "hog" => {
            "One client has 64 messages of 16 KiB in flight; the latency is that of the others, \
             who have one of 20 B each. A server that is slow to serve the hog gives the others \
             more of its time: see both. What the hog was echoed is counted in bytes."
        }
        "noread" => "By how much the server's memory grew, in all, at most.",
        "tls" => {
            "The same within TLS 1.3, by rustls and aws-lc for all: one certificate and its key (ECDSA on \
             P-256), X25519, AES-256-GCM, no session resumed. `floor-tokio` is the same loop over tokio-rustls; \
             `floor-rustls` is it without tokio-rustls, and with buffers that all connections share; axum is \
             served by axum-server. The load is a client of rustls that trusts one certificate and checks no \
             signature, so that it is quicker than a server."
        }
        "http2" => {
            "An echo by clients whose websockets are streams of one connection (RFC 8441), in clear text. The load \
             is a client of h2's, which sleeps while it has nothing to do."
        }
        _ => "Two loads with a core each beside one and two workers.",
    }
}
