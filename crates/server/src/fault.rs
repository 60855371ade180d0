//! How application code can end badly, and what comes of it: its own client is closed with 1011
//! and not told why, and nobody else notices.

use std::{any::Any, panic::AssertUnwindSafe};

use aerys_proto::CloseCode;
use futures_util::FutureExt;
use tracing::error;

use crate::{Client, Endpoint, Failure, Refusal};

pub(crate) enum Fault {
    Failed(Failure),
    Panicked(String),
}

/// Runs application code; a panic in it is its own end and nobody else's.
pub(crate) async fn caught<T>(code: impl Future<Output = T>) -> Result<T, Fault> {
    AssertUnwindSafe(code).catch_unwind().await.map_err(|panic| Fault::Panicked(words(&*panic)))
}

/// As [`caught`], for code that can also fail.
pub(crate) async fn tried<E: Into<Fault>>(
    code: impl Future<Output = Result<(), E>>,
) -> Result<(), Fault> {
    caught(code).await.and_then(|outcome| outcome.map_err(Into::into))
}

impl Fault {
    /// Closes the client in whose handler it happened.
    pub(crate) fn punish<S>(&self, client: &Client<S>, handler: &'static str) {
        if !self.is_silent() {
            self.report(client.endpoint(), Some(client), handler);
            client.close().code(CloseCode::INTERNAL).nowait();
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
            Self::Failed(failure) => error!(client, path, handler, %failure, "a handler failed"),
            Self::Panicked(panic) => error!(client, path, handler, panic, "a handler panicked"),
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

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "with no message".to_owned())
}
