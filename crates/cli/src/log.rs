//! The log: for people, on stderr, with `RUST_LOG` having the last word. A line that stderr does not
//! take is lost, and nothing else is.

use std::{
    env,
    io::{self, IsTerminal},
};

use tracing_subscriber::EnvFilter;

/// Starts the log. `RUST_LOG`, if set, says what it shows; else only what is wrong, and with
/// `debug` everything that our own crates do.
pub(crate) fn start(debug: bool) {
    let usual = if debug { "warn,aerys=debug,aerys_proto=debug" } else { "warn" };
    let wanted = env::var(EnvFilter::DEFAULT_ENV).ok().filter(|wanted| !wanted.is_empty());
    let filter = EnvFilter::builder().parse_lossy(wanted.as_deref().unwrap_or(usual));
    let colour = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colour)
        // What it would tell of a stderr that fails it would tell to stderr, and panic.
        .log_internal_errors(false)
        .init();
}
