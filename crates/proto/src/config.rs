//! Limits and periods of a connection.

use std::time::Duration;

use crate::deflate::Compression;

const KIB: usize = 1024;

const MIB: usize = 1024 * KIB;

/// What a [`Connection`](crate::Connection) allows its peer, and for how long.
///
/// Shared by all connections of an endpoint. Sizes are in bytes of payload.
#[derive(Clone, Debug)]
pub struct Config {
    /// The longest payload that one data frame may have: 2 MiB. More is answered with 1009, as
    /// soon as the frame's header has claimed it.
    pub max_frame_size: usize,
    /// The longest message, over all its frames and decompressed: 10 MiB. More is answered with
    /// 1009, before it takes more memory.
    pub max_msg_size: usize,
    /// Longer messages are sent in fragments of this size: 32 KiB. Control frames can go out
    /// between two fragments. 0 counts as 1.
    pub auto_frame_size: usize,
    /// After this much silence the peer is sent a ping: 10 s. `None` for never.
    pub heartbeat_period: Option<Duration>,
    /// How many pings may be unanswered: 3. When another one is due, the peer is given up with
    /// 1008. With 0 it is given up at the first silent period, without a ping.
    pub queued_ping_limit: u32,
    /// How long to wait for the peer's part in closing: 3 s.
    pub close_period: Duration,
    /// How long a message that has begun to arrive may bring nothing new: 60 s, and then the peer is
    /// given up with 1008. `None` for ever.
    pub message_period: Option<Duration>,
    /// Whether texts must be UTF-8: yes. A text that is not is answered with 1007. If off, texts
    /// are delivered as they came; see [`Message::as_text`](crate::Message::as_text).
    pub validate_utf8: bool,
    /// Whether text alone is spoken: no. If so, binary messages are answered with 1003, and whatever
    /// is sent goes as text, unchecked.
    pub text_only: bool,
    /// How messages are compressed, where that was
    /// [agreed on](crate::Connection::with_compression); `None` for not at all, as is usual without the
    /// feature `compression`.
    pub compression: Option<Compression>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_frame_size: 2 * MIB,
            max_msg_size: 10 * MIB,
            auto_frame_size: 32 * KIB,
            heartbeat_period: Some(Duration::from_secs(10)),
            queued_ping_limit: 3,
            close_period: Duration::from_secs(3),
            message_period: Some(Duration::from_secs(60)),
            validate_utf8: true,
            text_only: false,
            compression: Compression::usual(),
        }
    }
}
