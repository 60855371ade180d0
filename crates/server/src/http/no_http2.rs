//! What stands in where HTTP/2 is left out (feature `http2`): nobody can speak it.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http::Extensions;
use http_body::{Body, Frame};

use super::{AcceptContext, Entrance, Outcome};
use crate::transport::{Transport, http2::Http2};

/// A connection of which no request has been read.
#[expect(dead_code, reason = "there is none")]
pub(super) struct Begun<T> {
    pub(super) transport: T,
    pub(super) read: Bytes,
    pub(super) came: Instant,
    pub(super) entrance: Entrance,
    pub(super) context: Arc<AcceptContext>,
}

pub(super) async fn serve<T: Transport>(http2: Http2, _: Begun<T>) {
    match http2 {}
}

pub(super) async fn serve_as_begun<T: Transport>(http2: Http2, _: Begun<T>) -> Outcome<T> {
    match http2 {}
}

/// There is none that could be marked.
pub(super) fn mark_connect(_: &mut Extensions) {}

/// There is none.
#[derive(Debug)]
pub(super) enum RequestBody {}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match *self {}
    }
}
