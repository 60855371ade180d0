//! What is logged at error level, kept for tests to look at.

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

/// Keeps errors from now on. The tests share a process, so each looks for its own path.
pub(crate) fn keep_errors() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_global_default(Keeper).expect("nobody else listens"));
}

/// The errors of the application mounted on `path`, as `field=value` in order.
pub(crate) fn errors_at(path: &str) -> Vec<String> {
    let path = format!("path={path:?} ");
    let errors = ERRORS.lock().unwrap();
    errors.iter().filter(|error| error.contains(&path)).cloned().collect()
}

static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Keeper;

impl Subscriber for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        ERRORS.lock().unwrap().push(line.0);
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
