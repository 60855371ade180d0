//! One connection, from its first byte to its last: HTTP first, and then perhaps a websocket.

use std::{io, pin::Pin, sync::Arc};

use tokio::time::timeout;

use crate::{
    driver::Driver,
    http_server::{self, AcceptContext, Outcome, ReceivedHandshake},
    log,
    runtime::Worker,
    session::BoxFuture,
    transport::{
        PeerAddr, PeerInfo, TcpStream, TlsAcceptor, TlsStream, Transport, Upgraded, Versions,
    },
};

/// A connection while it speaks HTTP; what drives it from then on, if it became a websocket.
pub(crate) async fn serve_http<T: Transport>(
    transport: T,
    peer: PeerInfo,
    versions: Versions,
    worker: Arc<Worker>,
    context: Arc<AcceptContext>,
) -> Option<Pin<Box<Driver<T>>>> {
    let (address, index) = (peer.address.clone(), worker.index());
    log::event!(DEBUG, { %address, worker = index }, "a connection was opened");
    match http_server::serve(transport, peer, versions, worker, context).await {
        Outcome::Over => {
            log::event!(DEBUG, { %address, worker = index }, "a connection was closed");
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
    worker: Arc<Worker>,
    context: Arc<AcceptContext>,
) -> Option<Pin<Box<Driver<TlsStream<T>>>>> {
    let accepted = tokio::select! {
        accepted = timeout(context.limits.head_period, acceptor.accept(transport)) => accepted,
        () = context.stop.cancelled() => return None,
    };
    let (stream, tls, versions) =
        match accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(accepted) => accepted,
            Err(error) => {
                log::event!(DEBUG, { %address, %error }, "a TLS handshake came to nothing");
                return None;
            }
        };
    drop(acceptor);
    serve_http(stream, PeerInfo { address, tls: Some(tls) }, versions, worker, context).await
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
