//! How application code can end badly, and what comes of it: its own client is closed with 1011
//! and not told why, and nobody else notices.

use std::{
    any::Any,
    future::ready,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use aerys_proto::CloseCode;
use futures_util::{FutureExt, future::Either};
use tokio::time::sleep;

use crate::{
    Client, Endpoint, Failure, Refusal,
    log::{self, Brief},
};

/// Before what has panicked is begun anew.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) enum Fault {
    Failed(Failure),
    Panicked(String),
}

/// Runs the application code that `start` begins; a panic in it is its own end and nobody else's.
///
/// No `async fn`, which would have room for the code twice: as its argument and as what it awaits.
pub(crate) fn caught<F: Future>(
    start: impl FnOnce() -> F,
) -> impl Future<Output = Result<F::Output, Fault>> {
    let panicked = |panic: Box<dyn Any + Send>| Fault::Panicked(words(&*panic));
    match catch_unwind(AssertUnwindSafe(start)) {
        Ok(code) => {
            let code = AssertUnwindSafe(code).catch_unwind();
            Either::Left(code.map(move |outcome| outcome.map_err(panicked)))
        }
        Err(panic) => Either::Right(ready(Err(panicked(panic)))),
    }
}

/// As [`caught`], for code that can also fail.
pub(crate) fn tried<E: Into<Fault>, F: Future<Output = Result<(), E>>>(
    start: impl FnOnce() -> F,
) -> impl Future<Output = Result<(), Fault>> {
    caught(start).map(|outcome| outcome.and_then(|outcome| outcome.map_err(Into::into)))
}

/// Begins anew what ends with a panic, be it a bug of ours or a `Drop` of the application's: for what
/// all clients need.
pub(crate) async fn steadily<F: Future<Output = ()>>(start: impl Fn() -> F) {
    while let Err(Fault::Panicked(panic)) = caught(&start).await {
        let panic = Brief(panic);
        log::event!(ERROR, { %panic }, "something panicked that all clients need; it goes on");
        sleep(PAUSE).await;
    }
}

impl Fault {
    /// Closes the client in whose handler it happened.
    pub(crate) fn punish<S>(&self, client: &Client<S>, handler: &'static str) {
        if !self.is_silent() {
            // In this order: whatever becomes of the log, the client is closed.
            client.close().code(CloseCode::INTERNAL).nowait();
            self.report(client.endpoint(), Some(client), handler);
        }
    }

    /// Logs it, with the client's id if it was about one.
    pub(crate) fn report<S>(
        &self,
        endpoint: &Endpoint<S>,
        client: Option<&Client<S>>,
        handler: &'static str,
    ) {
        let path = endpoint.registry().path();
        let client = client.map(|client| client.id().as_u64());
        match self {
            Self::Failed(failure) => {
                let failure = Brief(failure);
                log::event!(ERROR, at path, { client, handler, %failure }, "a handler failed");
            }
            Self::Panicked(panic) => {
                let panic = Brief(panic);
                log::event!(ERROR, at path, { client, handler, %panic }, "a handler panicked");
            }
        }
    }

    pub(crate) fn is_silent(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_silent())
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What a refusal comes to once the client has been accepted.
impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let status = refusal.status();
        Self::Failed(refusal.into_answer().cause.unwrap_or_else(|| {
            Failure::new(format!("refused with {status} after it had accepted"))
        }))
    }
}

/// What was said with a panic.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "with no message".to_owned())
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
