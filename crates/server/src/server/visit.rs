//! One connection, from its first byte to its last: HTTP first, and then perhaps a websocket.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::net::TcpStream;

use crate::{
    driver::Driver,
    http_server::{self, Outcome, Reception},
    log,
    session::BoxFuture,
};

/// The task of a connection. A task keeps the size that it was spawned with,
/// so each stage has memory of its own: what HTTP needs is given back with the upgrade.
pub(crate) enum Visit {
    Greeting(BoxFuture<'static, Option<Pin<Box<Driver>>>>),
    Driving(Pin<Box<Driver>>),
}

impl Visit {
    pub(crate) fn new(
        greeting: impl Future<Output = Option<Pin<Box<Driver>>>> + Send + 'static,
    ) -> Self {
        Self::Greeting(Box::pin(greeting))
    }
}

impl Future for Visit {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut *self {
                Self::Greeting(greeting) => match ready!(greeting.as_mut().poll(cx)) {
                    Some(driver) => *self = Self::Driving(driver),
                    None => return Poll::Ready(()),
                },
                Self::Driving(driver) => return driver.as_mut().poll(cx),
            }
        }
    }
}

/// A connection while it speaks HTTP; what drives it from then on, if it became a websocket.
pub(crate) async fn greet(
    stream: TcpStream,
    address: SocketAddr,
    worker: usize,
    reception: Arc<Reception>,
) -> Option<Pin<Box<Driver>>> {
    #[cfg(not(target_os = "linux"))]
    crate::transport::tcp::tune(&stream, address);
    log::event!(DEBUG, { %address, worker }, "a connection was opened");
    match http_server::serve(stream, address, worker, reception).await {
        Outcome::Over => {
            log::event!(DEBUG, { %address, worker }, "a connection was closed");
            None
        }
        Outcome::Upgraded { opening, stream, early } => {
            Some(Box::pin(Driver::new(opening, stream, early)))
        }
        Outcome::Vanished(opening) => Some(Box::pin(Driver::vanished(opening))),
    }
}
