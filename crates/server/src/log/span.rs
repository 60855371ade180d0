//! The span of one call of a handler: what the application logs in there carries where, in which handler
//! and for whom that was.

use std::fmt::Display;

use tracing::{Level, Span, debug_span, field::display, level_filters::LevelFilter, span::Entered};

use super::guarded;

/// The span of a call, if the subscriber wants to know.
///
/// In a box, so that a future that may have one has room for a pointer.
#[derive(Default)]
pub(crate) struct HandlerSpan(Option<Box<Span>>);

/// A call that begins.
pub(crate) struct Call<'c> {
    /// Of the endpoint.
    pub(crate) path: &'c str,
    pub(crate) handler: &'static str,
    pub(crate) client: Option<u64>,
    pub(crate) address: Option<&'c dyn Display>,
}

impl HandlerSpan {
    /// The span of the call that `call` tells of. Unless anybody listens to details, which is one atomic
    /// load to know, it is not asked.
    #[inline]
    pub(crate) fn new<'c>(call: impl FnOnce() -> Call<'c>) -> Self {
        if Level::DEBUG <= LevelFilter::current() { Self::open(&call()) } else { Self::default() }
    }

    #[cold]
    fn open(&Call { path, handler, client, address }: &Call<'_>) -> Self {
        let address = address.map(display);
        // Beneath no other: a task may be spawned within a handler, and outlive it.
        let span = guarded(
            || debug_span!(target: "aerys::handler", parent: None, "handler", path, handler, client, address),
        );
        Self(span.filter(|span| !span.is_disabled()).map(Box::new))
    }

    /// The client has its id.
    pub(crate) fn record_client(&self, id: u64) {
        if let Some(span) = &self.0 {
            guarded(|| span.record("client", id));
        }
    }

    /// Runs a part of the call, which does not unwind, in the span.
    #[inline]
    pub(crate) fn around<T>(&self, part: impl FnOnce() -> T) -> T {
        let entered = self.0.as_deref().and_then(enter);
        let outcome = part();
        if let Some(entered) = entered {
            leave(entered);
        }
        outcome
    }
}

impl Clone for HandlerSpan {
    fn clone(&self) -> Self {
        Self(self.0.as_ref().and_then(|span| guarded(|| span.clone())))
    }
}

impl Drop for HandlerSpan {
    #[inline]
    fn drop(&mut self) {
        if let Some(span) = self.0.take() {
            close(span);
        }
    }
}

// Apart, so that nothing of it is made ready where there is no span.

#[cold]
fn enter(span: &Span) -> Option<Entered<'_>> {
    guarded(|| span.enter())
}

#[cold]
fn leave(entered: Entered<'_>) {
    guarded(|| drop(entered));
}

#[cold]
fn close(span: Box<Span>) {
    guarded(|| drop(span));
}
