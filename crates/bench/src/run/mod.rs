//! Measures servers in turn, in rounds, and writes down what it cost.
//!
//! A [`plan`] says which [`subject`]s are put through what; [`mod@measure`] does it once, by the clock, and
//! [`mod@instructions`] counts what it takes; [`server`] is the process that is measured and [`process`]
//! what the kernel knows of it; [`identity`] is what it shows over TLS; [`results`] is what comes out.

mod identity;
mod instructions;
mod machine;
mod measure;
mod plan;
mod process;
mod results;
mod scenario;
mod server;
mod subject;

use std::{
    net::SocketAddr,
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    load::{Crowd, Echo, Message, Pace, Patience, Until, Visit},
    report,
};

use self::{
    identity::Identity,
    instructions::instructions,
    measure::measure,
    plan::{Gauge, Plan, Step},
};
pub(crate) use self::{
    machine::{Cores, Machine, raise_file_limit},
    results::{Figure, Figures, Results, Sample, Spread},
    scenario::{AMONG_FEW, Scenario, TENTH, Workload},
    server::{Launch, Server, become_command},
    subject::{PLAIN, Subject},
};

/// What is measured, and where it is written.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only the figures that have to be reached, in less than four minutes.
    #[arg(long)]
    quick: bool,
    /// A little of everything, to see that it works; writes nothing.
    #[arg(long, conflicts_with = "quick")]
    smoke: bool,
    /// Only scenarios whose names begin with one of these, as in `echo-64-x-20-B,hog`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these servers.
    #[arg(long, value_delimiter = ',')]
    servers: Vec<String>,
    /// Another server that takes part, as in `uws='./uws --port $PORT'`.
    ///
    /// The command is run by the shell, which becomes the server (`exec`): CPU time and memory are
    /// those of that one process, and it is killed at the end. `env A=1 COMMAND` sets a variable.
    ///
    /// It has to listen on 127.0.0.1 at the port in the environment's PORT within ten seconds, and has
    /// nothing to print. It takes messages of up to 16 MiB. What comes on /echo goes back to its sender
    /// as it came; what comes on /broadcast goes to all who are there, the sender included. It does
    /// not compress, and should run on one thread, as it has one core.
    #[arg(long = "peer", value_name = "NAME=COMMAND")]
    peers: Vec<Subject>,
    /// This program built under the profile `plain`: its aerys is put through the echo with 16 in
    /// flight beside that of this one.
    #[arg(long, value_name = "PROGRAM")]
    plain: Option<String>,
    /// How many rounds, whatever the plan says.
    #[arg(long)]
    rounds: Option<u32>,
    /// The folder for `RESULTS.md`, `results.json` and the plots.
    #[arg(long, default_value = "bench")]
    out: PathBuf,
}

/// Runs a plan.
///
/// # Errors
///
/// If the machine cannot be used, the results cannot be written, or, in a smoke, a server failed.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let start = Instant::now();
    let cores = Cores::find()?;
    let files = machine::raise_file_limit()?;
    let identity = Identity::make()?;
    let subjects = subjects(arguments, &cores)?;
    let plan = Plan { subjects: &subjects, files, cores: cores.count() };
    let (plan, steps) = match arguments {
        Arguments { smoke: true, .. } => ("smoke", plan.smoke()),
        Arguments { quick: true, .. } => ("quick", plan.quick()),
        _ => ("full", plan.full()),
    };
    let steps = chosen(steps, arguments);
    ensure!(!steps.is_empty(), "no scenario is called that");
    let mut results = Results {
        plan: plan.to_owned(),
        minutes: 0.0,
        machine: Machine::describe(&cores),
        samples: Vec::new(),
    };
    let rounds = steps.iter().map(|step| step.rounds).max().unwrap_or(0);
    for round in 0..rounds {
        for step in steps.iter().filter(|step| round < step.rounds) {
            take_turns(step, round, &identity, &cores, &mut results.samples);
        }
        results.minutes = start.elapsed().as_secs_f64() / 60.0;
        if !arguments.smoke {
            results.write(&arguments.out)?;
        }
    }
    let failed = results.samples.iter().filter(|sample| sample.failure.is_some()).count();
    if arguments.smoke {
        ensure!(failed == 0, "{failed} of {} failed", results.samples.len());
        eprintln!("all {} went well, in {:.0?}", results.samples.len(), start.elapsed());
        return Ok(());
    }
    report::write(&arguments.out, &results)?;
    eprintln!("wrote {} in {:.0?}", arguments.out.display(), start.elapsed());
    Ok(())
}

/// This program's own servers and the others, of which each has been seen to start.
fn subjects(arguments: &Arguments, cores: &Cores) -> Result<Vec<Subject>> {
    let mut others = arguments.peers.clone();
    others.extend(arguments.plain.as_deref().map(Subject::plain));
    for (index, subject) in others.iter().enumerate() {
        let is_new = others[..index].iter().all(|other| other.name != subject.name);
        ensure!(is_new, "two peers are called {}", subject.name);
        Server::start(
            Launch { subject, workers: 1, compression: false, tls: None, http2: false, nats: None },
            cores,
        )?;
    }
    Ok(Subject::own().chain(others).collect())
}

/// Puts each server through a scenario once; who failed in an earlier round is left out.
fn take_turns(
    step: &Step<'_>,
    round: u32,
    identity: &Identity,
    cores: &Cores,
    samples: &mut Vec<Sample>,
) {
    let scenario = step.scenario;
    for subject in &step.subjects {
        let server = &subject.name;
        let is_it = |sample: &Sample| sample.scenario == scenario && sample.server == *server;
        if samples.iter().any(|sample| is_it(sample) && sample.failure.is_some()) {
            continue;
        }
        let measured = match step.gauge {
            Gauge::Clock(extent) => measure(scenario, subject, extent, identity, cores),
            Gauge::Callgrind => instructions(scenario, subject, identity, cores),
        };
        match &measured {
            Ok(figures) => eprintln!("{round} {scenario}, {server}: {}", line(figures)),
            Err(error) => eprintln!("{round} {scenario}, {server} failed: {error:#}"),
        }
        if measured.is_err() && matches!(step.gauge, Gauge::Callgrind) {
            // Not the server's fault: what it does by the clock still counts.
            continue;
        }
        let failure = measured.as_ref().err().map(|error| format!("{error:#}"));
        let figures = measured.unwrap_or_default();
        samples.push(Sample { scenario, server: server.clone(), round, figures, failure });
    }
}

fn chosen<'a>(mut steps: Vec<Step<'a>>, arguments: &Arguments) -> Vec<Step<'a>> {
    let Arguments { only, servers, rounds, .. } = arguments;
    let can_count = server::can_count_instructions();
    steps.retain(|step| {
        let slug = step.scenario.slug();
        let is_wanted = only.is_empty() || only.iter().any(|begin| slug.starts_with(begin));
        is_wanted && (can_count || !matches!(step.gauge, Gauge::Callgrind))
    });
    for step in &mut steps {
        step.subjects.retain(|subject| servers.is_empty() || servers.contains(&subject.name));
        if let (Some(rounds), Gauge::Clock(_)) = (rounds, step.gauge) {
            step.rounds = *rounds;
        }
    }
    steps.retain(|step| !step.subjects.is_empty());
    steps
}

/// The figures of one sample, for who watches.
fn line(figures: &Figures) -> String {
    let figures: Vec<_> =
        figures.iter().map(|(figure, value)| format!("{figure:?} {value:.1}")).collect();
    figures.join(", ")
}

/// How a server that runs already is loaded.
#[derive(Args)]
pub(crate) struct LoadArguments {
    /// Where it listens.
    #[arg(long)]
    address: SocketAddr,
    /// How many clients wait for their echo.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// The size of each message, in bytes.
    #[arg(long, default_value_t = 20)]
    size: usize,
    /// How many messages each client sends at once.
    #[arg(long, default_value_t = 1)]
    depth: usize,
    /// For how long.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

/// Has a server echo, and prints what was counted.
///
/// # Errors
///
/// If it answers wrongly or not in time.
pub(crate) fn load(arguments: &LoadArguments) -> Result<()> {
    machine::raise_file_limit()?;
    let &LoadArguments { address, clients, size, depth, seconds } = arguments;
    let patience = Patience { spins: false, limit: Duration::from_secs(10) };
    let visit = Visit { address, path: "/echo", deflate: false, tls: None, patience };
    let crowd = Crowd::open(&visit, clients, &Rc::new(Message::binary(size, depth)))?;
    let mut echo = Echo::start(crowd, Pace::Batches(depth))?;
    let tally = echo.run(Until::Elapsed(Duration::from_secs_f64(seconds)))?;
    echo.finish()?;
    let micros = |share| tally.latency.quantile(share) as f64 / 1e3;
    println!(
        "{:.0} messages/s, p50 {:.1} µs, p99 {:.1} µs, p99.9 {:.1} µs, load busy {:.0} %",
        tally.messages as f64 / tally.elapsed.as_secs_f64(),
        micros(0.5),
        micros(0.99),
        micros(0.999),
        100.0 - 100.0 * tally.idle.as_secs_f64() / tally.elapsed.as_secs_f64(),
    );
    Ok(())
}
