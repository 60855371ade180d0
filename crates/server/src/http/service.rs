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
    AcceptContext, Body, Entrance, ListenerRoutes, ResponseBody, Site,
    access::Access,
    answer,
    body::Source,
    exchange::{Exchange, ResponseFuture, TrackedBody},
    forwarded::Claims,
    hosts::{Found, HostRoutes},
    upgrade::{self, Asked, Asking, JustInTime, Slot},
};
use crate::{
    address::{Target, TargetError, requested},
    admission::AddressPlace,
    app::{AcceptedId, RequestHead, RequestInfo},
    log::{self, PeerText},
    metrics::HandshakeOutcome,
    options::HandshakeRules,
    runtime::{EndpointSlot, Handler, Worker},
    session::{Application, BoxFuture},
    sync::{Mutex, Rank},
    transport::{ClientIp, PeerInfo, Requester},
};

/// What answers the requests of one connection.
pub(super) struct Service {
    pub(super) context: Arc<AcceptContext>,
    /// What its listener answers itself, if there is something.
    pub(super) listener_routes: Option<Arc<ListenerRoutes>>,
    pub(super) peer: PeerInfo,
    /// What the connection takes of limits, if it is counted.
    pub(super) place: Option<Arc<AddressPlace>>,
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
    /// What answers the requests of a connection, or of one of its streams.
    pub(super) fn new(context: Arc<AcceptContext>, entrance: Entrance, slot: Slot) -> Self {
        let Entrance { peer, place, listener_routes, worker, .. } = entrance;
        Self { context, listener_routes, peer, place, worker: worker.index(), slot }
    }

    pub(super) fn answer(&self, head: RequestHead, body: Body) -> Answering {
        let site = self.context.site.load();
        if let Some(answer) = self.listener_answer(&head, &site) {
            return answer;
        }
        let claims = match site.proxies.claims(&self.peer, &head) {
            Ok(claims) => claims,
            Err(error) => {
                let access = self.access_elsewhere(&head);
                let answer = answer::plain(StatusCode::BAD_REQUEST, &error.to_string());
                return Access::follow(access, ready(answer));
            }
        };
        let way = site.way(&head, &claims);
        let access = match way {
            // It has a line of its own.
            Way::Endpoint(_) => None,
            _ => self.context.access_log.note_elsewhere(&head, &claims),
        };
        let answering = match way {
            Way::Endpoint(found) => self.handshake(found, head, claims, &body),
            Way::Page(routes) => page(routes, head, body, claims, None),
            Way::PageAtEndpoint(routes) => {
                let refused = upgrade::check(&head, &body).err();
                let refused = refused.map(|unfit| Box::new(unfit.answer(head.version())));
                page(routes, head, body, claims, refused)
            }
            Way::Server => ready(answer::options()),
            Way::UnknownHost => ready(misdirected(&head, &claims)),
            Way::Nowhere(error) => {
                ready(answer::plain(StatusCode::BAD_REQUEST, &error.to_string()))
            }
        };
        Access::follow(access, answering)
    }

    /// What its listener answers, before any host is asked.
    pub(super) fn listener_answer(&self, head: &RequestHead, site: &Site) -> Option<Answering> {
        let answer = self.listener_routes.as_ref()?.answer(head, &self.context, site)?;
        Some(Access::follow(self.access_elsewhere(head), answer))
    }

    /// What the access log is to tell of a handshake for which it does not matter what proxies say.
    fn access_elsewhere(&self, head: &RequestHead) -> Option<Access> {
        let log = &self.context.access_log;
        if log.is_on() { log.note_elsewhere(head, &Claims::of(&self.peer)) } else { None }
    }

    /// Answers a request for an endpoint, which should be one for a websocket.
    pub(super) fn handshake(
        &self,
        found: Found,
        head: RequestHead,
        claims: Claims,
        body: &impl http_body::Body,
    ) -> Answering {
        let access = self.context.access_log.note(&head, &claims);
        match upgrade::check_or_answer(&head, body, found.0.label(), &claims.requester.address) {
            Ok(asking) => self.open(found, asking, head, claims, access),
            Err(answer) => self.refuse(&*found.0, HandshakeOutcome::Invalid, access, *answer),
        }
    }

    /// Has an application decide on a handshake, if it may come to that.
    pub(super) fn open(
        &self,
        found: Found,
        asking: Asking,
        head: RequestHead,
        claims: Claims,
        access: Option<Access>,
    ) -> Answering {
        let (application, params) = found;
        let Claims { requester, host } = claims;
        if self.context.is_leaving() {
            let answer = answer::refused(upgrade::stopping());
            return self.refuse(&*application, HandshakeOutcome::Stopping, access, answer);
        }
        let settings = application.settings();
        let HandshakeRules { allowed_origins, subprotocols, .. } = &settings.rules;
        let places = match self.admit(&*application, &requester) {
            Ok(places) => places,
            Err(refusal) => {
                let answer = answer::refused(refusal);
                return self.refuse(&*application, HandshakeOutcome::Limited, access, answer);
            }
        };
        let asks = || host.clone().or_else(|| requested(head.uri(), &head));
        if let Err(origin) = allowed_origins.check(&head, asks, requester.is_secure) {
            let (origin, host, address) = (PeerText(origin), asked_host(&head), &requester.address);
            log::event!(
                WARN, of application.label(),
                { %address, client_ip = address.shown_ip(), %origin, %host },
                "a page of another origin was refused; Options::allowed_origins can let it in"
            );
            let sentence = "Pages of this origin may not connect.";
            let answer = answer::plain(StatusCode::FORBIDDEN, sentence);
            return self.refuse(&*application, HandshakeOutcome::ForeignOrigin, access, answer);
        }
        let wants_id = access.is_some() || log::is_detailed();
        let asked = Asked {
            address: requester.address.clone(),
            application: Arc::clone(&application),
            worker: self.worker,
            accepted: wants_id.then(AcceptedId::default),
            access,
        };
        let mut request_info = RequestInfo::new(head, params, requester, self.worker, subprotocols);
        request_info.tell_accepted(asked.accepted.clone());
        let mut opening = application.open(request_info);
        opening.places = places.boxed();
        Answering::Handshake(self.slot.open(opening, asking, asked))
    }

    /// Answers a handshake that no application is asked about.
    fn refuse(
        &self,
        application: &dyn Application,
        outcome: HandshakeOutcome,
        access: Option<Access>,
        answer: Response<ResponseBody>,
    ) -> Answering {
        application.counters(self.worker).handshake(outcome);
        if let Some(access) = access {
            access.refused(answer.status(), outcome);
        }
        ready(answer)
    }
}

impl Site {
    /// Where a request goes.
    pub(super) fn way(&self, head: &RequestHead, claims: &Claims) -> Way<'_> {
        let host = match Target::of(head.method(), head.uri(), head.version(), head) {
            Ok(Target::Resource(host)) => host,
            Ok(Target::Server) => return Way::Server,
            Err(error) => return Way::Nowhere(error),
        };
        let Some(routes) = self.hosts.host(claims.host.as_ref().or(host.as_ref())) else {
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

/// Answers a request with a redirect, a file or what the HTTP service says.
fn page(
    routes: &Arc<HostRoutes>,
    head: RequestHead,
    body: Body,
    claims: Claims,
    refused: Option<Box<Response<ResponseBody>>>,
) -> Answering {
    if let Some(redirect) = routes.redirects.answer(&head) {
        return ready(redirect);
    }
    let mut request = Request::from_parts(head.into_parts(), body);
    if routes.host_service.is_some() {
        let Requester { address, tls, .. } = claims.requester;
        let extensions = request.extensions_mut();
        if let Some(ip) = address.ip() {
            extensions.insert(ClientIp(ip));
        }
        extensions.insert(address.peer().clone());
        #[cfg(feature = "tls")]
        if let Some(tls) = tls {
            extensions.insert(tls);
        }
        #[cfg(not(feature = "tls"))]
        drop(tls);
    }
    Answering::Page(Box::pin(answer_page(Arc::clone(routes), request, refused)))
}

/// A file, or the HTTP service's answer, or what `refused` says where there is an endpoint at least,
/// or 404.
async fn answer_page(
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

/// The answer to a request for a host that is not served, of which the log tells.
pub(super) fn misdirected(head: &RequestHead, claims: &Claims) -> Response<ResponseBody> {
    let (address, host) = (&claims.requester.address, asked_host(head));
    log::event!(
        WARN, { %address, client_ip = address.shown_ip(), %host },
        "a host that is not served was asked for: Host::alias (the binary's --host) can add the name"
    );
    answer::misdirected()
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
