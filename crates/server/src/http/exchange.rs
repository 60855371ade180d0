//! What the task of a connection knows of the request that is being answered.
//!
//! Hyper has one at a time. Its task sees here how far that is.

use std::{
    convert::Infallible,
    error::Error,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};

use super::{ResponseBody, service::Answering};

/// One for each connection that hyper has.
#[derive(Default)]
pub(super) struct Exchange(Mutex<Phase>);

/// How far the answer to a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is no request, or not all of its head.
    #[default]
    Idle,
    /// A handshake: `on_open` has not decided.
    Deciding,
    /// Any other request, which is not answered yet.
    Working,
    /// The response is on its way.
    Responding,
}

impl Exchange {
    pub(super) fn phase(&self) -> Phase {
        *self.lock()
    }

    /// Begins with a request.
    pub(super) fn begin(self: &Arc<Self>, answering: Answering) -> ResponseFuture {
        *self.lock() = match answering {
            Answering::Handshake(_) => Phase::Deciding,
            Answering::Own(_) | Answering::Page(_) => Phase::Working,
        };
        ResponseFuture { answering, in_flight: Some(InFlight(Arc::clone(self))) }
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The making of a response, in the place that hyper keeps for it.
pub(super) struct ResponseFuture {
    answering: Answering,
    in_flight: Option<InFlight>,
}

impl Future for ResponseFuture {
    type Output = Result<Response<TrackedBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(Pin::new(&mut self.answering).poll(cx));
        let in_flight = self.in_flight.take();
        if let Some(InFlight(exchange)) = &in_flight {
            *exchange.lock() = Phase::Responding;
        }
        Poll::Ready(Ok(response.map(|body| TrackedBody { body, _in_flight: in_flight })))
    }
}

/// A response's body; when hyper drops it, the request has been answered.
pub(super) struct TrackedBody {
    body: ResponseBody,
    _in_flight: Option<InFlight>,
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// From a request's head to its response's last byte.
struct InFlight(Arc<Exchange>);

impl Drop for InFlight {
    fn drop(&mut self) {
        *self.0.lock() = Phase::Idle;
    }
}
