//! What stands in where HTTP/2 is left out (feature `http2`): nobody can speak it.

use super::Versions;

/// What a client may speak within TLS (RFC 7301).
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "TLS alone needs it"))]
pub(crate) fn protocols() -> [Vec<u8>; 1] {
    [b"http/1.1".to_vec()]
}

/// What is spoken once a protocol is agreed upon.
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "TLS alone needs it"))]
pub(crate) fn agreed(_: Option<&[u8]>) -> Versions {
    Versions::Http1
}

/// There is none.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Http2 {}
