//! What is logged at warn and error level, kept for tests to look at.

use std::{
    fmt::{Debug, Write},
    sync::{Mutex, Once},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::set_global_default,
};

/// The beginning of paths whose lines the log cannot take: it panics.
pub(crate) const UNLOGGABLE: &str = "/unloggable";

/// Keeps errors and warnings from now on. The tests share a process, so each looks for its own path.
pub(crate) fn keep_errors() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_global_default(Listener(keep)).expect("nobody else listens"));
}

/// The errors of the application mounted on `path`, as `field=value` in order.
pub(crate) fn errors_at(path: &str) -> Vec<String> {
    lines(Level::ERROR, &format!("path={path:?} "))
}

/// The warnings about the application mounted on `path`, likewise.
pub(crate) fn warnings_at(path: &str) -> Vec<String> {
    lines(Level::WARN, &format!("path={path:?} "))
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

/// Gives each error and warning to a function, as `field=value` in order.
pub(crate) struct Listener<F>(pub(crate) F);

impl<F: Fn(Level, String) + Send + Sync + 'static> Subscriber for Listener<F> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        (self.0)(*event.metadata().level(), line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").expect("a string takes it");
    }
}
