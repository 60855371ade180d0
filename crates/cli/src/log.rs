//! The log: for people, on stderr, or for machines if a file says so, with `RUST_LOG` having the last word. A line that
//! stderr does not take is lost, and nothing else is.

use std::{
    env,
    io::{self, IsTerminal},
};

use aerys::Log;
use tracing_subscriber::{EnvFilter, reload::Handle};

/// With `--debug`: everything that our own crates do.
const DETAILED: &str = "warn,aerys=debug,aerys_apps=debug,aerys_proto=debug";

/// What applications in other languages write, which nobody would look for at a level.
const OUTPUT: &str = "aerys_apps::output=info";

/// What is shown of the log, as long as a file has a say in that.
pub(crate) struct Levels {
    debug: bool,
    change: Box<dyn Fn(EnvFilter) + Send>,
}

impl Levels {
    /// Shows from now on what a file says.
    pub(crate) fn change(&self, log: &Log) {
        (self.change)(filter(log, self.debug));
    }
}

/// `RUST_LOG`, if set, says what is shown; else `debug`, and else the file, which shows what is wrong unless it says
/// otherwise.
fn filter(log: &Log, debug: bool) -> EnvFilter {
    let usual = match log.filter() {
        _ if debug => DETAILED.to_owned(),
        off if off.starts_with("off") => off,
        // The file may say something else of it behind that.
        levels => format!("{OUTPUT},{levels}"),
    };
    let wanted = env::var(EnvFilter::DEFAULT_ENV).ok().filter(|wanted| !wanted.is_empty());
    EnvFilter::builder().parse_lossy(wanted.unwrap_or(usual))
}

/// Starts the log.
pub(crate) fn start(log: &Log, debug: bool) -> Levels {
    let colour = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter(log, debug))
        .with_writer(io::stderr)
        .with_ansi(colour)
        // What it would tell of a stderr that fails it would tell to stderr, and panic.
        .log_internal_errors(false);
    let change = if log.is_json() {
        let lines = lines.json().flatten_event(true).with_filter_reloading();
        let change = reloading(lines.reload_handle());
        lines.init();
        change
    } else {
        let lines = lines.with_filter_reloading();
        let change = reloading(lines.reload_handle());
        lines.init();
        change
    };
    Levels { debug, change }
}

fn reloading<S: 'static>(handle: Handle<EnvFilter, S>) -> Box<dyn Fn(EnvFilter) + Send> {
    // The log lasts as long as the process.
    Box::new(move |filter| drop(handle.reload(filter)))
}
