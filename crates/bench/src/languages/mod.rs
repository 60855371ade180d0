//! Applications in other languages: what an echo costs that goes through a process, beside one in Rust, and beside the
//! servers that those languages have by themselves.
//!
//! Everything is measured in each round, one after the other, and the medians are written to `LANGUAGES.md`.

mod alone;
mod bare;
mod figures;
mod subjects;

use std::{fmt::Write as _, fs, path::PathBuf, rc::Rc, time::Duration, time::Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use self::{
    figures::{Echoed, Figures},
    subjects::{Contender, Peer},
};
use crate::{
    load::{Crowd, Echo, Message, Pace, Patience, Until, Visit},
    run::{Cores, Launch, Machine, Server, raise_file_limit},
};

/// Clients under load, and what each says, in bytes.
const CLIENTS: usize = 64;

const SIZE: usize = 20;

/// For how long a load goes on before it counts.
const WARM: Duration = Duration::from_secs(1);

/// What is measured, and where it is written.
#[derive(Args)]
pub(crate) struct Arguments {
    /// How many rounds.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// For how long each load counts, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The binary that serves applications.
    #[arg(long, value_name = "PROGRAM", default_value = "target/release/aerys")]
    aerys: PathBuf,
    /// Where the adapters are.
    #[arg(long, value_name = "DIR", default_value = "adapters")]
    adapters: PathBuf,
    /// A server in one of the languages by itself, as in `php:ratchet='php server.php'`; may be given several times.
    #[arg(long = "peer", value_name = "LANGUAGE:NAME=COMMAND")]
    peers: Vec<Peer>,
    /// The folder for `LANGUAGES.md`.
    #[arg(long, default_value = "bench")]
    out: PathBuf,
}

/// Measures, and writes what came out.
///
/// # Errors
///
/// If a server cannot be started, fails, or answers wrongly.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (start, cores) = (Instant::now(), Cores::find()?);
    raise_file_limit()?;
    let contenders = subjects::contenders(&arguments.aerys, &arguments.adapters, &arguments.peers)?;
    let message = Rc::new(Message::binary(SIZE, 1));
    let mut figures = Figures::new(contenders.clone());
    for round in 0..arguments.rounds {
        let under_load = |contender: &Contender| {
            echo(contender, Duration::from_secs(arguments.seconds), &message, &cores)
                .with_context(|| format!("{} in round {}", contender.subject.name, round + 1))
        };
        let echoed = contenders.iter().map(under_load).collect::<Result<_>>()?;
        let adapters = &arguments.adapters;
        let patience = patience(&cores);
        figures.add(echoed, alone::measure(&contenders, adapters, patience, &message, &cores)?);
        eprintln!("round {} of {}, {:.0?}", round + 1, arguments.rounds, start.elapsed());
    }
    let machine = Machine::describe(&cores);
    let mut page = String::from("# Applications in other languages, measured\n\n");
    writeln!(
        page,
        "On {} with {} cores, Linux {}, {}: {} rounds, each with all of it, and their medians. Server and process share \
         one core, the load has another. {CLIENTS} clients say {SIZE} B each, and again when they have heard it; then \
         one does by itself, of each server in turn. `scripts/languages.sh` writes this.\n",
        machine.cpu, machine.cores, machine.kernel, machine.date, arguments.rounds
    )?;
    page.push_str(&figures.page());
    let file = arguments.out.join("LANGUAGES.md");
    fs::write(&file, &page).with_context(|| format!("cannot write {}", file.display()))?;
    print!("{page}");
    Ok(())
}

fn patience(cores: &Cores) -> Patience {
    Patience { spins: cores.are_enough(), limit: Duration::from_secs(10) }
}

/// How a contender is started.
fn launch(contender: &Contender) -> Launch<'_> {
    Launch {
        subject: &contender.subject,
        workers: 1,
        compression: false,
        tls: None,
        http2: false,
        nats: None,
    }
}

/// Has so many clients begin to say something, each again when it has heard it.
fn begin(
    server: &Server,
    clients: usize,
    message: &Rc<Message>,
    patience: Patience,
) -> Result<Echo> {
    let address = server.address();
    let visit = Visit { address, path: "/echo", deflate: false, tls: None, patience };
    Echo::start(Crowd::open(&visit, clients, message)?, Pace::Batches(1))
}

/// Puts one under load.
fn echo(
    contender: &Contender,
    time: Duration,
    message: &Rc<Message>,
    cores: &Cores,
) -> Result<Echoed> {
    let server = Server::start(launch(contender), cores)?;
    let mut echo = begin(&server, CLIENTS, message, patience(cores))?;
    echo.run(Until::Elapsed(WARM))?;
    let before = (server.usage()?, server.usage_of_children()?);
    let tally = echo.run(Until::Elapsed(time))?;
    let server_cpu = server.usage()?.since(before.0).total / tally.messages as f64;
    let process_cpu = (server.usage_of_children()? - before.1) / tally.messages as f64;
    drop(echo.finish()?);
    ensure!(
        (process_cpu > 0.0) == contender.has_process,
        "{} has {process_cpu} ns of its process in each message",
        contender.subject.name
    );
    let rate = tally.messages as f64 / tally.elapsed.as_secs_f64();
    Ok(Echoed { server_cpu, process_cpu, rate })
}
