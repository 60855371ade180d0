//! A response on its way over a stream: RFC 9113 §8.1.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::SystemTime,
};

use bytes::{Buf, Bytes};
use h2::{Reason, SendStream, server::SendResponse};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::Body;

use super::deadlines::Deadlines;
use crate::{
    http_server::{
        ResponseBody,
        stall::{Progress, Sending, StallTimer},
    },
    transport::http2::{MAX_UNSENT, Payload, Sent},
};

/// Why a response is not whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cut {
    #[error("the client has reset the stream, or has gone")]
    Reset,
    #[error("the client reads too little of the response")]
    Stalled,
    #[error("the client sends too little of the body of its request")]
    Unfinished,
    #[error("the server stops")]
    Stopped,
    #[error("the response's own body failed")]
    Failed,
}

/// Sends all of a response, as the client's windows let it.
pub(super) async fn send(
    response: Response<ResponseBody>,
    respond: &mut SendResponse<Payload>,
    is_head: bool,
    mut stall: StallTimer,
    deadlines: &mut Deadlines,
) -> Result<(), Cut> {
    let (mut head, body) = response.into_parts();
    finish_head(&mut head.headers);
    let length = body.size_hint().exact();
    if let Some(length) = length.filter(|length| *length > 0)
        && !head.headers.contains_key(header::CONTENT_LENGTH)
    {
        head.headers.insert(header::CONTENT_LENGTH, length.into());
    }
    let has_none =
        is_head || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let is_over = has_none || body.is_end_stream();
    let head = Response::from_parts(head, ());
    let Ok(stream) = respond.send_response(head, is_over) else {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return Err(Cut::Reset);
    };
    if is_over {
        return Ok(());
    }
    let mut sending = BodySender::new(stream, body);
    let sent = poll_fn(|cx| {
        if let Poll::Ready(sent) = sending.poll(cx) {
            return Poll::Ready(sent);
        }
        if stall.poll(&sending, cx).is_ready() {
            return Poll::Ready(Err(Cut::Stalled));
        }
        deadlines.poll_cut(cx).map(Err)
    });
    let sent = sent.await;
    match sent {
        Ok(()) | Err(Cut::Reset) => {}
        Err(Cut::Failed) => sending.stream.send_reset(Reason::INTERNAL_ERROR),
        Err(_) => sending.stream.send_reset(Reason::CANCEL),
    }
    sent
}

/// What every head has, and what none may have: RFC 9113 §8.2.2.
pub(super) fn finish_head(headers: &mut HeaderMap) {
    if let Some(connection) = headers.remove(header::CONNECTION) {
        for name in connection.as_bytes().split(|byte| *byte == b',') {
            if let Ok(name) = HeaderName::from_bytes(name.trim_ascii()) {
                headers.remove(name);
            }
        }
    }
    for name in CONNECTION_SPECIFIC {
        headers.remove(name);
    }
    if !headers.contains_key(header::DATE) {
        let now = httpdate::fmt_http_date(SystemTime::now());
        headers.extend(HeaderValue::try_from(now).ok().map(|now| (header::DATE, now)));
    }
}

const CONNECTION_SPECIFIC: [HeaderName; 4] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A body on its way.
struct BodySender {
    stream: SendStream<Payload>,
    body: ResponseBody,
    sent: Arc<Sent>,
    /// What waits for room in the client's windows.
    waiting: Bytes,
    /// Whether everything is queued.
    is_queued: bool,
}

impl BodySender {
    fn new(stream: SendStream<Payload>, body: ResponseBody) -> Self {
        let sent = Arc::default();
        Self { stream, body, sent, waiting: Bytes::new(), is_queued: false }
    }

    /// Ready when the connection has taken all of it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        if self.stream.poll_reset(cx).is_ready() {
            return Poll::Ready(Err(Cut::Reset));
        }
        while !self.is_queued {
            if self.waiting.is_empty() {
                ready!(self.poll_next(cx))?;
            } else {
                ready!(self.poll_queue(cx))?;
            }
        }
        self.sent.poll_taken(cx).map(Ok)
    }

    /// Has the body make more.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.waiting = data,
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        self.is_queued = true;
                        self.stream.send_trailers(trailers).map_err(|_| Cut::Reset)?;
                    }
                }
            },
            Some(Err(_)) => return Poll::Ready(Err(Cut::Failed)),
            None => {
                self.is_queued = true;
                self.stream.send_data(Payload::empty(), true).map_err(|_| Cut::Reset)?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Queues some of what waits.
    fn poll_queue(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        // What is asked for and not used is kept from other streams.
        self.stream.reserve_capacity(self.waiting.len().min(MAX_UNSENT));
        while self.stream.capacity() == 0 {
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(Err(Cut::Reset)),
            }
        }
        let size = self.stream.capacity().min(self.waiting.len());
        let piece = Payload::new(self.waiting.split_to(size), &self.sent);
        self.is_queued = !self.waiting.has_remaining() && self.body.is_end_stream();
        self.stream.send_data(piece, self.is_queued).map_err(|_| Cut::Reset)?;
        Poll::Ready(Ok(()))
    }
}

/// What the connection has taken counts as acknowledged: it takes no more than the client's window has room
/// for. What the client's kernel does with it is the connection's to watch.
impl Sending for BodySender {
    fn written(&self) -> u64 {
        self.sent.queued() + self.waiting.len() as u64
    }

    fn progress(&self) -> Progress {
        let acknowledged = self.sent.taken();
        let owed = self.written() - acknowledged;
        Progress { acknowledged, owed, is_full: owed > 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_connection_is_not_said_on_a_stream() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("x-end", "2"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        finish_head(&mut headers);
        assert!(headers.remove(header::DATE).is_some());
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-end"]);
    }
}
