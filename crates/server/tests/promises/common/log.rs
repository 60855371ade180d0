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
    lines_at(Level::ERROR, path)
}

/// The warnings about the application mounted on `path`, likewise.
pub(crate) fn warnings_at(path: &str) -> Vec<String> {
    lines_at(Level::WARN, path)
}

/// The access log's lines of handshakes for `path`, likewise.
pub(crate) fn accesses_at(path: &str) -> Vec<String> {
    lines(Level::INFO, &format!("path={path:?} "))
}

/// The lines of this level about a path, or about an application that is mounted there on whatever host.
fn lines_at(level: Level, path: &str) -> Vec<String> {
    let is_at_path = |line: &String| line.contains(&format!("path={path:?} "));
    let endpoint = |line: &String| {
        let (_, endpoint) = line.split_once("endpoint=\"")?;
        let (endpoint, _) = endpoint.split_once('"')?;
        let host = endpoint.strip_suffix(path)?;
        (!host.contains('/')).then_some(())
    };
    let lines = lines(level, path).into_iter();
    lines.filter(|line| is_at_path(line) || endpoint(line).is_some()).collect()
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
