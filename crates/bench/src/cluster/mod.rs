//! Several nodes on one bus: what it costs to be told by another node, beside a server by itself, a bare pair of NATS
//! clients, and axum with NATS by hand.
//!
//! Everything is measured in each round, one after the other, and the medians are written to `CLUSTER.md`.

mod bare;
mod figures;
mod nodes;
mod rooms;

use std::{fmt::Write as _, fs, path::PathBuf, time::Instant};

use anyhow::{Context as _, Result};
use clap::Args;

use self::{figures::Figures, nodes::Nats};
use crate::run::{Cores, Machine, raise_file_limit};

/// How often in each round as many messages as can be go from one to another.
const FLOODS: usize = 5;

/// What is measured, and where it is written.
#[derive(Args)]
pub(crate) struct Arguments {
    /// How many rounds.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// For how long each fan-out goes on, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The server of NATS; `crates/nats/tests/setup.sh` installs one there.
    #[arg(long, value_name = "PROGRAM", default_value = "target/nats/bin/nats-server")]
    nats_server: PathBuf,
    /// The folder for `CLUSTER.md`.
    #[arg(long, default_value = "bench")]
    out: PathBuf,
}

/// Measures, and writes what came out.
///
/// # Errors
///
/// If a server cannot be started, fails, or loses something.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (start, cores) = (Instant::now(), Cores::find()?);
    raise_file_limit()?;
    // What is started here stays on the load's core, but for the node that is measured.
    cores.pin_load(1, 0)?;
    let mut figures = Figures::default();
    for round in 0..arguments.rounds {
        let nats = Nats::start(&arguments.nats_server)?;
        rooms::measure(&nats, &cores, arguments.seconds, &mut figures)
            .with_context(|| format!("round {}", round + 1))?;
        bare::measure(&nats, &cores, &mut figures)?;
        eprintln!("round {} of {}, {:.0?}", round + 1, arguments.rounds, start.elapsed());
    }
    let machine = Machine::describe(&cores);
    let mut page = String::from("# Several nodes, measured\n\n");
    writeln!(
        page,
        "On {} with {} cores, Linux {}, {}: {} rounds, each with all of it, and their medians (least and greatest). The node that is \
         told, where CPU is counted, has a core of its own, and so has who hears of a bare pair; the other nodes, the server \
         of NATS, who publishes and the load, which sleeps when it has nothing to do, share another. \
         `bench cluster` writes this.\n",
        machine.cpu, machine.cores, machine.kernel, machine.date, arguments.rounds
    )?;
    page.push_str(&figures.table());
    let file = arguments.out.join("CLUSTER.md");
    fs::write(&file, &page).with_context(|| format!("cannot write {}", file.display()))?;
    print!("{page}");
    Ok(())
}
