//! A request's body, as a service reads it.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::{
    http2::RequestBody,
    transfer::{Transfer, TransferError},
};

/// The body of a request, for a [service](crate::Host::service) to read.
///
/// It is read from the client's connection while the service reads it, and no faster; see
/// [`Server::body_period`](crate::Server::body_period) for how long the client may take. A service
/// may drop it unread. It is an `http_body::Body`, as axum and tower expect:
///
/// ```
/// use std::{convert::Infallible, future::{Ready, ready}, task::{Context, Poll}};
/// use aerys::{Body, Host};
/// use http::{Request, Response};
///
/// /// Says how long a body claims to be.
/// #[derive(Clone)]
/// struct Scale;
///
/// impl tower_service::Service<Request<Body>> for Scale {
///     type Response = Response<String>;
///     type Error = Infallible;
///     type Future = Ready<Result<Response<String>, Infallible>>;
///
///     fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
///         Poll::Ready(Ok(()))
///     }
///
///     fn call(&mut self, request: Request<Body>) -> Self::Future {
///         let size = http_body::Body::size_hint(request.body());
///         ready(Ok(Response::new(format!("{:?}", size.exact()))))
///     }
/// }
///
/// let host = Host::new("localhost").service(Scale);
/// ```
#[derive(Debug)]
pub struct Body {
    /// `None` once it has ended.
    incoming: Option<Source>,
    transfer: Option<Arc<Transfer>>,
}

/// Where it comes from.
#[derive(Debug)]
#[cfg_attr(not(feature = "http2"), expect(dead_code, reason = "there is one"))]
pub(super) enum Source {
    Http1(Incoming),
    Http2(RequestBody),
}

/// Why a request's [`Body`] ended before it was whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The client sent nothing, or too little, while the service waited for it. It is answered 408,
    /// or cut off if the answer has begun.
    #[error("the client is too slow to send the body of its request")]
    TooSlow,
    /// The server is stopping, and waits for no body that is not whole.
    #[error("the server is stopping before the body of the request is whole")]
    Stopping,
    /// The client closed the connection before the body was whole, or what it sent is no body.
    #[error("the body of the request is broken, or ends before it is whole")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

impl Body {
    /// The body, and what is known of its transfer if there is anything to transfer.
    pub(super) fn new(incoming: Source) -> (Self, Option<Arc<Transfer>>) {
        if incoming.is_end_stream() {
            return (Self { incoming: None, transfer: None }, None);
        }
        let transfer = Arc::new(Transfer::default());
        (Self { incoming: Some(incoming), transfer: Some(Arc::clone(&transfer)) }, Some(transfer))
    }
}

impl Body {
    /// That of a request which has none.
    #[cfg_attr(not(feature = "http2"), expect(dead_code, reason = "hyper says what has none"))]
    pub(super) fn none() -> Self {
        Self { incoming: None, transfer: None }
    }
}

impl Source {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Http1(body) => {
                Pin::new(body).poll_frame(cx).map_err(|error| BodyError::Broken(error.into()))
            }
            Self::Http2(body) => {
                Pin::new(body).poll_frame(cx).map_err(|error| BodyError::Broken(error.into()))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let (Some(incoming), Some(transfer)) = (&mut this.incoming, &this.transfer) else {
            return Poll::Ready(None);
        };
        let frame = match transfer.wait(cx.waker()) {
            // Whoever waits is woken by way of the transfer, which knows from that that it waits.
            Ok(()) => {
                let waker = Waker::from(Arc::clone(transfer));
                let cx = &mut Context::from_waker(&waker);
                ready!(incoming.poll_frame(cx))
            }
            Err(error) => Some(Err(error.into())),
        };
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        let is_whole = frame.is_none() || incoming.is_end_stream();
        transfer.hear(data.map_or(0, Bytes::len), is_whole);
        if is_whole || matches!(frame, Some(Err(_))) {
            this.incoming = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Source::size_hint)
    }
}

impl From<TransferError> for BodyError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::TooSlow => Self::TooSlow,
            TransferError::Stopping => Self::Stopping,
        }
    }
}
