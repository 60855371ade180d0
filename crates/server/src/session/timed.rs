//! How long handlers take, as far as that is looked at.
//!
//! To look at the clock twice for each message would cost as much as a short handler takes. So it is looked at for
//! one call in 64, and for each that waits: then a look costs little beside that.

use std::{
    cell::Cell,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;

use crate::{connection::Shared, metrics::Handling, runtime::clock};

/// How many calls on a thread there are between two that are timed whole.
const UNTIMED_CALLS: u8 = 63;

/// It is not known when a call has begun.
const NOT_TIMED: u64 = 0;

pin_project! {
    /// A call of a handler, the duration of which is counted if it is known when it is over.
    pub(super) struct Timed<'s, F> {
        #[pin]
        call: F,
        shared: &'s Shared,
        handling: Handling,
        began: u64,
    }
}

impl<'s, F> Timed<'s, F> {
    /// To be made before the call begins, for which this is the moment that counts.
    pub(super) fn new(handling: Handling, shared: &'s Shared, begin: impl FnOnce() -> F) -> Self {
        let began = if is_due() { now() } else { NOT_TIMED };
        Self { call: begin(), shared, handling, began }
    }
}

impl<F: Future> Future for Timed<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let outcome = this.call.poll(cx);
        match (&outcome, *this.began) {
            (Poll::Pending, NOT_TIMED) => *this.began = now(),
            (Poll::Pending, _) | (Poll::Ready(_), NOT_TIMED) => {}
            (Poll::Ready(_), began) => count(this.shared, *this.handling, began),
        }
        outcome
    }
}

#[cold]
fn count(shared: &Shared, handling: Handling, began: u64) {
    let took = Duration::from_nanos(now().saturating_sub(began));
    shared.counters().handler(handling, took);
}

/// Exactly, and never what is unknown.
#[cold]
fn now() -> u64 {
    clock::read().tick.0.max(NOT_TIMED + 1)
}

/// Whether this call is one of those that are timed.
#[inline]
fn is_due() -> bool {
    let left = CALLS_LEFT.get();
    CALLS_LEFT.set(left.checked_sub(1).unwrap_or(UNTIMED_CALLS));
    left == 0
}

thread_local! {
    static CALLS_LEFT: Cell<u8> = const { Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_in_64_is_timed() {
        let timed = (0..640).filter(|_| is_due()).count();
        assert_eq!(timed, 10);
    }
}
