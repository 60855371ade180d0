//! One connection, from its first byte to its last: HTTP first, and then perhaps a websocket.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use crate::{
    driver::Driver,
    http_server::{self, AcceptContext, Outcome},
    log,
    session::BoxFuture,
    transport::{PeerAddr, Transport},
};

/// The task of a connection. A task keeps the size that it was spawned with,
/// so each stage has memory of its own: what HTTP needs is given back with the upgrade.
pub(crate) enum ConnectionTask<T> {
    Http(BoxFuture<'static, Option<Pin<Box<Driver<T>>>>>),
    Driver(Pin<Box<Driver<T>>>),
}

impl<T: Transport> ConnectionTask<T> {
    pub(crate) fn new(
        http: impl Future<Output = Option<Pin<Box<Driver<T>>>>> + Send + 'static,
    ) -> Self {
        Self::Http(Box::pin(http))
    }
}

impl<T: Transport> Future for ConnectionTask<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut *self {
                Self::Http(http) => match ready!(http.as_mut().poll(cx)) {
                    Some(driver) => *self = Self::Driver(driver),
                    None => return Poll::Ready(()),
                },
                Self::Driver(driver) => return driver.as_mut().poll(cx),
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
