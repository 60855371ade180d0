//! One stream: a request and its response, or a websocket.

use std::{
    future::poll_fn,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{Reason, RecvStream, server::SendResponse};
use http::{Request, Response, StatusCode};

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
    transport::http2::{Http2Stream, OpenStream, Payload},
};

/// What drives a stream once it is a websocket's.
type StreamDriver = Pin<Box<Driver<Http2Stream>>>;

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
    let address = &service.peer.address;
    let response = match decision {
        Decision::Answered(response) => response,
        Decision::OutOfTime => {
            respond.send_reset(Reason::CANCEL);
            return opening.map(vanished);
        }
        Decision::Reset => {
            log::event!(DEBUG, { %address }, "a client has gone before it was answered");
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
    let limits = &context.limits;
    let stall = StallTimer::new(limits.stall_period, limits.min_response_rate);
    if let Err(cut) = response::send(response, &mut respond, is_head, stall, &mut deadlines).await {
        log::event!(DEBUG, { %address, why = %cut }, "a response was cut off");
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
            Box::pin(Driver::new(opening, stream, Bytes::new()))
        }
        Err(_) => vanished(opening),
    }
}

fn vanished(opening: Opening) -> StreamDriver {
    Box::pin(Driver::vanished(opening))
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
