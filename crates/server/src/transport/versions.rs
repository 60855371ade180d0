//! Which versions of HTTP are spoken on a connection.

use super::http2::Http2;

#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "http2"), expect(dead_code, reason = "there is one"))]
pub(crate) enum Versions {
    Http1,
    /// As was agreed within TLS (RFC 7301).
    Http2(Http2),
    /// HTTP/2 if the client begins with its preface, which is to know beforehand (RFC 9113 §3.3).
    AsBegun(Http2),
}
