//! One connection, from its first byte to its last: HTTP first, and then perhaps a websocket.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::time::timeout;

use crate::{
    driver::Driver,
    http_server::{self, AcceptContext, ListenerRoutes, Outcome, ReceivedHandshake},
    log,
    session::BoxFuture,
    transport::{PeerAddr, PeerInfo, TcpStream, TlsAcceptor, TlsStream, Transport, Upgraded},
};

/// The task of a connection, and what drives it in the end. A task keeps the size that it was spawned
/// with, so each stage has memory of its own: what HTTP needs is given back with the upgrade.
pub(crate) enum ConnectionTask<D> {
    Http(BoxFuture<'static, Option<D>>),
    Driver(D),
}

impl<D> ConnectionTask<D> {
    pub(crate) fn new(http: impl Future<Output = Option<D>> + Send + 'static) -> Self {
        Self::Http(Box::pin(http))
    }
}

impl<D: Future<Output = ()> + Unpin> Future for ConnectionTask<D> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut *self {
                Self::Http(http) => match ready!(http.as_mut().poll(cx)) {
                    Some(driver) => *self = Self::Driver(driver),
                    None => return Poll::Ready(()),
                },
                Self::Driver(driver) => return Pin::new(driver).poll(cx),
            }
        }
    }
}

/// A connection while it speaks HTTP; what drives it from then on, if it became a websocket.
pub(crate) async fn serve_http<T: Transport>(
    transport: T,
    peer: PeerInfo,
    listener_routes: Option<Arc<ListenerRoutes>>,
    worker: usize,
    context: Arc<AcceptContext>,
) -> Option<Pin<Box<Driver<T>>>> {
    let address = peer.address.clone();
    log::event!(DEBUG, { %address, worker }, "a connection was opened");
    match http_server::serve(transport, peer, listener_routes, worker, context).await {
        Outcome::Over => {
            log::event!(DEBUG, { %address, worker }, "a connection was closed");
            None
        }
        Outcome::Upgraded { opening, transport, early } => {
            Some(Box::pin(Driver::new(opening, transport, early)))
        }
        Outcome::Vanished(opening) => Some(Box::pin(Driver::vanished(opening))),
    }
}

/// As [`serve_http`], within TLS. To agree on that a client has as long as for the head of a request.
pub(crate) async fn serve_https<T: Transport>(
    transport: T,
    address: PeerAddr,
    acceptor: Arc<TlsAcceptor>,
    listener_routes: Option<Arc<ListenerRoutes>>,
    worker: usize,
    context: Arc<AcceptContext>,
) -> Option<Pin<Box<Driver<TlsStream<T>>>>> {
    let accepted = tokio::select! {
        accepted = timeout(context.limits.head_period, acceptor.accept(transport)) => accepted,
        () = context.stop.cancelled() => return None,
    };
    let (stream, tls) = match accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(accepted) => accepted,
        Err(error) => {
            log::event!(DEBUG, { %address, %error }, "a TLS handshake came to nothing");
            return None;
        }
    };
    drop(acceptor);
    serve_http(stream, PeerInfo { address, tls: Some(tls) }, listener_routes, worker, context).await
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
