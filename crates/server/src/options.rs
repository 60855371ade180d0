//! What can be set for each mounted application, in the original's words.

use std::{sync::Arc, time::Duration};

use aerys_proto::Config;

/// Limits and periods of one endpoint.
///
/// ```
/// use std::time::Duration;
/// use aerys::Options;
///
/// let options = Options::new()
///     .max_msg_size(64 * 1024)
///     .heartbeat_period(Duration::from_secs(30))
///     .text_only(true);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) protocol: Arc<Config>,
    pub(crate) max_queued_bytes: usize,
}

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The largest frame taken in, in bytes of payload; a frame that claims more closes its client
    /// with 1009. Default 2 MiB.
    pub fn max_frame_size(self, bytes: usize) -> Self {
        self.with(|config| config.max_frame_size = bytes)
    }

    /// The largest message taken in, in bytes, all its frames together; more closes the client with
    /// 1009. Default 10 MiB.
    pub fn max_msg_size(self, bytes: usize) -> Self {
        self.with(|config| config.max_msg_size = bytes)
    }

    /// After how long a silence a client is sent a ping; `None` for never. Default 10 s.
    pub fn heartbeat_period(self, period: impl Into<Option<Duration>>) -> Self {
        let period = period.into();
        self.with(|config| config.heartbeat_period = period)
    }

    /// How long a client may take to answer a CLOSE before the connection is cut. Default 3 s.
    pub fn close_period(self, period: Duration) -> Self {
        self.with(|config| config.close_period = period)
    }

    /// Whether text that is not valid UTF-8 closes its client with 1007, as RFC 6455 §8.1 demands.
    /// Default true.
    ///
    /// If not, text is checked only where the application reads it as text, and what is not valid
    /// is relayed as binary.
    pub fn validate_utf8(self, validate: bool) -> Self {
        self.with(|config| config.validate_utf8 = validate)
    }

    /// Whether a binary message closes its client with 1003. Default false.
    pub fn text_only(self, text_only: bool) -> Self {
        self.with(|config| config.text_only = text_only)
    }

    /// The largest frame sent, in bytes of payload; longer messages are sent in several.
    /// Default 32 KiB.
    pub fn auto_frame_size(self, bytes: usize) -> Self {
        self.with(|config| config.auto_frame_size = bytes)
    }

    /// How many pings in a row may stay unanswered; then the client is closed with 1008. Default 3.
    pub fn queued_ping_limit(self, pings: u32) -> Self {
        self.with(|config| config.queued_ping_limit = pings)
    }

    /// What one client may be owed, in bytes sent to it and not yet taken by the kernel; a client
    /// that is owed more is closed with 1008. One message on its own may be larger. Each message
    /// counts 64 bytes beside its payload. Default 4 MiB.
    pub fn max_queued_bytes(mut self, bytes: usize) -> Self {
        self.max_queued_bytes = bytes;
        self
    }

    fn with(mut self, set: impl FnOnce(&mut Config)) -> Self {
        set(Arc::make_mut(&mut self.protocol));
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { protocol: Arc::new(Config::default()), max_queued_bytes: 4 << 20 }
    }
}
