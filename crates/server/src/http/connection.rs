//! One connection while it speaks HTTP.

use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{Site, patient::Patient, service::Service, upgrade::Slot};
use crate::mount::Opening;

/// What a request's head may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// In bytes; more is answered 431.
    pub(crate) max_head_size: usize,
    /// From the connection's start, or the last response, to the end of the next head; and how long
    /// a peer may take nothing of a response.
    pub(crate) head_period: Duration,
}

/// What connections are received by.
pub(crate) struct Reception {
    pub(crate) site: Site,
    pub(crate) limits: Limits,
    /// Lets the request that is being answered be the last.
    pub(crate) stop: CancellationToken,
}

/// How HTTP ended.
pub(crate) enum Outcome {
    /// With nothing left to do.
    Over,
    /// The socket is a websocket from here on; `early` is what was read of it already.
    Upgraded { opening: Opening, stream: TcpStream, early: Bytes },
    /// The peer has gone while `on_open` still thinks.
    Vanished(Opening),
}

/// Serves HTTP on a socket until it is closed or becomes a websocket.
pub(crate) async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    worker: usize,
    reception: Arc<Reception>,
) -> Outcome {
    let slot = Slot::default();
    let limits = reception.limits;
    let service =
        Service { reception: Arc::clone(&reception), address, worker, slot: slot.clone() };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_period)
        .max_buf_size(limits.max_head_size)
        .serve_connection(TokioIo::new(Patient::new(stream, limits.head_period)), service);
    let mut stopped = pin!(reception.stop.cancelled());
    let mut told = false;
    let ended = poll_fn(|cx| {
        if !told && stopped.as_mut().poll(cx).is_ready() {
            told = true;
            slot.turn_away();
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(cx)
    })
    .await;
    let opening = slot.take();
    match (ended, opening) {
        (Ok(()), Some(opening)) if opening.line.is_switched() => {
            let parts = connection.into_parts();
            // A copy, mostly of nothing: what is left of hyper's buffer would keep all of it.
            let early = Bytes::copy_from_slice(&parts.read_buf);
            Outcome::Upgraded { opening, stream: parts.io.into_inner().into_inner(), early }
        }
        (_, Some(opening)) => Outcome::Vanished(opening),
        (Ok(()), None) => Outcome::Over,
        (Err(error), None) => {
            debug!(%address, %error, "an HTTP connection ended early");
            Outcome::Over
        }
    }
}
