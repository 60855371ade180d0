//! One connection, from its first byte to its last: HTTP first, and then perhaps a websocket.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use crate::{
    driver::Driver,
    http_server::{self, AcceptContext, Outcome, ReceivedHandshake},
    log,
    session::BoxFuture,
    transport::{PeerAddr, TcpStream, Transport, Upgraded},
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
    address: PeerAddr,
    worker: usize,
    context: Arc<AcceptContext>,
) -> Option<Pin<Box<Driver<T>>>> {
    log::event!(DEBUG, { %address, worker }, "a connection was opened");
    match http_server::serve(transport, address.clone(), worker, context).await {
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
