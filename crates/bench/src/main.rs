//! Measures aerys beside its peers and beside the least possible programs.
//!
//! [`servers`] are what is measured, each a process of its own; [`load`] is what keeps them busy;
//! [`run`] brings the two together, in rounds, and writes down what it cost; [`report`] makes tables
//! and plots of that. [`cluster`] does so with several servers at a time, and [`languages`] with applications that are
//! processes of their own.

mod cluster;
mod languages;
mod load;
mod report;
mod run;
mod servers;

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;
use rustix::process::{Signal, set_parent_process_death_signal};

/// Measures aerys beside its peers and beside the least possible programs.
#[derive(Parser)]
enum Command {
    /// Runs one of the servers.
    Serve {
        /// Which.
        name: String,
        /// Where it listens; port 0 is any free port.
        #[arg(long, default_value = "127.0.0.1:0")]
        address: SocketAddr,
        /// How many threads drive its clients.
        #[arg(long, default_value_t = 1)]
        workers: usize,
        /// Whether it compresses.
        #[arg(long)]
        compression: bool,
        /// A certificate, as PEM, with which it speaks TLS.
        #[arg(long, value_name = "FILE", requires = "tls_key")]
        tls_cert: Option<PathBuf>,
        /// The certificate's key, as PEM.
        #[arg(long, value_name = "FILE", requires = "tls_cert")]
        tls_key: Option<PathBuf>,
        /// Whether it speaks HTTP/2 in clear text to those who begin with it.
        #[arg(long)]
        http2: bool,
        /// A server of NATS, by which it is one of several nodes.
        #[arg(long, value_name = "URL")]
        nats: Option<String>,
        /// Ends with the process that started it.
        #[arg(long, hide = true)]
        with_parent: bool,
    },
    /// Becomes what a command starts, for the shell.
    #[command(hide = true)]
    Become { command: String },
    /// Measures the servers in turn and writes what came out.
    Run(run::Arguments),
    /// Measures several nodes on one server of NATS, and writes `CLUSTER.md`.
    Cluster(cluster::Arguments),
    /// Measures applications in other languages, and writes `LANGUAGES.md`.
    Languages(languages::Arguments),
    /// Loads a server that runs already, and says what it counted.
    Load(run::LoadArguments),
    /// Writes the report once more, from the raw results of an earlier run.
    Report {
        /// The folder with `results.json`.
        #[arg(long, default_value = "bench")]
        out: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Serve {
            name,
            address,
            workers,
            compression,
            tls_cert,
            tls_key,
            http2,
            nats,
            with_parent,
        } => {
            if with_parent {
                set_parent_process_death_signal(Some(Signal::KILL))?;
            }
            let files = tls_cert.zip(tls_key);
            let tls = files.map(|(certificate, key)| servers::Files { certificate, key });
            servers::serve(
                &name,
                &servers::Settings { address, workers, compression, tls, http2, nats },
            )
        }
        Command::Become { command } => run::become_command(&command),
        Command::Run(arguments) => run::run(&arguments),
        Command::Cluster(arguments) => cluster::run(&arguments),
        Command::Languages(arguments) => languages::run(&arguments),
        Command::Load(arguments) => run::load(&arguments),
        Command::Report { out } => report::write(&out, &run::Results::read(&out)?),
    }
}
