//! The access log, if it is asked for: a line for each websocket handshake, when it is answered or given up.
//!
//! Nearly all of a line is the client's own words. So each text in it is cut short and has nothing in it that could
//! end the line or hide a part of it. Lines are not rationed, since a log with holes is none. Switched off, it costs a
//! look at a flag.

use std::{
    fmt::Write,
    future::ready,
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use aerys_proto::{Fields, upgrade::is_meant};
use http::{HeaderMap, StatusCode, Version, header};
use tracing::{Level, field::display};

use super::{forwarded::Claims, service::Answering};
use crate::{
    address::{Authority, requested},
    app::RequestHead,
    connection::ClientId,
    log::{self, plain_text},
    metrics::HandshakeOutcome,
    transport::{PeerAddr, Requester},
};

/// What a line says of a handshake that is none of an endpoint's.
const ELSEWHERE: &str = "elsewhere";

/// Whether it is wanted, which a reload may change.
#[derive(Default)]
pub(crate) struct AccessLog(AtomicBool);

/// A handshake that is to have its line, dropped or not.
pub(super) struct Access(Box<Entry>);

struct Entry {
    began: Instant,
    client_ip: Option<IpAddr>,
    /// Where the connection comes from, if that is not the client.
    peer: Option<PeerAddr>,
    host: Option<String>,
    path: String,
    version: Version,
    origin: Option<String>,
    user_agent: Option<String>,
    is_told: bool,
}

impl AccessLog {
    pub(crate) fn switch(&self, is_on: bool) {
        self.0.store(is_on, Ordering::Relaxed);
    }

    /// Whether any line is wanted.
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Notes a handshake at an endpoint.
    #[inline]
    pub(super) fn note(&self, head: &RequestHead, claims: &Claims) -> Option<Access> {
        if self.is_on() { Access::begin(head, claims) } else { None }
    }

    /// Notes a request that is for no endpoint, if it asks for a websocket all the same.
    pub(super) fn note_elsewhere(&self, head: &RequestHead, claims: &Claims) -> Option<Access> {
        let asks = || match head.connect_protocol() {
            Some(protocol) => protocol.eq_ignore_ascii_case("websocket"),
            None => is_meant(head),
        };
        if self.is_on() && asks() { Access::begin(head, claims) } else { None }
    }
}

impl Access {
    /// `None` if nobody listens.
    #[cold]
    fn begin(head: &RequestHead, claims: &Claims) -> Option<Self> {
        let is_heard = || tracing::enabled!(target: "aerys::access", Level::INFO);
        if !log::guarded(is_heard).unwrap_or(false) {
            return None;
        }
        let Claims { requester: Requester { address, .. }, host } = claims;
        let asked = host.clone().or_else(|| requested(head.uri(), head));
        let value = |name| head.values_of(name).next().map(plain_text);
        let client_ip = address.ip();
        let peer = address.peer();
        let is_peer = client_ip.is_some() && peer.ip().map(|ip| ip.to_canonical()) == client_ip;
        Some(Self(Box::new(Entry {
            began: Instant::now(),
            client_ip,
            peer: (!is_peer).then(|| peer.clone()),
            host: asked.map(|host| shown(&host)).or_else(|| value(header::HOST)),
            path: plain_text(head.uri().path().as_bytes()),
            version: head.version(),
            origin: value(header::ORIGIN),
            user_agent: value(header::USER_AGENT),
            is_told: false,
        })))
    }

    /// The client is let in, and this is what it is answered with.
    pub(super) fn accepted(
        mut self,
        status: StatusCode,
        headers: &HeaderMap,
        id: Option<ClientId>,
    ) {
        let subprotocol = headers.get(header::SEC_WEBSOCKET_PROTOCOL);
        let subprotocol = subprotocol.map(|it| plain_text(it.as_bytes()));
        let outcome = HandshakeOutcome::Accepted.name();
        self.0.tell(Some(status), outcome, subprotocol.as_deref(), id);
    }

    pub(super) fn refused(mut self, status: StatusCode, outcome: HandshakeOutcome) {
        self.0.tell(Some(status), outcome.name(), None, None);
    }

    /// Something else than an endpoint has answered.
    pub(super) fn elsewhere(mut self, status: StatusCode) {
        self.0.tell(Some(status), ELSEWHERE, None, None);
    }

    /// Something else answers, and that is told when it has.
    pub(super) fn follow(access: Option<Self>, answering: Answering) -> Answering {
        let Some(mut access) = access else { return answering };
        match answering {
            Answering::Own(answer) => {
                let response = answer.into_inner();
                access.elsewhere(response.status());
                Answering::Own(ready(response))
            }
            Answering::Page(page) => Answering::Page(Box::pin(async move {
                let response = page.await;
                access.elsewhere(response.status());
                response
            })),
            // It tells by itself.
            handshake @ Answering::Handshake(_) => {
                access.0.is_told = true;
                handshake
            }
        }
    }
}

impl Entry {
    fn tell(
        &mut self,
        status: Option<StatusCode>,
        outcome: &'static str,
        subprotocol: Option<&str>,
        id: Option<ClientId>,
    ) {
        self.is_told = true;
        let Self { client_ip, peer, host, path, version, origin, user_agent, .. } = self;
        let (client_ip, peer) = (client_ip.map(display), peer.as_ref().map(display));
        let took = self.began.elapsed();
        let http = match *version {
            Version::HTTP_2 => "2",
            Version::HTTP_11 => "1.1",
            Version::HTTP_10 => "1.0",
            _ => "other",
        };
        log::guarded(|| {
            tracing::info!(
                target: "aerys::access",
                client_ip,
                peer,
                host = host.as_deref(),
                path = path.as_str(),
                http,
                status = status.map(|it| it.as_u16()),
                outcome,
                client = id.map(ClientId::as_u64),
                subprotocol,
                origin = origin.as_deref(),
                user_agent = user_agent.as_deref(),
                ?took,
                "handshake"
            );
        });
    }
}

/// One that is not told by then has not been answered.
impl Drop for Access {
    fn drop(&mut self) {
        if !self.0.is_told {
            self.0.tell(None, HandshakeOutcome::Gone.name(), None, None);
        }
    }
}

fn shown(host: &Authority<'_>) -> String {
    let mut shown = plain_text(host.host.as_bytes());
    if let Some(port) = host.port {
        write!(shown, ":{port}").expect("a string takes it");
    }
    shown
}
