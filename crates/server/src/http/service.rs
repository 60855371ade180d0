//! A request's way to a route: host, then websocket endpoint, file, HTTP service, 404.

use std::{
    convert::Infallible,
    future::{self, Ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use aerys_proto::{Fields, upgrade::is_meant};
use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;

use super::{
    AcceptContext, Body, ResponseBody, answer,
    body::Source,
    exchange::{Exchange, ResponseFuture, TrackedBody},
    hosts::{Found, HostRoutes},
    upgrade::{self, Asked, Asking, JustInTime, Slot},
};
use crate::{
    address::{Target, TargetError},
    app::{RequestHead, RequestInfo},
    log::{self, PeerText},
    options::HandshakeRules,
    runtime::{EndpointSlot, Handler, Worker},
    session::BoxFuture,
    sync::{Mutex, Rank},
    transport::PeerInfo,
};

/// What answers the requests of one connection.
pub(super) struct Service {
    pub(super) context: Arc<AcceptContext>,
    pub(super) peer: PeerInfo,
    pub(super) worker: usize,
    pub(super) slot: Slot,
}

/// The same, as hyper has it.
pub(super) struct HyperService {
    service: Service,
    exchange: Arc<Exchange>,
    /// The answer to the first request, if there is one before hyper has read it.
    prepared: Mutex<Option<Box<Answering>>>,
}

impl HyperService {
    pub(super) fn new(
        service: Service,
        exchange: Arc<Exchange>,
        prepared: Option<Box<Answering>>,
    ) -> Self {
        Self { service, exchange, prepared: Mutex::new(Rank::Leaf, prepared) }
    }
}

impl hyper::service::Service<Request<Incoming>> for HyperService {
    type Response = Response<TrackedBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn call(&self, request: Request<Incoming>) -> ResponseFuture {
        let prepared = self.prepared.lock().take();
        if let Some(prepared) = prepared {
            return self.exchange.begin(*prepared, None);
        }
        let (head, incoming) = request.into_parts();
        let (body, transfer) = Body::new(Source::Http1(incoming));
        let answering = self.service.answer(head.into(), body);
        self.exchange.begin(answering, transfer)
    }
}

impl Service {
    pub(super) fn answer(&self, head: RequestHead, body: Body) -> Answering {
        match self.context.way(&head) {
            Way::Endpoint(found) => self.handshake(found, head, &body),
            Way::Page(routes) => self.page(routes, head, body, None),
            Way::PageAtEndpoint(routes) => {
                let refused = upgrade::check(&head, &body).err();
                let refused = refused.map(|unfit| Box::new(unfit.answer(head.version())));
                self.page(routes, head, body, refused)
            }
            Way::Server => ready(answer::options()),
            Way::UnknownHost => {
                let host = asked_host(&head);
                log::event!(WARN, { address = %self.peer.address, %host }, "no such host is served");
                ready(answer::not_found())
            }
            Way::Nowhere(error) => {
                ready(answer::plain(StatusCode::BAD_REQUEST, &error.to_string()))
            }
        }
    }

    fn page(
        &self,
        routes: &Arc<HostRoutes>,
        head: RequestHead,
        body: Body,
        refused: Option<Box<Response<ResponseBody>>>,
    ) -> Answering {
        let mut request = Request::from_parts(head.into_parts(), body);
        if routes.host_service.is_some() {
            request.extensions_mut().insert(self.peer.address.clone());
            #[cfg(feature = "tls")]
            if let Some(tls) = &self.peer.tls {
                request.extensions_mut().insert(Arc::clone(tls));
            }
        }
        Answering::Page(Box::pin(page(Arc::clone(routes), request, refused)))
    }

    /// Answers a request for an endpoint, which should be one for a websocket.
    pub(super) fn handshake(
        &self,
        found: Found,
        head: RequestHead,
        body: &impl http_body::Body,
    ) -> Answering {
        match upgrade::check_or_answer(&head, body, found.0.path(), &self.peer.address) {
            Ok(asking) => self.open(found, asking, head),
            Err(answer) => ready(*answer),
        }
    }

    /// Has an application decide on a handshake, if it may come to that.
    pub(super) fn open(&self, found: Found, asking: Asking, head: RequestHead) -> Answering {
        let (application, params) = found;
        if self.context.stop.is_cancelled() {
            return ready(answer::refused(upgrade::stopping()));
        }
        let HandshakeRules { allowed_origins, subprotocols, .. } = application.rules();
        if let Err(origin) = allowed_origins.check(head.uri(), &head) {
            let (origin, host) = (PeerText(origin), asked_host(&head));
            log::event!(
                WARN, at application.path(), { %origin, %host },
                "a page of another origin was refused; Options::allowed_origins can let it in"
            );
            let sentence = "Pages of this origin may not connect.";
            return ready(answer::plain(StatusCode::FORBIDDEN, sentence));
        }
        let asked =
            Asked { address: self.peer.address.clone(), application: Arc::clone(&application) };
        let request_info =
            RequestInfo::new(head, params, self.peer.clone(), self.worker, subprotocols);
        let opening = application.open(request_info);
        Answering::Handshake(self.slot.open(opening, asking, asked))
    }
}

impl AcceptContext {
    /// Where a request goes.
    pub(super) fn way(&self, head: &RequestHead) -> Way<'_> {
        let host = match Target::of(head.method(), head.uri(), head.version(), head) {
            Ok(Target::Resource(host)) => host,
            Ok(Target::Server) => return Way::Server,
            Err(error) => return Way::Nowhere(error),
        };
        let Some(routes) = self.hosts.host(host.as_ref()) else {
            return Way::UnknownHost;
        };
        let Some(found) = routes.endpoint(head.uri().path()) else {
            return Way::Page(routes);
        };
        if routes.has_pages() && head.connect_protocol().is_none() && !is_meant(head) {
            return Way::PageAtEndpoint(routes);
        }
        Way::Endpoint(found)
    }
}

/// Where a request goes.
pub(super) enum Way<'s> {
    Endpoint(Found),
    Page(&'s Arc<HostRoutes>),
    /// To a page at the path of an endpoint, as it is not for a websocket.
    PageAtEndpoint(&'s Arc<HostRoutes>),
    /// To none of its hosts in particular: RFC 9110 §9.3.7.
    Server,
    /// To a host that is not here.
    UnknownHost,
    Nowhere(TargetError),
}

/// An answer on its way.
pub(super) enum Answering {
    Own(Ready<Response<ResponseBody>>),
    Handshake(JustInTime),
    Page(BoxFuture<'static, Response<ResponseBody>>),
}

impl Future for Answering {
    type Output = Response<ResponseBody>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Own(answer) => Pin::new(answer).poll(cx),
            Self::Handshake(answer) => Pin::new(answer).poll(cx),
            Self::Page(answer) => {
                Worker::enter_handler(EndpointSlot::NONE, Handler::Service);
                let answer = answer.as_mut().poll(cx);
                Worker::leave_handler();
                answer
            }
        }
    }
}

/// A file, or the HTTP service's answer, or what `refused` says where there is an endpoint at least,
/// or 404.
async fn page(
    routes: Arc<HostRoutes>,
    request: Request<Body>,
    refused: Option<Box<Response<ResponseBody>>>,
) -> Response<ResponseBody> {
    match (&routes.files, &routes.host_service, refused) {
        (Some(files), host_service, refused) => {
            files.answer(request, host_service.as_ref(), refused).await
        }
        (None, Some(host_service), _) => host_service(request).await,
        (None, None, Some(refused)) => *refused,
        (None, None, None) => answer::not_found(),
    }
}

/// The host that a request is for, as it says itself.
fn asked_host(head: &RequestHead) -> PeerText<'_> {
    let header = head.values_of(header::HOST).next();
    let authority = head.uri().authority().map(|it| it.as_str().as_bytes());
    PeerText(authority.or(header).unwrap_or_default())
}

pub(super) fn ready(response: Response<ResponseBody>) -> Answering {
    Answering::Own(future::ready(response))
}
