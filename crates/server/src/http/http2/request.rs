//! A request of HTTP/2 as the rest of the server has one.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{RecvStream, ext::Protocol};
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, header};
use http_body::{Frame, SizeHint};

use crate::{
    app::RequestHead,
    http_server::{Body, body::Source, transfer::Transfer},
};

pub(super) struct Received {
    pub(super) head: RequestHead,
    pub(super) body: Body,
    /// How the body comes, if there is one.
    pub(super) transfer: Option<Arc<Transfer>>,
    /// What the client says behind an extended CONNECT.
    pub(super) tunnel: Option<RecvStream>,
    /// Whether it is for a head alone.
    pub(super) is_head: bool,
    /// Whether the client waits to be told that its body is wanted: RFC 9110 §10.1.1.
    pub(super) expects: bool,
}

impl Received {
    pub(super) fn new(request: Request<RecvStream>) -> Self {
        let (mut parts, incoming) = request.into_parts();
        join_cookies(&mut parts.headers);
        let protocol = parts.extensions.remove::<Protocol>();
        let (body, transfer, tunnel) = match protocol {
            Some(protocol) => {
                RequestHead::mark_connect(&mut parts.extensions, protocol.as_str());
                (Body::none(), None, Some(incoming))
            }
            None => {
                let body = RequestBody { left: content_length(&parts.headers), incoming };
                let (body, transfer) = Body::new(Source::Http2(body));
                (body, transfer, None)
            }
        };
        let is_head = parts.method == Method::HEAD;
        let expects = parts.headers.get(header::EXPECT);
        let expects = expects.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        let expects = expects && transfer.is_some();
        Self { head: parts.into(), body, transfer, tunnel, is_head, expects }
    }
}

/// Marks an extended CONNECT that hyper has received.
pub(in crate::http_server) fn mark_connect(extensions: &mut Extensions) {
    if let Some(protocol) = extensions.remove::<hyper::ext::Protocol>() {
        RequestHead::mark_connect(extensions, protocol.as_str());
        extensions.insert(protocol);
    }
}

/// RFC 9113 §8.2.3: several are to be one "before being passed into a non-HTTP/2 context".
fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(header::COOKIE).iter();
    if cookies.by_ref().nth(1).is_none() {
        return;
    }
    let cookies = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    let joined = cookies.collect::<Vec<_>>().join(&b"; "[..]);
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        headers.insert(header::COOKIE, joined);
    }
}

/// What h2 holds the body to.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body of a request. The client is told of room when it is read.
#[derive(Debug)]
pub(in crate::http_server) struct RequestBody {
    /// How many bytes are still to come, if that is known.
    left: Option<u64>,
    incoming: RecvStream,
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let this = &mut *self;
        match ready!(this.incoming.poll_data(cx)) {
            Some(Ok(bytes)) => {
                this.left = this.left.map(|left| left.saturating_sub(bytes.len() as u64));
                // It fails where the stream is closed, and nobody waits for room.
                let _ = this.incoming.flow_control().release_capacity(bytes.len());
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => {
                let trailers = ready!(this.incoming.poll_trailers(cx));
                Poll::Ready(trailers.map(|it| it.map(Frame::trailers)).transpose())
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crumbs_of_cookies_are_one_line() {
        for (lines, joined) in
            [(&["a=1; b=2"][..], "a=1; b=2"), (&["a=1", "b=2; c=3", "d=4"], "a=1; b=2; c=3; d=4")]
        {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, HeaderValue::from_static(line));
            }
            join_cookies(&mut headers);
            assert!(headers.get_all(header::COOKIE).iter().eq([joined]), "{lines:?}");
        }
    }
}
