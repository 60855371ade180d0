//! Which version of HTTP a client begins with that may know beforehand that this is HTTP/2.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
};

use bytes::{BufMut, BytesMut};
use tokio::time::sleep_until;

use super::{Begun, connection};
use crate::{
    http_server::{Outcome, http1, service::Service, upgrade::Slot},
    log,
    metrics::Protocol,
    transport::{Transport, http2::Http2},
};

/// RFC 9113 §3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves HTTP/2 to who begins with its preface, and HTTP/1.1 to everybody else.
pub(in crate::http_server) async fn serve_as_begun<T: Transport>(
    http2: Http2,
    begun: Begun<T>,
) -> Outcome<T> {
    let Begun { transport, came, entrance, context, .. } = begun;
    let mut read = BytesMut::new();
    let beginning = tokio::select! {
        biased;
        beginning = poll_fn(|cx| poll_beginning(&transport, &mut read, cx)) => beginning,
        () = context.stop.cancelled() => return Outcome::Over,
        () = sleep_until((came + context.limits().head_period).into()) => {
            Err(io::ErrorKind::TimedOut.into())
        }
    };
    let read = read.freeze();
    match beginning {
        Ok(Beginning::Nothing) => Outcome::Over,
        Ok(Beginning::Preface) => {
            let begun = Begun { transport, read, came, entrance, context };
            connection::serve(http2, begun).await;
            Outcome::Over
        }
        Ok(Beginning::Other) => {
            let _speaking = entrance.speak(Protocol::Http1);
            let service = Service::new(context, entrance, Slot::default());
            http1::serve(transport, came, read, service, None).await
        }
        Err(error) => {
            let address = entrance.peer.client_addr();
            log::event!(DEBUG, { %address, client_ip = address.shown_ip(), %error }, "an HTTP connection ended early");
            Outcome::Over
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Beginning {
    /// The peer has hung up.
    Nothing,
    Preface,
    Other,
}

/// Reads until it is known what a connection begins with.
fn poll_beginning(
    transport: &impl Transport,
    read: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Beginning>> {
    loop {
        if read.starts_with(PREFACE) {
            return Poll::Ready(Ok(Beginning::Preface));
        }
        if !PREFACE.starts_with(read) {
            return Poll::Ready(Ok(Beginning::Other));
        }
        read.reserve(1024);
        if ready!(transport.poll_read_buf(cx, &mut (&mut *read).limit(1024)))? == 0 {
            let beginning = if read.is_empty() { Beginning::Nothing } else { Beginning::Other };
            return Poll::Ready(Ok(beginning));
        }
    }
}
