//! HTTP/2 (RFC 9113), with websockets by extended CONNECT (RFC 8441).
//!
//! H2 speaks it; each stream has a task of its own beside that of its connection, on the same worker.

mod begin;
mod connection;
mod deadlines;
mod frame_socket;
mod liveness;
mod request;
mod resets;
mod response;
mod stream;

use std::{sync::Arc, time::Instant};

use bytes::Bytes;

use super::{AcceptContext, Entrance};

pub(super) use self::{
    begin::serve_as_begun,
    connection::serve,
    request::{RequestBody, mark_connect},
};

/// How many streams a client may have open at once. RFC 9113 §6.5.2 recommends no fewer.
const MAX_STREAMS: u32 = 100;

/// How many tasks a connection may have for its streams. More than there are streams, as a handler goes on
/// when its stream was reset; so a client that opens and resets has no more of them.
const MAX_TASKS: usize = 2 * MAX_STREAMS as usize;

/// How many bytes a client may send on a stream that nobody reads: what it may be before it has heard of
/// another limit (RFC 9113 §6.9.2).
const STREAM_WINDOW: u32 = 65_535;

/// On all streams together: as many as on each, so that one that nobody reads holds up no other.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * MAX_STREAMS;

/// A connection of which no request has been read.
pub(super) struct Begun<T> {
    pub(super) transport: T,
    /// What was read of it already.
    pub(super) read: Bytes,
    pub(super) came: Instant,
    pub(super) entrance: Entrance,
    pub(super) context: Arc<AcceptContext>,
}
