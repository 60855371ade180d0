//! One connection while hyper speaks HTTP/1.1 on it.

use std::{
    future::poll_fn,
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
use tokio::net::TcpStream;

use super::{Outcome, patient::Patient, service::Service, upgrade::Slot};
use crate::log;

/// Goes on with what was `read` already.
pub(super) async fn serve(
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
