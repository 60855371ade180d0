//! A handshake that another server has received: hyper's, whoever runs it. It is decided on one of our
//! workers, answered there, and its connection taken over.

use std::{
    fmt::Display,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use http::{Request, Response, StatusCode};
use http_body::Body;
use hyper::upgrade::OnUpgrade;
use tokio::{sync::oneshot, time::timeout};

use super::{
    AcceptContext, Outcome, ResponseBody,
    access::Access,
    answer,
    forwarded::Claims,
    hosts::Found,
    http2,
    service::{Answering, Service, Way, misdirected},
    upgrade::{self, Asking, Slot},
};
use crate::{
    app::RequestHead,
    connection::ClientId,
    log,
    metrics::HandshakeOutcome,
    transport::{PeerAddr, PeerInfo, Upgraded},
};

/// A handshake that may be let in, and the way back to who received it.
pub(crate) struct ReceivedHandshake {
    found: Found,
    asking: Asking,
    head: RequestHead,
    claims: Claims,
    access: Option<Access>,
    on_upgrade: OnUpgrade,
    answer: oneshot::Sender<Response<ResponseBody>>,
}

/// Where the answer to a handshake comes from.
pub(crate) type Answered = oneshot::Receiver<Response<ResponseBody>>;

impl ReceivedHandshake {
    /// Takes a request in, or answers it if it is no handshake or may not be one.
    pub(crate) fn receive<B: Body>(
        context: &AcceptContext,
        request: Request<B>,
    ) -> Result<(Self, Answered), Box<Response<ResponseBody>>> {
        let address = request.extensions().get().cloned().unwrap_or(PeerAddr::Unknown);
        let (mut head, body) = request.into_parts();
        http2::mark_connect(&mut head.extensions);
        let head = head.into();
        let bad_request =
            |error: &dyn Display| answer::plain(StatusCode::BAD_REQUEST, &error.to_string());
        let peer = PeerInfo::plain(address);
        let site = context.site.load();
        let claims = match site.proxies.claims(&peer, &head) {
            Ok(claims) => claims,
            Err(error) => {
                let access = context.access_log.note_elsewhere(&head, &Claims::of(&peer));
                return Err(elsewhere(access, bad_request(&error)));
            }
        };
        let way = site.way(&head, &claims);
        if let Way::Endpoint(found) = way {
            return Self::check(context, found, head, &body, claims);
        }
        let access = context.access_log.note_elsewhere(&head, &claims);
        let no_handshake = match way {
            Way::Server => answer::options(),
            Way::Nowhere(error) => bad_request(&error),
            Way::UnknownHost => misdirected(&head, &claims),
            Way::Endpoint(_) | Way::Page(_) | Way::PageAtEndpoint(_) => answer::not_found(),
        };
        Err(elsewhere(access, no_handshake))
    }

    fn check(
        context: &AcceptContext,
        found: Found,
        head: RequestHead,
        body: &impl Body,
        claims: Claims,
    ) -> Result<(Self, Answered), Box<Response<ResponseBody>>> {
        let address = &claims.requester.address;
        let access = context.access_log.note(&head, &claims);
        let asking = match upgrade::check_or_answer(&head, body, found.0.label(), address) {
            Ok(asking) => asking,
            Err(answer) => {
                // It goes to no worker; which one counts it does not matter.
                found.0.counters(0).handshake(HandshakeOutcome::Invalid);
                return Err(refused(access, HandshakeOutcome::Invalid, answer));
            }
        };
        let mut parts = head.into_parts();
        let Some(on_upgrade) = parts.extensions.remove::<OnUpgrade>() else {
            log::event!(
                ERROR, of found.0.label(), { %address, client_ip = address.shown_ip() },
                "a handshake cannot be let in, and 500 was answered: the server around has no upgrades, \
                 or a layer has taken this one"
            );
            return Err(refused(access, HandshakeOutcome::Failed, Box::new(answer::failed())));
        };
        let (answer, answered) = oneshot::channel();
        let head = parts.into();
        Ok((Self { found, asking, head, claims, access, on_upgrade, answer }, answered))
    }

    /// Has the application decide on it, answers it, and takes the connection over if it was let in.
    pub(crate) async fn serve(
        self: Box<Self>,
        worker: usize,
        context: Arc<AcceptContext>,
    ) -> Outcome<Upgraded> {
        let Self { found, asking, head, claims, access, on_upgrade, mut answer } = *self;
        let (address, application) = (claims.requester.address.clone(), Arc::clone(&found.0));
        let slot = Slot::default();
        let stall_period = context.limits().stall_period.unwrap_or(Duration::MAX);
        let service = Service {
            context: Arc::clone(&context),
            listener_routes: None,
            peer: PeerInfo::plain(address.peer().clone()),
            place: None,
            worker,
            slot: slot.clone(),
        };
        let mut answering = service.open(found, asking, head, claims, access);
        let response = decide(&mut answering, &mut answer, &slot, &context).await;
        // Who has gone before there was an answer is told of where that was to be made.
        let Some(response) = response else {
            return slot.take().map_or(Outcome::Over, Outcome::Vanished);
        };
        let is_heard = answer.send(response).is_ok();
        let Some(opening) = slot.take() else { return Outcome::Over };
        if !is_heard {
            if let Answering::Handshake(handshake) = &answering {
                handshake.asked().log_gone();
            }
            return Outcome::Vanished(opening);
        }
        if !opening.shared.outbox.is_switched() {
            return Outcome::Vanished(opening);
        }
        let upgraded = tokio::select! {
            upgraded = timeout(stall_period, on_upgrade) => upgraded,
            () = context.out_of_time() => return Outcome::Vanished(opening),
        };
        let taken = match upgraded {
            Ok(Ok(upgraded)) => Upgraded::new(upgraded).map_err(|error| error.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the server around it takes too long".to_owned()),
        };
        match taken {
            Ok((transport, early)) => Outcome::Upgraded { opening, transport, early },
            Err(error) => {
                let client = match &answering {
                    Answering::Handshake(handshake) => handshake.asked().client(),
                    _ => None,
                };
                log::event!(
                    DEBUG, of application.label(),
                    { client = client.map(ClientId::as_u64), %address, client_ip = address.shown_ip(), %error },
                    "a connection could not be taken over"
                );
                Outcome::Vanished(opening)
            }
        }
    }
}

/// Answers a request that is no handshake of ours.
fn elsewhere(
    access: Option<Access>,
    answer: Response<ResponseBody>,
) -> Box<Response<ResponseBody>> {
    if let Some(access) = access {
        access.elsewhere(answer.status());
    }
    Box::new(answer)
}

/// Answers a handshake that no application is asked about.
fn refused(
    access: Option<Access>,
    outcome: HandshakeOutcome,
    answer: Box<Response<ResponseBody>>,
) -> Box<Response<ResponseBody>> {
    if let Some(access) = access {
        access.refused(answer.status(), outcome);
    }
    answer
}

/// The answer, or nothing once nobody waits for it.
async fn decide(
    answering: &mut Answering,
    answer: &mut oneshot::Sender<Response<ResponseBody>>,
    slot: &Slot,
    context: &AcceptContext,
) -> Option<Response<ResponseBody>> {
    let mut unwanted = pin!(answer.closed());
    let mut stopped = pin!(context.stop.cancelled());
    let mut is_stopping = false;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(response) = Pin::new(&mut *answering).poll(cx) {
                return Poll::Ready(Some(response));
            }
            if unwanted.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            if is_stopping {
                return Poll::Pending;
            }
            ready!(stopped.as_mut().poll(cx));
            is_stopping = true;
            slot.turn_away();
        }
    })
    .await
}
