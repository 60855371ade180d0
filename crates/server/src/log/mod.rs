//! The log: every line of the library goes through here, to whatever subscriber `tracing` has.
//!
//! A line that is lost, or a subscriber that panics, is nobody's fault: whoever logs goes on. Lines
//! of one kind are rationed ([`floods`]), and what peers say is cut short ([`text`]). The application's own
//! lines do not pass here; they are in the [`span`] of the handler that logs.

mod floods;
mod span;
mod text;

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::{Level, level_filters::LevelFilter};

pub(crate) use self::{
    span::{Call, HandlerSpan},
    text::{Brief, PeerText, plain_text},
};

/// Logs a line: its level, the path of the endpoint that it is about if it is about one, its fields
/// as `tracing` writes them, and what happened.
///
/// ```text
/// log::event!(WARN, at path, { client, %error }, "what happened");
/// ```
macro_rules! event {
    ($level:ident, { $($fields:tt)* }, $message:literal) => {
        $crate::log::event!($level, at None::<&str>, { $($fields)* }, $message)
    };
    ($level:ident, at $path:expr, { $($fields:tt)* }, $message:literal) => {{
        static SITE: $crate::log::Site =
            $crate::log::Site::new(::tracing::Level::$level, |path, left_out| {
                ::tracing::event!(
                    ::tracing::Level::$level,
                    { path, left_out },
                    concat!("more of these: ", $message)
                );
            });
        if SITE.is_on(|| ::tracing::enabled!(::tracing::Level::$level)) {
            let path = Option::<&str>::from($path);
            SITE.log(path, |left_out| {
                ::tracing::event!(
                    ::tracing::Level::$level,
                    { path, left_out, $($fields)* },
                    $message
                );
            });
        }
    }};
}

pub(crate) use event;

/// A place in the code that logs.
pub(crate) struct Site {
    level: Level,
    /// Says how many lines were left out, of this place and a path.
    more: fn(Option<&str>, u64),
}

impl Site {
    pub(crate) const fn new(level: Level, more: fn(Option<&str>, u64)) -> Self {
        Self { level, more }
    }

    /// Whether anybody listens, which costs one atomic load if nobody does.
    pub(crate) fn is_on(&self, is_enabled: impl FnOnce() -> bool) -> bool {
        self.level <= LevelFilter::current() && guarded(is_enabled).unwrap_or(false)
    }

    /// Logs what `line` says unless there were too many of the kind; `line` is told how many lines
    /// were left out before it.
    pub(crate) fn log(&'static self, path: Option<&str>, line: impl FnOnce(Option<u64>)) {
        if let Some(left_out) = floods::admit(self, path) {
            guarded(|| line((left_out > 0).then_some(left_out)));
        }
    }
}

/// Whether anybody may want to know details, which costs one atomic load.
pub(crate) fn is_detailed() -> bool {
    Level::DEBUG <= LevelFilter::current()
}

/// Runs what a subscriber may do. A panic in it ends here, the panic hook has told of it.
pub(crate) fn guarded<T>(subscriber: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(subscriber)).ok()
}
