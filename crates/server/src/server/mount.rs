//! The endpoints within another server, such as axum's: a tower service of theirs.

use std::{
    convert::Infallible,
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower_service::Service;

use super::{
    Running,
    accept_queue::{AcceptQueues, Arrival},
};
use crate::{
    admission::LimitsHit,
    app::Endpoint,
    error::EndpointError,
    http_server::{Answered, ReceivedHandshake, ResponseBody, stopping},
    metrics::Metrics,
};

/// Endpoints within a server of another kind: a program that has axum, or any hyper server.
///
/// Its [`service`](Self::service) is put on a route, or where all that is not routed goes. It answers a
/// websocket handshake just in time, as a server of its own does: `on_open` decides before there is an answer. Then
/// it takes the connection over, onto threads of its own: a TCP or Unix socket as it is, and a stream of any other
/// kind, such as TLS, as the server around hands it over.
///
/// ```no_run
/// use std::error::Error;
/// use aerys::{Accepted, Client, Failure, Handshake, Host, Message, Refusal, Server, Websocket};
/// use axum::{Router, routing::get};
/// use tokio::{net::TcpListener, signal::ctrl_c};
///
/// struct Echo;
///
/// impl Websocket for Echo {
///     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
///         Ok(handshake.accept())
///     }
///
///     async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
///         Ok(client.send(message).await?)
///     }
/// }
///
/// #[tokio::main]
/// async fn main() -> Result<(), Box<dyn Error>> {
///     let mount = Server::new().host(Host::new("mysite.com").websocket("/echo", Echo)).mount().await?;
///     let router = Router::new()
///         .route("/", get(async || "a page"))
///         .route_service("/echo", mount.service());
///     let listener = TcpListener::bind("127.0.0.1:1337").await?;
///     axum::serve(listener, router).with_graceful_shutdown(async { drop(ctrl_c().await) }).await?;
///     mount.stop().await;
///     Ok(())
/// }
/// ```
///
/// What the layers around it have put into a request's extensions, an application finds in
/// [`Handshake::request`](crate::Handshake::request). A [`PeerAddr`](crate::PeerAddr) among them is where the
/// client is said to come from, and else nobody knows. A path is matched as the service sees it: without
/// what a router that it is nested in has taken off. Parameters are written as in axum 0.8, and
/// [`Handshake::param`](crate::Handshake::param) knows them.
///
/// A client whose stream is of another kind is driven through that: a send is `Ok` when the stream has taken it, and
/// what the peer has acknowledged is not known, so that one that reads slowly may be taken for a silent
/// one. So it is on connections of HTTP/2, where there are websockets by extended CONNECT (RFC 8441) with the feature
/// `http2`, if the server around takes such requests, as axum does.
#[must_use = "put its `service` on a route, and `stop` it when the server around it has ended"]
#[derive(Debug)]
pub struct Mount {
    pub(super) running: Running,
    service: MountService,
}

/// The tower service of a [`Mount`], for requests with a body of any type. Cheap to clone.
///
/// It is always ready. What is no websocket handshake, or at no endpoint, is answered as a server of its own
/// would: 426, 404.
#[derive(Clone)]
pub struct MountService {
    accept_queues: Arc<AcceptQueues>,
}

/// The making of a response, by a [`MountService`]. Dropped, it is to the application as if the client had
/// gone.
pub struct MountFuture(Answer);

/// The body of a response of a [`MountService`]: a sentence, or nothing.
pub struct MountBody(ResponseBody);

enum Answer {
    Known(Option<Box<Response<ResponseBody>>>),
    Awaited(Answered),
}

impl Mount {
    pub(super) fn new(running: Running) -> Self {
        let accept_queues = Arc::clone(&running.accept_queues);
        Self { running, service: MountService { accept_queues } }
    }

    /// What answers the requests for its endpoints.
    pub fn service(&self) -> MountService {
        self.service.clone()
    }

    /// The endpoint on a path: see [`Running::endpoint`].
    ///
    /// # Errors
    ///
    /// As [`Running::endpoint`].
    pub fn endpoint<S: Send + Sync + 'static>(
        &self,
        path: &str,
    ) -> Result<Endpoint<S>, EndpointError> {
        self.running.endpoint(path)
    }

    /// How often each limit was reached: see [`Running::limits_hit`].
    pub fn limits_hit(&self) -> LimitsHit {
        self.running.limits_hit()
    }

    /// What it counts: see [`Running::metrics`].
    pub fn metrics(&self) -> Metrics {
        self.running.metrics()
    }

    /// Refuses whoever still comes, with 503, and stops as [`Running::stop`] does: every client is closed with
    /// 1001. The connections that were taken over are none of the server's around it, which therefore does not
    /// wait for them.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

impl<B: Body> Service<Request<B>> for MountService {
    type Response = Response<MountBody>;
    type Error = Infallible;
    type Future = MountFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> MountFuture {
        MountFuture(match ReceivedHandshake::receive(self.accept_queues.context(), request) {
            Ok((handshake, answered)) => {
                self.accept_queues.place(Arrival::Handshake(Box::new(handshake)));
                Answer::Awaited(answered)
            }
            Err(response) => Answer::Known(Some(response)),
        })
    }
}

impl Future for MountFuture {
    type Output = Result<Response<MountBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match &mut self.0 {
            Answer::Known(response) => *response.take().expect("it is not polled once it is ready"),
            // Its worker has ended.
            Answer::Awaited(answered) => {
                ready!(Pin::new(answered).poll(cx)).unwrap_or_else(|_| stopping())
            }
        };
        Poll::Ready(Ok(response.map(MountBody)))
    }
}

impl Body for MountBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for MountService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MountService").finish_non_exhaustive()
    }
}

impl fmt::Debug for MountFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MountFuture").finish_non_exhaustive()
    }
}

impl fmt::Debug for MountBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MountBody").finish_non_exhaustive()
    }
}
