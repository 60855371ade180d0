//! What a connection reports to the application.

use crate::{Close, Message};

/// Something that happened on a [`Connection`](crate::Connection).
///
/// Pings, pongs and the rest of the protocol's housekeeping are no events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer has sent a whole message.
    Message(Message),
    /// The connection is over for the application. **Reported exactly once, and nothing after it.**
    ///
    /// It carries what the peer said if it was the peer that closed; what we said if it was us,
    /// whether that was answered, timed out or was the answer to a violation or to silence; and
    /// [`CloseCode::ABNORMAL`](crate::CloseCode::ABNORMAL) if the socket ended without a word.
    Closed(Close),
}
