//! One connection while hyper speaks HTTP/1.1 on it: what hyper does not look at, this does.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::{
    rt::{Sleep as HyperSleep, Timer},
    server::conn::http1,
};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::{
    Outcome,
    exchange::{Exchange, Phase},
    hyper_connection::HyperConnection,
    hyper_socket::HyperSocket,
    linger::linger,
    service::{Answering, HyperService, Service},
    socket::{Socket, Spoken},
    stall::StallTimer,
    transfer::TransferTimer,
};
use crate::{
    log,
    sync::{Mutex, Rank},
    transport::{ClientAddr, Transport},
};

/// Told of any number, hyper has memory for headers allocated for each request.
const HYPERS_MAX_HEADERS: usize = 100;

/// Why HTTP is spoken no more.
enum End {
    /// Hyper is through, or has given up.
    Done(hyper::Result<()>),
    /// A service speaks something else from here on.
    Switched,
    /// The peer has gone: while its handshake was being decided, or all of a sudden.
    Gone,
    /// The peer takes nothing of its response.
    Stalled,
    /// The peer does not send in time the body of a request whose response has begun.
    Unfinished,
    /// The server stops, and there is nothing to wait for, or no time.
    Stopped,
}

/// Goes on with what was `read` already, the first request of which may be answered by `prepared`.
pub(super) async fn serve<T: Transport>(
    transport: T,
    came: Instant,
    read: Bytes,
    service: Service,
    prepared: Option<Box<Answering>>,
) -> Outcome<T> {
    let (address, slot) = (service.peer.client_addr(), service.slot.clone());
    let context = Arc::clone(&service.context);
    let limits = &context.limits();
    let (socket, exchange) =
        (Arc::new(Socket::new(transport)), Arc::new(Exchange::new(limits.max_requests)));
    let mut builder = http1::Builder::new();
    if limits.max_headers != HYPERS_MAX_HEADERS {
        builder.max_headers(limits.max_headers);
    }
    let connection = builder
        .timer(Since { came: Mutex::new(Rank::Leaf, Some(came)) })
        .header_read_timeout(limits.head_period)
        .max_buf_size(limits.max_head_size)
        // A client that sends nothing more may read all the same. Whether one has gone while
        // `on_open` thinks, the watch over the peer notices.
        .half_close(true)
        .serve_connection(
            TokioIo::new(HyperSocket::new(Arc::clone(&socket), read)),
            HyperService::new(service, Arc::clone(&exchange), prepared),
        );
    let mut connection = HyperConnection::Http(connection);
    let mut stall = StallTimer::new(limits.stall_period, limits.min_response_rate);
    let mut transfer = TransferTimer::new(limits.body);
    let end = {
        let (closed, broken) =
            (pin!(socket.transport.read_closed()), pin!(socket.transport.broken()));
        let mut peer = Peer { socket: &socket, closed, broken, has_closed: false };
        let mut stopped = pin!(context.stop.cancelled());
        // Runs once the server stops: the time of what is under way.
        let mut time: Option<Pin<Box<_>>> = None;
        poll_fn(|cx| {
            loop {
                // First of all, so that hyper knows of the request that it is then told to end with.
                match connection.poll(cx) {
                    Poll::Ready(Ok(())) if connection.is_switching() => {
                        return Poll::Ready(End::Switched);
                    }
                    // It does not flush before it is through with what could have been an upgrade,
                    // but goes on with that when it is asked again.
                    Poll::Ready(Ok(())) if socket.is_full() => {}
                    Poll::Ready(result) => return Poll::Ready(End::Done(result)),
                    Poll::Pending => {}
                }
                let phase = exchange.phase();
                if phase == Phase::Switching {
                    socket.speak(Spoken::Switching);
                    connection.switch();
                    continue;
                }
                if stall.poll(&*socket, cx).is_ready() {
                    return Poll::Ready(End::Stalled);
                }
                if peer.poll_gone(phase, cx).is_ready() {
                    return Poll::Ready(End::Gone);
                }
                if transfer.poll(exchange.transfer().as_deref(), socket.received(), cx).is_ready() {
                    if phase != Phase::Working {
                        return Poll::Ready(End::Unfinished);
                    }
                    // It is answered with a reason.
                    continue;
                }
                let Some(time) = &mut time else {
                    ready!(stopped.as_mut().poll(cx));
                    slot.turn_away();
                    connection.graceful_shutdown();
                    transfer.stop();
                    time = Some(Box::pin(context.out_of_time()));
                    continue;
                };
                let is_under_way = phase != Phase::Idle || socket.is_full();
                if is_under_way {
                    ready!(time.as_mut().poll(cx));
                }
                return Poll::Ready(End::Stopped);
            }
        })
        .await
    };
    // What is said of a handshake says which endpoint it was for.
    if !(matches!(end, End::Gone) && slot.has_handshake()) {
        end.log(&address);
    }
    if exchange.has_had_its_last() {
        context.admission.hits.requests.count();
    }
    if matches!(&end, End::Done(Err(error)) if error.is_parse_too_large()) {
        context.admission.hits.heads.count();
    }
    if let Some(opening) = slot.take() {
        if matches!(end, End::Done(Ok(())))
            && opening.shared.outbox.is_switched()
            && let Some(parts) = connection.into_parts()
        {
            // Hyper need not have taken all that was read before it, however large its buffer is. A copy,
            // mostly of nothing: what is left of hyper's buffer would keep all of it.
            let unread = parts.io.into_inner().into_unread();
            let early = Bytes::from([&parts.read_buf[..], &unread].concat());
            let socket = Arc::into_inner(socket).expect("hyper has given its share back");
            return Outcome::Upgraded { opening, transport: socket.into_transport(), early };
        }
        return Outcome::Vanished(opening);
    }
    drop(connection);
    match end {
        End::Gone => {}
        End::Switched => socket.speak(Spoken::Other),
        End::Stalled => socket.transport.reset_on_close(),
        End::Done(_) | End::Unfinished | End::Stopped => {
            linger(&socket, end.sends_more(&exchange), &mut stall, &context.stop).await;
        }
    }
    Outcome::Over
}

impl End {
    fn log(&self, address: &ClientAddr) {
        match self {
            Self::Done(Ok(())) | Self::Switched | Self::Stopped => {}
            Self::Done(Err(error)) => {
                log::event!(DEBUG, { %address, client_ip = address.shown_ip(), %error }, "an HTTP connection ended early");
            }
            Self::Gone => {
                log::event!(DEBUG, { %address, client_ip = address.shown_ip() }, "a client has gone before it was answered");
            }
            Self::Stalled => {
                log::event!(DEBUG, { %address, client_ip = address.shown_ip() }, "a client reads too little of a response: cut off");
            }
            Self::Unfinished => {
                log::event!(DEBUG, { %address, client_ip = address.shown_ip() }, "a client sends too little of a body: cut off");
            }
        }
    }

    /// Whether more is to be expected of the peer, though nobody reads it.
    fn sends_more(&self, exchange: &Exchange) -> bool {
        match self {
            // What is no HTTP was answered, and may go on.
            Self::Done(Err(error)) if error.is_parse() => true,
            Self::Done(_) => exchange.transfer().is_some_and(|transfer| transfer.is_unfinished()),
            Self::Unfinished => true,
            Self::Gone | Self::Switched | Self::Stalled | Self::Stopped => false,
        }
    }
}

/// A peer, watched while it is owed an answer.
struct Peer<'s, T, C, B> {
    socket: &'s Socket<T>,
    closed: Pin<&'s mut C>,
    broken: Pin<&'s mut B>,
    has_closed: bool,
}

impl<T: Transport, C: Future<Output = ()>, B: Future<Output = ()>> Peer<'_, T, C, B> {
    /// Ready when the peer has gone. One that sends nothing more has gone if its handshake is not
    /// answered yet; any other may wait for its response.
    fn poll_gone(&mut self, phase: Phase, cx: &mut Context<'_>) -> Poll<()> {
        if phase == Phase::Idle {
            return Poll::Pending;
        }
        if !self.has_closed && self.closed.as_mut().poll(cx).is_ready() {
            self.has_closed = true;
            self.socket.transport.keep_alive();
        }
        if self.has_closed && phase == Phase::Deciding {
            return Poll::Ready(());
        }
        self.broken.as_mut().poll(cx)
    }
}

/// Hyper's timer, but that its first look at the clock finds the moment when the connection came:
/// the first head's time does not begin anew with its first byte.
struct Since {
    came: Mutex<Option<Instant>>,
}

impl Timer for Since {
    fn now(&self) -> Instant {
        let came = self.came.lock().take();
        came.unwrap_or_else(|| TokioTimer::new().now())
    }

    fn sleep(&self, period: Duration) -> Pin<Box<dyn HyperSleep>> {
        TokioTimer::new().sleep(period)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn HyperSleep>> {
        TokioTimer::new().sleep_until(deadline)
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn HyperSleep>>, deadline: Instant) {
        TokioTimer::new().reset(sleep, deadline);
    }
}
