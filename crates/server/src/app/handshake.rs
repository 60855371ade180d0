//! A client that asked to be let in and has not been answered.

use std::{
    borrow::Cow,
    error::Error,
    fmt,
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use aerys_proto::Fields;
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use serde::de::DeserializeOwned;

use super::{Accepted, Client, Endpoint, RequestInfo};
use crate::{
    address::visible,
    connection::{ClientId, Shared},
    error::{Failure, Misuse, QueryError, Refusal, Status},
    log::{self, Brief, Call, HandlerSpan},
    runtime::Handler,
    transport::{ClientAddr, PeerAddr},
};

/// A client that asks to be let in: its request, and the two answers to it.
///
/// Nothing is on the wire yet. [`accept`](Self::accept) and [`refuse`](Self::refuse) both consume
/// the handshake, so there is one answer and no second one:
///
/// ```compile_fail,E0382
/// # use aerys::{Accepted, Handshake, Refusal, Status};
/// # fn example(handshake: Handshake) -> Result<Accepted, Refusal> {
/// let client = handshake.accept();
/// Err(handshake.refuse(Status::FORBIDDEN)) // error: use of moved value
/// # }
/// ```
#[must_use = "the client waits for `accept` or `refuse`"]
pub struct Handshake<S = ()> {
    /// Boxed, so that futures that hold a handshake for a while stay small.
    request_info: Box<RequestInfo>,
    endpoint: Endpoint<S>,
    shared: Arc<Shared>,
    accepted: ClientCell<S>,
}

/// Holds the client, once it was let in.
pub(crate) type ClientCell<S> = Arc<OnceLock<Client<S>>>;

impl<S> Handshake<S> {
    pub(crate) fn new(
        request_info: Box<RequestInfo>,
        endpoint: Endpoint<S>,
        shared: Arc<Shared>,
    ) -> Self {
        Self { request_info, endpoint, shared, accepted: ClientCell::default() }
    }

    /// The request: method, URI with its query, headers.
    pub fn request(&self) -> &Parts {
        self.request_info.request().parts()
    }

    /// The `Origin` header: which site's page asks. `None` if there is none, which means that it
    /// is no browser, or if it is no visible ASCII.
    pub fn origin(&self) -> Option<&str> {
        visible(self.request_info.request().values_of(header::ORIGIN).next()?)
    }

    /// The part of the path that stands for `{name}` in the path the application is mounted on,
    /// percent-decoded.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.request_info.param(name)
    }

    /// What the query says, as a value of the application's own: `?room=tea&since=7`. The type is one
    /// that has a field for each name it knows, a map, or a list of pairs; to be absent a field has to be
    /// an `Option` or have a default. A request without a query has an empty one.
    ///
    /// ```
    /// use aerys::{Accepted, Handshake, Refusal};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Wanted {
    ///     room: String,
    ///     since: Option<u64>,
    /// }
    ///
    /// async fn on_open(handshake: Handshake<Wanted>) -> Result<Accepted<Wanted>, Refusal> {
    ///     let wanted: Wanted = handshake.query()?; // else 400, with what is missing
    ///     Ok(handshake.accept_with(wanted))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`QueryError`] if the query is no such value. Let out of `on_open` by `?` it is the client's fault and
    /// not the handler's: it answers 400 and says why.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, QueryError> {
        let query = self.request_info.request().uri().query().unwrap_or_default();
        serde_urlencoded::from_str(query).map_err(QueryError::new)
    }

    /// The cookie of this name, percent-decoded (RFC 6265 §4.2); of several the first, which browsers
    /// have send the one with the longest path. `None` if there is none or it is no UTF-8.
    ///
    /// The name is compared as it came, since one that is written differently is not under the protection
    /// that browsers give to the prefix `__Host-`. A value in quotes keeps them.
    ///
    /// ```
    /// # use aerys::{Handshake, Refusal, Status};
    /// # fn example(handshake: Handshake) -> Result<(), Refusal> {
    /// let Some(session) = handshake.cookie("session") else {
    ///     return Err(handshake.refuse(Status::UNAUTHORIZED));
    /// };
    /// println!("{session} is back");
    /// # Ok(())
    /// # }
    /// ```
    pub fn cookie(&self, name: &str) -> Option<Cow<'_, str>> {
        self.request_info.cookie(name)
    }

    /// The token that the client brings: from `Authorization: Bearer TOKEN` (RFC 6750 §2.1), or, since a
    /// page cannot set a header on a websocket, from the subprotocols, as what follows `bearer` there:
    ///
    /// ```js
    /// new WebSocket(url, ["bearer", token])
    /// ```
    ///
    /// Browsers hang up if none of what they offer is chosen, so `bearer` is, if nothing else is. The
    /// token itself is never chosen, and is none of the [`protocols`](Self::protocols).
    pub fn bearer(&self) -> Option<&str> {
        self.request_info.bearer()
    }

    /// The subprotocols the client offers, its favourite first (RFC 6455 §4.1).
    pub fn protocols(&self) -> impl Iterator<Item = &str> {
        self.request_info.protocols()
    }

    /// Chooses a subprotocol, in place of what
    /// [`Options::subprotocols`](crate::Options::subprotocols) has chosen. One that the client does not offer is not chosen: the client would
    /// hang up on hearing it (RFC 6455 §4.1).
    pub fn select(mut self, protocol: &str) -> Self {
        self.request_info.select(protocol);
        self
    }

    /// The address the connection comes from: behind a proxy, the proxy's.
    pub fn peer_addr(&self) -> PeerAddr {
        self.request_info.address().peer().clone()
    }

    /// The client's IP address: the connection's, or what one of the server's
    /// [trusted proxies](crate::Server::trusted_proxies) has said. `None` if it is not known, as by a
    /// Unix socket.
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.request_info.address().ip()
    }

    /// Whether the client speaks TLS, so that nobody on its way can read or change what is said: with this
    /// server, or with a trusted proxy that has said so ([`Forwarded::scheme`](crate::Forwarded::scheme),
    /// [`Listener::proxy_protocol`](crate::Listener::proxy_protocol)).
    pub fn is_secure(&self) -> bool {
        self.request_info.is_secure()
    }

    /// What was agreed upon, if the connection is within TLS: with whose certificate above all.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> Option<&crate::transport::TlsInfo> {
        self.request_info.tls()
    }

    /// The endpoint that the client wants to join.
    pub fn endpoint(&self) -> &Endpoint<S> {
        &self.endpoint
    }

    /// The number that the client will have once it is accepted, for who speaks of it before: to another process, say.
    /// One that is refused takes it along, and it is nobody's.
    pub fn id(&mut self) -> ClientId {
        let Self { request_info, endpoint, .. } = self;
        let worker = request_info.worker();
        request_info.id_or(|| endpoint.roster().next_id(worker))
    }

    /// Adds a header to the answer, whichever it will be; one that is there under the same name
    /// stays. Headers that belong to the handshake itself are the server's.
    ///
    /// The name and the value are texts, or the types of the [`http`] crate:
    ///
    /// ```
    /// # use aerys::{Accepted, Handshake, Refusal};
    /// use aerys::http::header::SET_COOKIE;
    ///
    /// # async fn on_open(handshake: Handshake) -> Result<Accepted, Refusal> {
    /// let handshake = handshake.header(SET_COOKIE, "seen=1; Secure; HttpOnly");
    /// Ok(handshake.header("x-seat", 7).accept())
    /// # }
    /// ```
    ///
    /// What cannot be a header, such as a value with a line break in it, is the handler's fault: whether it
    /// accepts or refuses, the client is not let in and is answered 500, and the log says what was given.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: Error + Send + Sync + 'static>,
        V: TryInto<HeaderValue, Error: Error + Send + Sync + 'static>,
    {
        self.request_info.add(Misuse::check_header("Handshake::header", name, value));
        self
    }

    /// Lets the client in. It is a member of the endpoint from now on; the 101 leaves with the
    /// first thing said to it, or when `on_open` returns, whichever comes first.
    ///
    /// [`on_close`](crate::Websocket::on_close) comes for it, at the next `.await` at the soonest. Only one
    /// that is accepted after [`open_period`](crate::Options::open_period), when its peer has been answered
    /// 503, was never let in: it is no member of the endpoint, and no `on_close` follows.
    ///
    /// What it gives is the client, and what `on_open` has to return.
    pub fn accept_with(self, state: S) -> Accepted<S> {
        let Self { mut request_info, endpoint, shared, accepted } = self;
        if let Some(misuse) = request_info.take_misuse() {
            let failure = Brief(Failure::from(misuse));
            let address = request_info.address();
            log::event!(
                ERROR, of endpoint.roster().counters(0).label(),
                { %address, client_ip = address.shown_ip(), %failure },
                "on_open accepted with what cannot be answered; the peer is answered 500"
            );
            shared.outbox.refuse(Refusal::new(Status::INTERNAL_SERVER_ERROR, HeaderMap::new()));
            shared.outbox.wake_driver();
        }
        let (address, worker) = (request_info.address().clone(), request_info.worker());
        let roster = Arc::clone(endpoint.roster());
        let id = request_info.id_or(|| roster.next_id(worker));
        request_info.record_client(id);
        let headers = request_info.into_accepting();
        let client = Client::new(id, state, address, endpoint, Arc::clone(&shared));
        let note = || {
            shared.meter.connected();
            let _ = accepted.set(client.clone());
        };
        if !roster.join(id, client.clone(), || shared.outbox.accept(headers, note)) {
            // `on_open` returned without it: the peer has been refused in the meantime.
            shared.gone();
            shared.outbox.departed();
            return Accepted::new(client);
        }
        if roster.is_stopping() {
            client.close().code(aerys_proto::CloseCode::AWAY).nowait();
        }
        shared.outbox.wake_driver();
        Accepted::new(client)
    }

    /// Does not let the client in. Headers set before go with the answer.
    ///
    /// A [`Status`] can only refuse. A number or an [`http::StatusCode`] that does not is the handler's
    /// fault: it is answered 500, and the log says what was given.
    ///
    /// ```
    /// use aerys::{Accepted, Handshake, Refusal, Status, Websocket};
    ///
    /// struct Members;
    ///
    /// impl Websocket for Members {
    ///     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
    ///         if !handshake.request().headers.contains_key("authorization") {
    ///             return Err(handshake.refuse(Status::UNAUTHORIZED).reason("Who are you?"));
    ///         }
    ///         Ok(handshake.accept())
    ///     }
    /// }
    /// ```
    pub fn refuse<T>(mut self, status: T) -> Refusal
    where
        T: TryInto<Status, Error: Error + Send + Sync + 'static>,
    {
        if let Some(misuse) = self.request_info.take_misuse() {
            return misuse.into();
        }
        match Misuse::check_status(status) {
            Ok(status) => Refusal::new(status, self.request_info.into_refusing()),
            Err(misuse) => misuse.into(),
        }
    }

    /// The span of the `on_open` that is to decide.
    pub(crate) fn open_span(&mut self) -> HandlerSpan {
        let span = HandlerSpan::new(|| Call {
            path: self.endpoint.roster().path(),
            handler: Handler::OnOpen.name(),
            client: None,
            address: Some(self.request_info.address()),
        });
        self.request_info.set_span(span.clone());
        span
    }

    /// Where it comes from, for the log.
    pub(crate) fn address(&self) -> &ClientAddr {
        self.request_info.address()
    }

    pub(crate) fn accepted(&self) -> ClientCell<S> {
        Arc::clone(&self.accepted)
    }
}

impl Handshake {
    /// Lets the client in; see [`accept_with`](Self::accept_with).
    pub fn accept(self) -> Accepted {
        self.accept_with(())
    }
}

impl<S> fmt::Debug for Handshake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("uri", self.request_info.request().uri())
            .field("peer_addr", &self.peer_addr())
            .finish_non_exhaustive()
    }
}
