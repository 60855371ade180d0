//! A stream of a connection of HTTP/2 (RFC 9113) as a transport, and what it shares with its connection.

mod inbound;
mod payload;
mod stream;
mod stream_set;

use std::io;

pub(crate) use self::{
    inbound::Inbound,
    payload::{Payload, Sent},
    stream::Http2Stream,
    stream_set::{OpenStream, StreamSet},
};

use super::Versions;

/// That HTTP/2 may be spoken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Http2;

/// What a client may speak within TLS (RFC 7301), and what it speaks if it knows both.
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "TLS alone needs it"))]
pub(crate) fn protocols() -> [Vec<u8>; 2] {
    [b"h2".to_vec(), b"http/1.1".to_vec()]
}

/// What is spoken once a protocol is agreed upon.
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "TLS alone needs it"))]
pub(crate) fn agreed(protocol: Option<&[u8]>) -> Versions {
    if protocol == Some(b"h2") { Versions::Http2(Http2) } else { Versions::Http1 }
}

/// How many bytes of a stream wait at most for the connection to send them. A stream writes no more before
/// these have left, so that what waits is few for each of many.
pub(crate) const MAX_UNSENT: usize = 64 * 1024;

fn to_io(error: h2::Error) -> io::Error {
    if error.is_io() {
        return error.into_io().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into());
    }
    // RFC 8441 §5: a connection that is reset "is represented as a stream error (Section 5.4.2)".
    io::Error::new(io::ErrorKind::ConnectionReset, error)
}
