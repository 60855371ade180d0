//! One connection while it speaks HTTP.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::{
    rt::{Sleep, Timer},
    server::conn::http1,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, time::sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    Site,
    express::{self, Start},
    patient::Patient,
    service::Service,
    upgrade::Slot,
};
use crate::{log, mount::Opening};

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
    mut stream: TcpStream,
    address: SocketAddr,
    worker: usize,
    reception: Arc<Reception>,
) -> Outcome {
    let came = Instant::now();
    let slot = Slot::default();
    let mut service =
        Service { reception, address, worker, slot: slot.clone(), prepared: Mutex::default() };
    let start = tokio::select! {
        biased;
        start = poll_fn(|cx| express::poll_start(&mut stream, &service, cx)) => start,
        () = service.reception.stop.cancelled() => return Outcome::Over,
        () = sleep_until((came + service.reception.limits.head_period).into()) => {
            Err(io::ErrorKind::TimedOut.into())
        }
    };
    let error = match start {
        Ok(Start::Nothing) => return Outcome::Over,
        Ok(Start::Plain(read, answer)) => {
            service.prepared = Mutex::new(answer);
            // In a box of its own: most never need the room.
            return Box::pin(converse(stream, came, read, service, slot)).await;
        }
        Ok(Start::Switched { unsent, early }) => {
            let patience = service.reception.limits.head_period;
            let sent = if unsent.is_empty() {
                Ok(())
            } else {
                Box::pin(express::send_rest(&stream, unsent, patience)).await
            };
            match sent {
                Ok(()) => {
                    let upgraded = |opening| Outcome::Upgraded { opening, stream, early };
                    return slot.take().map_or(Outcome::Over, upgraded);
                }
                Err(error) => error,
            }
        }
        Err(error) => error,
    };
    log::event!(DEBUG, { %address, %error }, "an HTTP connection ended early");
    slot.take().map_or(Outcome::Over, Outcome::Vanished)
}

/// Goes on with what was `read` already.
async fn converse(
    stream: TcpStream,
    came: Instant,
    read: Bytes,
    service: Service,
    slot: Slot,
) -> Outcome {
    let (address, reception) = (service.address, Arc::clone(&service.reception));
    let limits = reception.limits;
    let mut connection = http1::Builder::new()
        .timer(Since { came: Mutex::new(Some(came)) })
        .header_read_timeout(limits.head_period)
        .max_buf_size(limits.max_head_size)
        .serve_connection(TokioIo::new(Patient::new(stream, read, limits.head_period)), service);
    let mut stopped = pin!(reception.stop.cancelled());
    let mut told = false;
    let ended = poll_fn(|cx| {
        // First of all, so that hyper knows of the request that it is then told to end with.
        let ended = connection.poll_without_shutdown(cx);
        if ended.is_ready() || told || stopped.as_mut().poll(cx).is_pending() {
            return ended;
        }
        told = true;
        slot.turn_away();
        Pin::new(&mut connection).graceful_shutdown();
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
            log::event!(DEBUG, { %address, %error }, "an HTTP connection ended early");
            Outcome::Over
        }
    }
}

/// Hyper's timer, but that its first look at the clock finds the moment when the connection came:
/// the first head's time does not begin anew with its first byte.
struct Since {
    came: Mutex<Option<Instant>>,
}

impl Timer for Since {
    fn now(&self) -> Instant {
        let came = self.came.lock().unwrap_or_else(PoisonError::into_inner).take();
        came.unwrap_or_else(Instant::now)
    }

    fn sleep(&self, period: Duration) -> Pin<Box<dyn Sleep>> {
        TokioTimer::new().sleep(period)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        TokioTimer::new().sleep_until(deadline)
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        TokioTimer::new().reset(sleep, deadline);
    }
}
