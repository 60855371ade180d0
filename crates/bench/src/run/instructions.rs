//! Counts what a server runs in user mode, with callgrind.

use std::{rc::Rc, thread};

use anyhow::{Result, anyhow, bail, ensure};

use super::{
    identity::Identity,
    machine::Cores,
    measure::visit,
    results::{Figure, Figures},
    scenario::{Scenario, Workload},
    server::{Launch, Server},
    subject::Subject,
};
use crate::load::{Broadcast, Crowd, Echo, Http2Echo, Message, Pace, Until};

/// Counts the instructions that a server runs in user mode for each message of an echo, or each
/// delivery of a broadcast: it runs under callgrind for so many and for twice as many, and the
/// difference counts.
///
/// # Errors
///
/// If the server fails, answers wrongly or not in time, or the scenario is another.
pub(crate) fn instructions(
    scenario: Scenario,
    subject: &Subject,
    identity: &Identity,
    cores: &Cores,
) -> Result<Figures> {
    let tls = scenario.tls.then_some(identity);
    let http2 = matches!(scenario.workload, Workload::Http2 { .. });
    let launch = Launch { subject, workers: 1, compression: false, tls, http2, nats: None };
    let run = |times| -> Result<(f64, u64)> {
        let server = Server::start_counted(launch)?;
        let messages = counted(&server, scenario, times)?;
        Ok((server.instructions()?, messages))
    };
    cores.unpin()?;
    let (once, twice) = thread::scope(|scope| {
        let once = scope.spawn(|| run(1));
        let twice = run(2);
        (once.join(), twice)
    });
    let (once, messages) = once.map_err(|_| anyhow!("a load panicked"))??;
    let (twice, _) = twice?;
    let each = ((twice - once) / messages as f64).round();
    ensure!(each > 0.0, "what the server does besides drowned out the messages");
    Ok(Figures::from([(Figure::Instructions, each)]))
}

/// Loads a server with so many times the messages that are enough; answers how many those were.
fn counted(server: &Server, scenario: Scenario, times: u64) -> Result<u64> {
    let open = |path, clients, size, copies| {
        let message = Rc::new(Message::binary(size, copies));
        Crowd::open(&visit(server, path, false, false), clients, &message)
    };
    match scenario.workload {
        Workload::Echo { clients, size, depth } => {
            // What is random in it takes a library of cryptography now more time and now less.
            let least = if scenario.tls { 10_000 } else { 2_000 };
            let messages = times * (clients * depth * 4).max(least) as u64;
            let crowd = open("/echo", clients, size, depth)?;
            let mut echo = Echo::start(crowd, Pace::Batches(depth))?;
            echo.run(Until::Messages(messages))?;
            drop(echo.finish()?);
            Ok(messages)
        }
        Workload::Broadcast { clients, size, burst } => {
            let messages = times * (clients * (burst * 4).max(32)) as u64;
            let crowd = open("/broadcast", clients, size, burst)?;
            Broadcast::new(crowd, burst).run(Until::Messages(messages))?;
            Ok(messages)
        }
        Workload::Http2 { clients, size } => {
            let messages = times * (clients * 4).max(2_000) as u64;
            let visit = visit(server, "/echo", false, false);
            let message = Message::binary(size, 1);
            Http2Echo::start(&visit, clients, message)?.run(Until::Messages(messages))?;
            Ok(messages)
        }
        _ => bail!("instructions are counted of echoes and broadcasts"),
    }
}
