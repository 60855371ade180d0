//! What the task of a connection knows of the request that is being answered.
//!
//! Hyper has one at a time. Its task sees here how far that is, and ends what takes too long.

use std::{
    convert::Infallible,
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};

use super::{
    ResponseBody, answer,
    service::Answering,
    transfer::{Transfer, TransferError},
};

use crate::sync::{Mutex, MutexGuard};

/// One for each connection that hyper has.
pub(super) struct Exchange {
    /// How many requests a connection may have.
    max_requests: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    /// How many requests there have been.
    requests: u64,
    has_had_its_last: bool,
    /// The body of this request, or the last one.
    transfer: Option<Arc<Transfer>>,
}

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
    /// The answer, which is there, makes the connection the service's.
    Switching,
    /// The response is on its way.
    Responding,
}

impl Exchange {
    pub(super) fn new(max_requests: u64) -> Self {
        Self { max_requests, state: Mutex::default() }
    }

    pub(super) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// Whether there was a response that said that it is the last.
    pub(super) fn has_had_its_last(&self) -> bool {
        self.lock().has_had_its_last
    }

    /// The body of the request that is being answered, or the last that was.
    pub(super) fn transfer(&self) -> Option<Arc<Transfer>> {
        self.lock().transfer.clone()
    }

    /// Begins with a request.
    pub(super) fn begin(
        self: &Arc<Self>,
        answering: Answering,
        transfer: Option<Arc<Transfer>>,
    ) -> ResponseFuture {
        let phase = match answering {
            Answering::Handshake(_) => Phase::Deciding,
            Answering::Own(_) | Answering::Page(_) => Phase::Working,
        };
        // What it replaces is dropped when the lock is not held any more.
        let (is_last, _before) = {
            let mut state = self.lock();
            state.phase = phase;
            state.requests += 1;
            let before = std::mem::replace(&mut state.transfer, transfer.clone());
            (state.requests >= self.max_requests, before)
        };
        let in_flight = Some(InFlight(Arc::clone(self)));
        ResponseFuture { answering, transfer, switching: None, is_last, in_flight }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// The making of a response, in the place that hyper keeps for it.
pub(super) struct ResponseFuture {
    answering: Answering,
    transfer: Option<Arc<Transfer>>,
    /// A response that switches protocols, until hyper has been told.
    switching: Option<Response<ResponseBody>>,
    /// Whether the connection may have no other request.
    is_last: bool,
    in_flight: Option<InFlight>,
}

impl ResponseFuture {
    /// The response. One that switches protocols is due when hyper has been told.
    fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<Response<ResponseBody>> {
        if let Some(response) = self.switching.take() {
            return Poll::Ready(response);
        }
        if let Some(response) = self.without_body() {
            return Poll::Ready(response);
        }
        let answer = Pin::new(&mut self.answering).poll(cx);
        // A service may have answered that it could not read the body: why is ours to say.
        if let Some(response) = self.without_body() {
            return Poll::Ready(response);
        }
        let response = ready!(answer);
        if response.extensions().get::<Switches>().is_none() {
            return Poll::Ready(response);
        }
        // The connection's task looks at the phase when it has polled hyper, and polls it again.
        self.switching = Some(response);
        self.set_phase(Phase::Switching);
        Poll::Pending
    }

    fn set_phase(&self, phase: Phase) {
        if let Some(InFlight(exchange)) = &self.in_flight {
            exchange.lock().phase = phase;
        }
    }

    fn without_body(&self) -> Option<Response<ResponseBody>> {
        without_body(self.transfer.as_deref())
    }
}

fn switches(response: &Response<ResponseBody>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
        || response.extensions().get::<Switches>().is_some()
}

/// What is answered instead if the body of the request was waited for in vain.
pub(super) fn without_body(transfer: Option<&Transfer>) -> Option<Response<ResponseBody>> {
    let (status, sentence) = match transfer?.error()? {
        TransferError::TooSlow => {
            (StatusCode::REQUEST_TIMEOUT, "The body of the request takes too long.")
        }
        TransferError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "The server is stopping."),
    };
    let mut response = answer::plain(status, sentence);
    // What is still to come of the body is not read.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Some(response)
}

impl Future for ResponseFuture {
    type Output = Result<Response<TrackedBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = ready!(self.poll_response(cx));
        self.set_phase(Phase::Responding);
        // One that switches protocols ends the requests in any case.
        if self.is_last && !switches(&response) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            if let Some(InFlight(exchange)) = &self.in_flight {
                exchange.lock().has_had_its_last = true;
            }
        }
        let in_flight = self.in_flight.take();
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

/// Marks the response of a service that switches protocols: RFC 9110 §7.8, §9.3.6.
#[derive(Clone, Copy, Debug)]
pub(super) struct Switches;

/// From a request's head to its response's last byte.
struct InFlight(Arc<Exchange>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.lock().phase = Phase::Idle;
    }
}
