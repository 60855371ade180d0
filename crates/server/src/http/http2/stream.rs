//! One stream: a request and its response, or a websocket.

use std::{
    future::poll_fn,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use h2::{Reason, RecvStream, server::SendResponse};
use http::{Request, Response, StatusCode};
use tokio::time::{Sleep, sleep};

use super::{
    deadlines::{Deadline, Deadlines},
    request::Received,
    response::{self, Cut, finish_head},
};
use crate::{
    driver::Driver,
    http_server::{
        ResponseBody,
        exchange::without_body,
        service::{Answering, Service},
        stall::StallTimer,
    },
    log,
    session::Opening,
    transport::http2::{Http2Stream, Inbound, OpenStream, Payload},
};

/// How long a client has to end its side of a stream when we have ended ours.
const END_PERIOD: Duration = Duration::from_secs(5);

/// What drives a stream once it is a websocket's.
pub(super) enum StreamDriver {
    Websocket {
        driver: Pin<Box<Driver<Http2Stream>>>,
        /// `None` if there is no stream any more.
        inbound: Option<Arc<Inbound>>,
    },
    /// The stream has ended but for the client's side. Dropped earlier, it would be reset.
    Ending { inbound: Arc<Inbound>, time: Pin<Box<Sleep>> },
}

impl Future for StreamDriver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Self::Websocket { driver, inbound } = &mut *self {
            ready!(driver.as_mut().poll(cx));
            let Some(inbound) = inbound.take().filter(|inbound| inbound.has_our_end()) else {
                return Poll::Ready(());
            };
            *self = Self::Ending { inbound, time: Box::pin(sleep(END_PERIOD)) };
        }
        match &mut *self {
            Self::Ending { inbound, time } => {
                if inbound.poll_end(cx).is_ready() {
                    Poll::Ready(())
                } else {
                    time.as_mut().poll(cx)
                }
            }
            Self::Websocket { .. } => Poll::Pending,
        }
    }
}

/// Answers a request; what drives its stream from then on, if it has become a websocket.
pub(super) async fn serve(
    request: Request<RecvStream>,
    mut respond: SendResponse<Payload>,
    service: Service,
    mut open: OpenStream,
) -> Option<StreamDriver> {
    let Received { head, body, transfer, tunnel, is_head, expects } = Received::new(request);
    let (slot, context) = (service.slot.clone(), Arc::clone(&service.context));
    let mut deadlines = Deadlines::new(&context, &slot, transfer);
    let mut exchange = Exchange { answering: service.answer(head, body), expects };
    let decision = poll_fn(|cx| exchange.poll(&mut respond, &mut deadlines, cx)).await;
    let opening = slot.take();
    let address = service.peer.client_addr();
    let response = match decision {
        Decision::Answered(response) => response,
        Decision::OutOfTime => {
            respond.send_reset(Reason::CANCEL);
            return opening.map(vanished);
        }
        Decision::Reset => {
            // What is said of a handshake says which endpoint it was for.
            if opening.is_none() {
                log::event!(
                    DEBUG, { %address, client_ip = address.shown_ip() },
                    "a client has gone before it was answered"
                );
            }
            open.note_reset();
            return opening.map(vanished);
        }
    };
    let opening = match (opening, tunnel) {
        (Some(opening), Some(receiving)) if opening.shared.outbox.is_switched() => {
            return Some(begin(opening, response, respond, receiving, open));
        }
        (opening, _) => opening,
    };
    let limits = &context.limits();
    let stall = StallTimer::new(limits.stall_period, limits.min_response_rate);
    if let Err(cut) = response::send(response, &mut respond, is_head, stall, &mut deadlines).await {
        log::event!(DEBUG, { %address, client_ip = address.shown_ip(), why = %cut }, "a response was cut off");
        if matches!(cut, Cut::Reset) {
            open.note_reset();
        }
    }
    opening.map(vanished)
}

/// Sends the 200, behind which a websocket begins: RFC 8441 §5.
fn begin(
    opening: Opening,
    response: Response<ResponseBody>,
    mut respond: SendResponse<Payload>,
    receiving: RecvStream,
    open: OpenStream,
) -> StreamDriver {
    let (mut head, _) = response.into_parts();
    finish_head(&mut head.headers);
    match respond.send_response(Response::from_parts(head, ()), false) {
        Ok(sending) => {
            let stream = Http2Stream::new(sending, receiving, open);
            let inbound = Some(stream.inbound());
            let driver = Box::pin(Driver::new(opening, stream, Bytes::new()));
            StreamDriver::Websocket { driver, inbound }
        }
        Err(_) => vanished(opening),
    }
}

fn vanished(opening: Opening) -> StreamDriver {
    StreamDriver::Websocket { driver: Box::pin(Driver::vanished(opening)), inbound: None }
}

/// The making of a response.
struct Exchange {
    answering: Answering,
    /// Whether the client waits to be told that its body is wanted.
    expects: bool,
}

enum Decision {
    Answered(Response<ResponseBody>),
    /// The client has reset the stream, or has gone.
    Reset,
    OutOfTime,
}

impl Exchange {
    fn poll(
        &mut self,
        respond: &mut SendResponse<Payload>,
        deadlines: &mut Deadlines,
        cx: &mut Context<'_>,
    ) -> Poll<Decision> {
        loop {
            if let Some(response) = without_body(deadlines.transfer()) {
                return Poll::Ready(Decision::Answered(response));
            }
            let answer = Pin::new(&mut self.answering).poll(cx);
            // A service may have answered that it could not read the body: why is ours to say.
            if let Some(response) = without_body(deadlines.transfer()) {
                return Poll::Ready(Decision::Answered(response));
            }
            if let Poll::Ready(response) = answer {
                return Poll::Ready(Decision::Answered(response));
            }
            if mem::take(&mut self.expects) {
                // RFC 9110 §15.2.1. If it fails, the stream is closed.
                let mut go_on = Response::new(());
                *go_on.status_mut() = StatusCode::CONTINUE;
                let _ = respond.send_informational(go_on);
            }
            if respond.poll_reset(cx).is_ready() {
                return Poll::Ready(Decision::Reset);
            }
            match ready!(deadlines.poll(cx)) {
                Deadline::Answered => {}
                Deadline::Over => return Poll::Ready(Decision::OutOfTime),
            }
        }
    }
}
