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

/// Logs a line: its level, the endpoint that it is about if it is about one, its fields as `tracing` writes them, and
/// what happened. An endpoint is called as in the metrics, by its host and path, or by its path alone where no more is known.
/// What is about one client has its `client_ip`, and its `client` id if it has one.
///
/// ```text
/// log::event!(WARN, of endpoint, { client, %address, client_ip, %error }, "what happened");
/// log::event!(WARN, at path, { worker }, "what happened");
/// ```
macro_rules! event {
    ($level:ident, { $($fields:tt)* }, $message:literal) => {
        $crate::log::event!(@path, $level, None::<&str>, { $($fields)* }, $message)
    };
    ($level:ident, at $path:expr, { $($fields:tt)* }, $message:literal) => {
        $crate::log::event!(@path, $level, $path, { $($fields)* }, $message)
    };
    ($level:ident, of $endpoint:expr, { $($fields:tt)* }, $message:literal) => {
        $crate::log::event!(@endpoint, $level, $endpoint, { $($fields)* }, $message)
    };
    (@$place:ident, $level:ident, $value:expr, { $($fields:tt)* }, $message:literal) => {{
        static SITE: $crate::log::Site =
            $crate::log::Site::new(::tracing::Level::$level, |$place, left_out| {
                ::tracing::event!(
                    ::tracing::Level::$level,
                    { $place, left_out },
                    concat!("more of these: ", $message)
                );
            });
        if SITE.is_on(|| ::tracing::enabled!(::tracing::Level::$level)) {
            let $place = Option::<&str>::from($value);
            SITE.log($place, |left_out| {
                ::tracing::event!(
                    ::tracing::Level::$level,
                    { $place, left_out, $($fields)* },
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
    /// Says how many lines were left out, of this place and an endpoint.
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
