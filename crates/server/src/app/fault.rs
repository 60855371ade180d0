//! How application code can end badly, and what comes of it: its own client is closed with 1011
//! and not told why, and nobody else notices.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use aerys_proto::CloseCode;
use pin_project_lite::pin_project;
use tracing::field::display;

use super::{Client, Endpoint};
use crate::{
    error::{Failure, Refusal},
    log::{self, Brief, HandlerSpan},
    runtime::{Caught, Panicked, caught},
    transport::ClientAddr,
};

pub(crate) enum Fault {
    Failed(Failure),
    Panicked(Panicked),
}

pin_project! {
    /// Application code that can also fail.
    pub(crate) struct Tried<F> {
        #[pin]
        code: Caught<F>,
    }
}

/// Runs application code that can also fail, in a span.
#[inline]
pub(crate) fn tried<F: Future>(span: HandlerSpan, start: impl FnOnce() -> F) -> Tried<F> {
    Tried { code: caught(span, start) }
}

impl<E: Into<Fault>, F: Future<Output = Result<(), E>>> Future for Tried<F> {
    type Output = Result<(), Fault>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(self.project().code.poll(cx));
        Poll::Ready(outcome?.map_err(Into::into))
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

    /// Logs it, with the client if it was about one.
    pub(crate) fn report<S>(
        &self,
        endpoint: &Endpoint<S>,
        client: Option<&Client<S>>,
        handler: &'static str,
    ) {
        let endpoint = endpoint.roster().counters(0).label();
        let address = client.map(Client::address);
        let (client_ip, address) = (address.and_then(ClientAddr::shown_ip), address.map(display));
        let client = client.map(|client| client.id().as_u64());
        match self {
            Self::Failed(failure) => {
                let failure = Brief(failure);
                log::event!(
                    ERROR, of endpoint, { client, address, client_ip, handler, %failure },
                    "a handler failed"
                );
            }
            Self::Panicked(panic) => {
                let panic = Brief(panic);
                log::event!(
                    ERROR, of endpoint, { client, address, client_ip, handler, %panic },
                    "a handler panicked"
                );
            }
        }
    }

    pub(crate) fn is_silent(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_silent())
    }
}

impl From<Panicked> for Fault {
    fn from(panic: Panicked) -> Self {
        Self::Panicked(panic)
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
