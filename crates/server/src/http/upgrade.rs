//! The opening handshake over HTTP: the check, and the answer just in time.
//!
//! While `on_open` thinks, the session is polled here, by hyper, as the making of a response. When
//! that response is a 101, or over HTTP/2 a 200 (RFC 8441), the session stays in the slot for the driver to
//! take over.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use aerys_proto::{
    deflate::Agreement,
    upgrade::{self, Accept, UpgradeError},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header};
use hyper::body::Body;
use tokio::time::{Sleep, sleep};

use super::{ResponseBody, access::Access, answer};
use crate::{
    app::{AcceptedId, RequestHead},
    connection::{Answer, ClientId, outbox::SocketState},
    error::{Refusal, Status},
    log::{self, PeerText},
    metrics::HandshakeOutcome,
    session::{Application, Opening},
    sync::Mutex,
    transport::ClientAddr,
};

const VERSION: HeaderValue = HeaderValue::from_static("13");

/// What each 101 begins with, up to the value that answers the key.
const SWITCHING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\
    upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ";

/// How a websocket is asked for that may be one.
pub(super) enum Asking {
    /// By an upgrade of HTTP/1.1, with what answers its key.
    Upgrade(Accept),
    /// By an extended CONNECT of HTTP/2: RFC 8441.
    Connect,
}

/// Whether a request may become a websocket.
pub(super) fn check(head: &RequestHead, body: &impl Body) -> Result<Asking, Unfit> {
    if let Some(protocol) = head.connect_protocol() {
        upgrade::check_connect(protocol, head)?;
        return Ok(Asking::Connect);
    }
    let accept = upgrade::check(head.method(), head.version(), head)?;
    if body.is_end_stream() { Ok(Asking::Upgrade(accept)) } else { Err(Unfit::HasBody) }
}

/// Why a request may not.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    #[error("A websocket handshake has no body.")]
    HasBody,
}

impl Unfit {
    /// What says so, in this version of HTTP.
    pub(super) fn answer(&self, version: Version) -> Response<ResponseBody> {
        match self {
            Self::Upgrade(error) => refused(error, version),
            Self::HasBody => answer::plain(StatusCode::BAD_REQUEST, &self.to_string()),
        }
    }
}

/// As [`check`], with the answer to what may not, of which the log tells.
pub(super) fn check_or_answer(
    head: &RequestHead,
    body: &impl Body,
    endpoint: &str,
    address: &ClientAddr,
) -> Result<Asking, Box<Response<ResponseBody>>> {
    check(head, body).map_err(|unfit| {
        let answer = unfit.answer(head.version());
        log_refused(endpoint, address, answer.status().as_u16(), || unfit.to_string());
        Box::new(answer)
    })
}

fn refused(error: &UpgradeError, version: Version) -> Response<ResponseBody> {
    let status = match error {
        UpgradeError::ConnectNeeded => StatusCode::METHOD_NOT_ALLOWED,
        // RFC 9220 §3, for what RFC 8441 leaves open.
        UpgradeError::ProtocolUnknown => StatusCode::NOT_IMPLEMENTED,
        UpgradeError::MethodNotGet { .. } => return answer::method_not_allowed(&Method::GET),
        UpgradeError::HttpTooOld { .. } => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        // RFC 9110 §15.5.22, RFC 6455 §4.4. There are no upgrades in HTTP/2 that could be required.
        UpgradeError::UpgradeMissing
        | UpgradeError::VersionMissing
        | UpgradeError::VersionUnsupported { .. }
            if version < Version::HTTP_2 =>
        {
            StatusCode::UPGRADE_REQUIRED
        }
        _ => StatusCode::BAD_REQUEST,
    };
    let mut response = answer::plain(status, &error.to_string());
    let headers = response.headers_mut();
    if status == StatusCode::UPGRADE_REQUIRED {
        headers.extend(upgrade_offer());
    }
    match error {
        UpgradeError::ConnectNeeded => {
            headers.insert(header::ALLOW, HeaderValue::from_static("CONNECT"));
        }
        UpgradeError::UpgradeMissing
        | UpgradeError::VersionMissing
        | UpgradeError::VersionUnsupported { .. } => {
            headers.insert(header::SEC_WEBSOCKET_VERSION, VERSION);
        }
        _ => {}
    }
    response
}

/// Where the session of a connection is while HTTP has the socket.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Opening>>>);

impl Slot {
    /// Puts a session in and answers for it when an answer is due.
    pub(super) fn open(&self, opening: Opening, asking: Asking, asked: Asked) -> JustInTime {
        let agreement = opening.agreement;
        self.put(opening);
        let is_answered = false;
        JustInTime { slot: self.clone(), asking, agreement, asked, deadline: None, is_answered }
    }

    /// The server stops: a peer that has had no answer gets one now, whatever `on_open` decides.
    pub(super) fn turn_away(&self) {
        if let Some(mut opening) = self.take() {
            opening.is_turned_away = true;
            opening.shared.outbox.refuse(stopping());
            self.put(opening);
        }
    }

    /// Whether a handshake is being decided, or was.
    pub(super) fn has_handshake(&self) -> bool {
        self.0.lock().is_some()
    }

    /// The session, once HTTP is done with the socket: the peer was let in, or has vanished, or
    /// was answered before `on_open` returned.
    pub(super) fn take(&self) -> Option<Opening> {
        self.0.lock().take()
    }

    fn put(&self, opening: Opening) {
        let before = self.0.lock().replace(opening);
        drop(before);
    }
}

/// Who asked to be let in, and where.
pub(super) struct Asked {
    pub(super) address: ClientAddr,
    pub(super) application: Arc<dyn Application>,
    pub(super) worker: usize,
    /// Which client has come of it, if anybody wants to know.
    pub(super) accepted: Option<AcceptedId>,
    /// What the access log is to tell.
    pub(super) access: Option<Access>,
}

impl Asked {
    /// Logs that the client has not waited for an answer.
    pub(super) fn log_gone(&self) {
        let (address, endpoint) = (&self.address, self.application.label());
        let client = self.client().map(ClientId::as_u64);
        log::event!(
            DEBUG, of endpoint, { client, %address, client_ip = address.shown_ip() },
            "a client has gone before it was answered"
        );
    }

    /// The client that has come of it, if anybody wants to know.
    pub(super) fn client(&self) -> Option<ClientId> {
        self.accepted.as_ref().and_then(|id| id.get().copied())
    }

    /// Counts what the handshake came to.
    fn count(&self, outcome: HandshakeOutcome) {
        self.application.counters(self.worker).handshake(outcome);
    }

    /// Logs what the handshake came to.
    fn log(&mut self, answer: &Answer, asking: &Asking, outcome: HandshakeOutcome) {
        let id = self.client();
        if let Some(access) = self.access.take() {
            match answer {
                Answer::Switch(headers) => access.accepted(asking.accepted(), headers, id),
                Answer::Refuse(refusal) => {
                    access.refused(refusal.status().as_status_code(), outcome);
                }
            }
        }
        let (address, endpoint) = (&self.address, self.application.label());
        match answer {
            Answer::Switch(_) => {
                let status = asking.accepted().as_u16();
                let client = id.map(ClientId::as_u64);
                log::event!(
                    DEBUG, of endpoint, { client, %address, client_ip = address.shown_ip(), status },
                    "a handshake was accepted"
                );
            }
            Answer::Refuse(refusal) => {
                let why = || refusal.reason_given().unwrap_or_default().to_owned();
                log_refused(endpoint, address, refusal.status().as_status_code().as_u16(), why);
            }
        }
    }
}

/// Logs that a handshake was refused.
fn log_refused(endpoint: &str, address: &ClientAddr, status: u16, why: impl FnOnce() -> String) {
    log::event!(
        DEBUG, of endpoint,
        { %address, client_ip = address.shown_ip(), status, why = %PeerText(why().as_bytes()) },
        "a handshake was refused"
    );
}

/// The response to a handshake, as soon as it is due and not before.
pub(super) struct JustInTime {
    slot: Slot,
    asking: Asking,
    agreement: Option<Agreement>,
    asked: Asked,
    /// Runs while `on_open` thinks. Most do not have to.
    deadline: Option<Pin<Box<Sleep>>>,
    is_answered: bool,
}

impl Future for JustInTime {
    type Output = Response<ResponseBody>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let late = this.deadline.as_mut().is_some_and(|it| it.as_mut().poll(cx).is_ready());
        let answer = this.ask(cx, late);
        if answer.is_pending() && this.deadline.is_none() {
            let deadline = this
                .deadline
                .insert(Box::pin(sleep(this.asked.application.settings().rules.open_period)));
            if deadline.as_mut().poll(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        answer.map(|answer| match answer {
            Answer::Switch(headers) => self.switching(headers),
            Answer::Refuse(refusal) => answer::refused(refusal),
        })
    }
}

impl JustInTime {
    pub(super) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The answer, if it is due already. Unless it is, the future is still to be polled.
    pub(super) fn poll_at_once(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        self.ask(cx, false)
    }

    fn ask(&mut self, cx: &mut Context<'_>, late: bool) -> Poll<Answer> {
        let (answer, is_turned_away) = ready!(self.poll_session(cx, late));
        self.is_answered = true;
        let outcome = match &answer {
            Answer::Switch(_) => HandshakeOutcome::Accepted,
            Answer::Refuse(_) if is_turned_away => HandshakeOutcome::Stopping,
            Answer::Refuse(_) if late => HandshakeOutcome::TimedOut,
            Answer::Refuse(refusal) if refusal.status() == Status::INTERNAL_SERVER_ERROR => {
                HandshakeOutcome::Failed
            }
            Answer::Refuse(_) => HandshakeOutcome::Refused,
        };
        self.asked.count(outcome);
        self.asked.log(&answer, &self.asking, outcome);
        Poll::Ready(answer)
    }

    /// The answer, and whether it is one that the server has given in the application's stead, as it stops.
    fn poll_session(&self, cx: &mut Context<'_>, late: bool) -> Poll<(Answer, bool)> {
        // Nobody else looks for it while this is polled.
        let Some(mut opening) = self.slot.take() else { return Poll::Pending };
        loop {
            let outbox = &opening.shared.outbox;
            outbox.stand_in();
            let ended = opening.session.open(&opening.shared, cx).is_ready();
            if late {
                // Who was let in is told so; who was not has waited long enough.
                outbox.switch_now();
                outbox.refuse(unavailable("The application takes too long"));
            }
            let is_turned_away = opening.is_turned_away;
            let answer = outbox.take_answer().map(|answer| (answer, is_turned_away));
            let is_resting = answer.is_none() && {
                outbox.register_waker(cx);
                outbox.rest(SocketState::Writable)
            };
            if ended {
                return answer.map_or(Poll::Pending, Poll::Ready);
            }
            if answer.is_some() || is_resting {
                self.slot.put(opening);
                return answer.map_or(Poll::Pending, Poll::Ready);
            }
        }
    }

    /// RFC 6455 §4.2.2: the 101; RFC 8441 §5: the 200. What belongs to the handshake is not the application's to set.
    fn switching(&self, headers: HeaderMap) -> Response<ResponseBody> {
        let mut response = Response::new(answer::empty());
        *response.status_mut() = self.asking.accepted();
        *response.headers_mut() = headers;
        let headers = response.headers_mut();
        for name in OURS {
            headers.remove(name);
        }
        if let Asking::Upgrade(accept) = &self.asking {
            headers.extend(upgrade_offer());
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept.header_value());
        }
        if let Some(agreement) = self.agreement {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, agreement.header_value());
        }
        response
    }

    /// The same, as it goes over the wire of HTTP/1.1.
    pub(super) fn encode_switching(&self, headers: &HeaderMap) -> Vec<u8> {
        let mut head = Vec::with_capacity(256);
        head.extend_from_slice(SWITCHING);
        if let Asking::Upgrade(accept) = &self.asking {
            head.extend_from_slice(accept.as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        let mut write = |name: &HeaderName, value: &HeaderValue| {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                head.extend_from_slice(part);
            }
        };
        if let Some(agreement) = self.agreement {
            write(&header::SEC_WEBSOCKET_EXTENSIONS, &agreement.header_value());
        }
        headers.iter().filter(|(name, _)| !OURS.contains(name)).for_each(|(n, v)| write(n, v));
        head.extend_from_slice(b"\r\n");
        head
    }
}

/// Who is not answered any more has gone.
impl Drop for JustInTime {
    fn drop(&mut self) {
        if !self.is_answered {
            self.asked.count(HandshakeOutcome::Gone);
            self.asked.log_gone();
        }
    }
}

impl Asking {
    /// The status of the answer to who is let in.
    fn accepted(&self) -> StatusCode {
        match self {
            Self::Upgrade(_) => StatusCode::SWITCHING_PROTOCOLS,
            Self::Connect => StatusCode::OK,
        }
    }
}

fn upgrade_offer() -> [(HeaderName, HeaderValue); 2] {
    [
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
    ]
}

pub(super) fn stopping() -> Refusal {
    unavailable("The server is stopping").header(header::RETRY_AFTER, 5)
}

/// Before `on_open` has returned, so that the connection cannot serve another request.
fn unavailable(reason: &str) -> Refusal {
    Refusal::new(Status::SERVICE_UNAVAILABLE, HeaderMap::new())
        .reason(reason)
        .header(header::CONNECTION, HeaderValue::from_static("close"))
}

/// The headers of a 101 that are not the application's.
const OURS: [HeaderName; 6] = [
    header::UPGRADE,
    header::CONNECTION,
    header::SEC_WEBSOCKET_ACCEPT,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];
