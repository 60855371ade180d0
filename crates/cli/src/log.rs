//! The log: for people, on stderr, or for machines if a file says so, with `RUST_LOG` having the last word. A line that
//! stderr does not take is lost, and nothing else is.

use std::{
    env,
    io::{self, IsTerminal},
};

use aerys::Log;
use tracing_subscriber::EnvFilter;

/// With `--debug`: everything that our own crates do.
const DETAILED: &str = "warn,aerys=debug,aerys_proto=debug";

/// Starts the log. `RUST_LOG`, if set, says what it shows; else `debug`, and else the file, which shows what is wrong
/// unless it says otherwise.
pub(crate) fn start(log: &Log, debug: bool) {
    let usual = if debug { DETAILED.to_owned() } else { log.filter() };
    let wanted = env::var(EnvFilter::DEFAULT_ENV).ok().filter(|wanted| !wanted.is_empty());
    let filter = EnvFilter::builder().parse_lossy(wanted.unwrap_or(usual));
    let colour = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colour)
        // What it would tell of a stderr that fails it would tell to stderr, and panic.
        .log_internal_errors(false);
    if log.is_json() { lines.json().flatten_event(true).init() } else { lines.init() }
}
