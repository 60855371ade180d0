//! One connection, from its first byte to its last: HTTP first, and then perhaps a websocket.

use std::{
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::net::TcpStream;
use tracing::debug;

use crate::{
    driver::Driver,
    http::{self, Outcome},
    listener::tcp::Reception,
    mount::BoxFuture,
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
    reception: Reception,
) -> Option<Pin<Box<Driver>>> {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%address, %error, "a connection keeps its delay");
    }
    // What waits, waits with us: then each bit that the peer reads is seen, and counted as queued.
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(64 * 1024) {
        debug!(%address, %error, "a connection keeps its buffer");
    }
    let Reception { site, limits, stop, .. } = reception;
    match http::serve(stream, address, (site, worker), limits, stop).await {
        Outcome::Over => None,
        Outcome::Upgraded { opening, stream, early } => {
            Some(Box::pin(Driver::new(opening, stream, early)))
        }
        Outcome::Vanished(opening) => Some(Box::pin(Driver::vanished(opening))),
    }
}
