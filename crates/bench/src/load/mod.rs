//! The load: one thread, sockets that never block, nothing allocated for a message.
//!
//! [`Crowd`] connects clients; [`Echo`], [`Broadcast`], [`Mixed`], [`connects`](connects()) and
//! [`noread`](noread()) keep them busy and count; [`Http2Echo`] has clients of its own. Every reply is compared
//! with what was sent.

mod broadcast;
mod client;
mod connects;
mod crowd;
mod echo;
mod handshake;
mod http2;
mod message;
mod mixed;
mod noread;
mod replies;
mod stream;
mod tls;

use std::time::Duration;

use hdrhistogram::Histogram;

pub(crate) use broadcast::Broadcast;
pub(crate) use connects::connects;
pub(crate) use crowd::{Crowd, Patience, Visit};
pub(crate) use echo::{Echo, Pace, Until};
pub(crate) use http2::Http2Echo;
pub(crate) use message::Message;
pub(crate) use mixed::Mixed;
pub(crate) use noread::noread;
pub(crate) use tls::{TLS_NAME, tls_config};

/// In nanoseconds.
const MINUTE: u64 = 60_000_000_000;

/// What a load counted in one window of time.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Messages that were answered, deliveries that were made, or clients that came and went.
    pub(crate) messages: u64,
    /// Bytes that came back, headers included.
    pub(crate) bytes: u64,
    pub(crate) elapsed: Duration,
    /// How long the load had nothing to do.
    pub(crate) idle: Duration,
    pub(crate) latency: Latency,
}

/// Times to a reply, up to a minute, to three digits.
#[derive(Debug)]
pub(crate) struct Latency(Histogram<u64>);

impl Latency {
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, MINUTE, 3);
        Self(histogram.expect("the bounds are in order and the digits at most five"))
    }

    pub(crate) fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(MINUTE));
    }

    /// How many times were recorded.
    fn count(&self) -> u64 {
        self.0.len()
    }

    /// How long the fastest `share` of the replies took at most, in nanoseconds.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        self.0.value_at_quantile(share)
    }
}
