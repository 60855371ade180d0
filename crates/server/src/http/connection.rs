//! One connection while it speaks HTTP.

use std::{
    future::poll_fn,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    AccessLog, BodyLimits, Hosts, ListenerRoutes, Monitor, TrustedProxies,
    fast_handshake::{self, Start},
    http1, http2,
    service::Service,
    upgrade::Slot,
};
use crate::{
    admission::{AddressPlace, Admission},
    error::ServerError,
    log,
    metrics::{ListenerCounters, Protocol, Speaking},
    runtime::{Worker, clock},
    session::Opening,
    transport::{PeerInfo, Transport, Versions},
};

/// What a request and its response may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// In bytes; more is answered 431.
    pub(crate) max_head_size: usize,
    /// More is answered 431.
    pub(crate) max_headers: usize,
    /// How many requests a connection may have one after another.
    pub(crate) max_requests: u64,
    /// From the connection's start, or the last response, to the end of the next head.
    pub(crate) head_period: Duration,
    /// What is asked of whoever sends a body that is waited for.
    pub(crate) body: BodyLimits,
    /// How long a peer may acknowledge nothing of a response; `None` for any time.
    pub(crate) stall_period: Option<Duration>,
    /// How many bytes a second it has to acknowledge in each such period; 0 for any.
    pub(crate) min_response_rate: u64,
    /// For the server's whole stop. A response that is under way then gets half of it.
    pub(crate) stop_period: Duration,
}

impl Limits {
    /// Whether anybody could be served under them.
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        let periods = [("body_period", self.body.period), ("stall_period", self.stall_period)];
        match periods.into_iter().find(|(_, period)| *period == Some(Duration::ZERO)) {
            Some((option, _)) => Err(ServerError::ZeroPeriod { option }),
            None => Ok(()),
        }
    }
}

/// What is served, and under which limits: what a reload replaces.
pub(crate) struct Site {
    pub(crate) hosts: Hosts,
    pub(crate) proxies: TrustedProxies,
    pub(crate) limits: Limits,
}

/// What connections are received by.
pub(crate) struct AcceptContext {
    /// Looked at anew for each request.
    pub(crate) site: ArcSwap<Site>,
    pub(crate) admission: Admission,
    /// Whether handshakes are logged, each of them.
    pub(crate) access_log: AccessLog,
    /// What tells others how the server is.
    pub(crate) monitor: Monitor,
    /// Whether nobody new is let in any more, as the server is about to stop.
    pub(crate) is_draining: AtomicBool,
    /// Lets the request that is being answered be the last.
    pub(crate) stop: CancellationToken,
}

impl AcceptContext {
    pub(crate) fn new(site: Site, admission: Admission, monitor: Monitor) -> Self {
        Self {
            site: ArcSwap::from_pointee(site),
            admission,
            access_log: AccessLog::default(),
            monitor,
            is_draining: AtomicBool::new(false),
            stop: CancellationToken::new(),
        }
    }

    /// What holds now.
    pub(crate) fn limits(&self) -> Limits {
        self.site.load().limits
    }

    /// Whether a handshake comes too late.
    pub(super) fn is_leaving(&self) -> bool {
        self.stop.is_cancelled() || self.is_draining.load(Ordering::Relaxed)
    }

    /// Resolves when the responses that were under way when the server was told to stop have had
    /// their time.
    pub(super) async fn out_of_time(&self) {
        self.stop.cancelled().await;
        sleep(self.limits().stop_period / 2).await;
    }
}

/// What is known of a connection before anything is said on it.
#[derive(Clone)]
pub(crate) struct Entrance {
    pub(crate) peer: PeerInfo,
    /// What it takes of limits, if it is counted.
    pub(crate) place: Option<Arc<AddressPlace>>,
    /// What its listener answers itself, if that is anything.
    pub(crate) listener_routes: Option<Arc<ListenerRoutes>>,
    pub(crate) versions: Versions,
    pub(crate) worker: Arc<Worker>,
    /// What its listener counts, if it has come by one.
    pub(crate) counters: Option<Arc<ListenerCounters>>,
}

impl Entrance {
    /// The connection begins to speak a protocol, and does until what is answered is dropped.
    pub(crate) fn speak(&self, protocol: Protocol) -> Option<Speaking> {
        self.counters.as_ref().map(|counters| counters.speak(protocol))
    }
}

/// How HTTP ended.
pub(crate) enum Outcome<T> {
    /// With nothing left to do.
    Over,
    /// The transport is a websocket's from here on; `early` is what was read of it already.
    Upgraded { opening: Opening, transport: T, early: Bytes },
    /// The peer has gone while `on_open` still thinks.
    Vanished(Opening),
}

/// Serves HTTP on a transport until it is closed or becomes a websocket.
pub(crate) async fn serve<T: Transport>(
    transport: T,
    entrance: Entrance,
    context: Arc<AcceptContext>,
) -> Outcome<T> {
    let came = clock::read().instant;
    match entrance.versions {
        Versions::Http1 => {}
        // In boxes of their own, as below.
        Versions::Http2(http2) => {
            let begun = http2::Begun { transport, read: Bytes::new(), came, entrance, context };
            Box::pin(http2::serve(http2, begun)).await;
            return Outcome::Over;
        }
        Versions::AsBegun(http2) => {
            let begun = http2::Begun { transport, read: Bytes::new(), came, entrance, context };
            return Box::pin(http2::serve_as_begun(http2, begun)).await;
        }
    }
    let _speaking = entrance.speak(Protocol::Http1);
    let slot = Slot::default();
    let address = entrance.peer.client_addr();
    let service = Service::new(context, entrance, slot.clone());
    let start = tokio::select! {
        biased;
        start = poll_fn(|cx| fast_handshake::poll_start(&transport, &service, cx)) => start,
        () = service.context.stop.cancelled() => return Outcome::Over,
        () = sleep_until((came + service.context.limits().head_period).into()) => {
            Err(io::ErrorKind::TimedOut.into())
        }
    };
    let error = match start {
        Ok(Start::Nothing) => return Outcome::Over,
        Ok(Start::Plain(read, answer)) => {
            // In a box of its own: most never need the room.
            return Box::pin(http1::serve(transport, came, read, service, answer)).await;
        }
        Ok(Start::Switched { unsent, early }) => {
            let sent = if unsent.is_empty() {
                Ok(())
            } else {
                Box::pin(fast_handshake::send_rest(&transport, unsent, &service.context)).await
            };
            match sent {
                Ok(()) => {
                    let upgraded = |opening| Outcome::Upgraded { opening, transport, early };
                    return slot.take().map_or(Outcome::Over, upgraded);
                }
                Err(error) => error,
            }
        }
        Err(error) => error,
    };
    log::event!(DEBUG, { %address, client_ip = address.shown_ip(), %error }, "an HTTP connection ended early");
    slot.take().map_or(Outcome::Over, Outcome::Vanished)
}
