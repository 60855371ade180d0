//! One connection, from its first byte to its last: HTTP first, and then perhaps a websocket.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::time::timeout;

use crate::{
    driver::Driver,
    http_server::{self, AcceptContext, Entrance, Outcome, ReceivedHandshake},
    log,
    metrics::{Protocol, Speaking},
    session::BoxFuture,
    transport::{
        PeerAddr, Proxied, TcpStream, TlsAcceptor, TlsStream, Transport, Upgraded, proxy_protocol,
    },
};

/// A connection while it speaks HTTP; what drives it from then on, if it became a websocket.
pub(crate) async fn serve_http<T: Transport>(
    transport: T,
    mut entrance: Entrance,
    context: Arc<AcceptContext>,
) -> Option<Upgrade<T>> {
    entrance.place = context.admit(&entrance.peer).ok()?;
    serve_admitted(transport, entrance, context).await
}

/// As [`serve_http`], behind a header of the PROXY protocol.
pub(crate) async fn serve_proxied_http<T: Transport>(
    transport: T,
    mut entrance: Entrance,
    context: Arc<AcceptContext>,
) -> Option<Upgrade<T>> {
    let speaking = entrance.speak(Protocol::None);
    let peer = &mut entrance.peer;
    peer.proxied = read_proxy_header(&transport, &peer.address, &context).await?;
    drop(speaking);
    serve_http(transport, entrance, context).await
}

/// As [`serve_http`], within TLS, and if need be behind a header of the PROXY protocol.
pub(crate) async fn serve_https<T: Transport>(
    transport: T,
    mut entrance: Entrance,
    proxy_protocol: bool,
    acceptor: Arc<TlsAcceptor>,
    context: Arc<AcceptContext>,
) -> Option<Upgrade<TlsStream<T>>> {
    let speaking = entrance.speak(Protocol::None);
    let peer = &mut entrance.peer;
    if proxy_protocol {
        peer.proxied = read_proxy_header(&transport, &peer.address, &context).await?;
    }
    entrance.place = context.admit(peer).ok()?;
    let (stream, tls, versions) = match in_time(acceptor.accept(transport), &context).await? {
        Ok(accepted) => accepted,
        Err(error) => {
            let address = peer.client_addr();
            log::event!(DEBUG, { %address, client_ip = address.shown_ip(), %error }, "a TLS handshake came to nothing");
            return None;
        }
    };
    drop((acceptor, speaking));
    peer.tls = Some(tls);
    entrance.versions = versions;
    serve_admitted(stream, entrance, context).await
}

async fn serve_admitted<T: Transport>(
    transport: T,
    entrance: Entrance,
    context: Arc<AcceptContext>,
) -> Option<Upgrade<T>> {
    let (address, worker) = (entrance.peer.client_addr(), entrance.worker.index());
    let counters = entrance.counters.clone();
    log::event!(DEBUG, { %address, client_ip = address.shown_ip(), worker }, "a connection was opened");
    match http_server::serve(transport, entrance, context).await {
        Outcome::Over => {
            log::event!(DEBUG, { %address, client_ip = address.shown_ip(), worker }, "a connection was closed");
            None
        }
        Outcome::Upgraded { opening, transport, early } => {
            let speaking = counters.map(|counters| counters.speak(Protocol::Websocket));
            let driver = Box::pin(Driver::new(opening, transport, early));
            Some(Upgrade { driver, _speaking: speaking })
        }
        Outcome::Vanished(opening) => {
            Some(Upgrade { driver: Box::pin(Driver::vanished(opening)), _speaking: None })
        }
    }
}

/// What drives a connection that has become a websocket, or on which one was asked for.
pub(crate) struct Upgrade<T> {
    driver: Pin<Box<Driver<T>>>,
    _speaking: Option<Speaking>,
}

impl<T: Transport> Future for Upgrade<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.driver.as_mut().poll(cx)
    }
}

/// Whom a proxy connects for, if it is for anybody; nothing at all if nobody is to be served.
async fn read_proxy_header(
    transport: &impl Transport,
    address: &PeerAddr,
    context: &AcceptContext,
) -> Option<Option<Proxied>> {
    if !context.site.load().proxies.trusts_peer(address) {
        log::event!(
            WARN, { %address },
            "a connection that is no trusted proxy's was closed: Server::trusted_proxies can name it"
        );
        return None;
    }
    match in_time(proxy_protocol::read(transport), context).await? {
        Ok(proxied) => Some(proxied),
        Err(error) => {
            log::event!(WARN, { %address, %error }, "a trusted proxy says not for whom it connects");
            None
        }
    }
}

/// What comes before HTTP has as long as the head of a request, and nothing comes of it if the server stops.
async fn in_time<T>(
    beginning: impl Future<Output = io::Result<T>>,
    context: &AcceptContext,
) -> Option<io::Result<T>> {
    tokio::select! {
        begun = timeout(context.limits().head_period, beginning) => {
            Some(begun.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())))
        }
        () = context.stop.cancelled() => None,
    }
}

/// A handshake that another server has received; what drives its connection from then on.
pub(crate) async fn serve_handshake(
    handshake: Box<ReceivedHandshake>,
    worker: usize,
    context: Arc<AcceptContext>,
) -> Option<BoxFuture<'static, ()>> {
    match handshake.serve(worker, context).await {
        Outcome::Over => None,
        Outcome::Upgraded { opening, transport, early } => Some(match transport {
            Upgraded::Tcp(stream) => Box::pin(Driver::new(opening, stream, early)),
            #[cfg(unix)]
            Upgraded::Unix(stream) => Box::pin(Driver::new(opening, stream, early)),
            Upgraded::Other(stream) => Box::pin(Driver::new(opening, stream, early)),
        }),
        Outcome::Vanished(opening) => Some(Box::pin(Driver::<TcpStream>::vanished(opening))),
    }
}
