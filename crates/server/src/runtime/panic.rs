//! Panics end where they begin: in the application's code that is run, and not in the server's.

use std::{
    any::Any,
    fmt,
    future::ready,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use futures_util::{FutureExt, future::Either};
use tokio::time::sleep;

use crate::log::{self, Brief};

/// Before what has panicked is begun anew.
const RESTART_PAUSE: Duration = Duration::from_millis(10);

/// What was said with a panic.
#[derive(Debug)]
pub(crate) struct Panicked(String);

/// Runs the application code that `start` begins; a panic in it is its own end and nobody else's.
///
/// No `async fn`, which would have room for the code twice: as its argument and as what it awaits.
pub(crate) fn caught<F: Future>(
    start: impl FnOnce() -> F,
) -> impl Future<Output = Result<F::Output, Panicked>> {
    let panicked = |panic: Box<dyn Any + Send>| Panicked::new(&*panic);
    match catch_unwind(AssertUnwindSafe(start)) {
        Ok(code) => {
            let code = AssertUnwindSafe(code).catch_unwind();
            Either::Left(code.map(move |outcome| outcome.map_err(panicked)))
        }
        Err(panic) => Either::Right(ready(Err(panicked(panic)))),
    }
}

/// Begins anew what ends with a panic, be it a bug of ours or a `Drop` of the application's: for what
/// all clients need.
pub(crate) async fn steadily<F: Future<Output = ()>>(start: impl Fn() -> F) {
    while let Err(panic) = caught(&start).await {
        let panic = Brief(panic);
        log::event!(ERROR, { %panic }, "something panicked that all clients need; it goes on");
        sleep(RESTART_PAUSE).await;
    }
}

impl Panicked {
    pub(crate) fn new(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Self(text.unwrap_or_else(|| "with no message".to_owned()))
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_panics_is_begun_anew_until_it_ends() {
        let begun = AtomicUsize::new(0);
        let start = || async {
            assert_eq!(begun.fetch_add(1, Ordering::Relaxed), 2, "not yet");
        };
        steadily(start).await;
        assert_eq!(begun.into_inner(), 3);
    }
}
