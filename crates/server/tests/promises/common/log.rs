//! What is logged at warn and error level, and by the access log, kept for tests to look at.

use std::sync::{Mutex, Once};

use tracing::{Level, subscriber::set_global_default};

use super::Listener;

/// The beginning of paths whose lines the log cannot take: it panics.
pub(crate) const UNLOGGABLE: &str = "/unloggable";

/// Keeps errors and warnings from now on. The tests share a process, so each looks for its own path.
pub(crate) fn keep_errors() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_global_default(Listener(keep)).expect("nobody else listens"));
}

/// The errors of the application mounted on `path`, as `field=value` in order.
pub(crate) fn errors_at(path: &str) -> Vec<String> {
    lines(Level::ERROR, &format!("{path}\" "))
}

/// The warnings about the application mounted on `path`, likewise.
pub(crate) fn warnings_at(path: &str) -> Vec<String> {
    lines(Level::WARN, &format!("{path}\" "))
}

/// The access log's lines of handshakes for `path`, likewise.
pub(crate) fn accesses_at(path: &str) -> Vec<String> {
    lines(Level::INFO, &format!("path={path:?} "))
}

/// The lines of this level that have these words in them.
pub(crate) fn lines(level: Level, words: &str) -> Vec<String> {
    let lines = LINES.lock().unwrap();
    let lines = lines.iter().filter(|(it, line)| *it == level && line.contains(words));
    lines.map(|(_, line)| line.clone()).collect()
}

static LINES: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

fn keep(level: Level, line: String) {
    let can_be_logged = !line.contains(UNLOGGABLE);
    LINES.lock().unwrap().push((level, line));
    assert!(can_be_logged, "the log is full");
}
