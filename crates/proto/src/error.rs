//! What can go wrong: by the peer's doing, which ends the connection, and by the caller's.

use thiserror::Error;

use crate::{Close, CloseCode, Message};

/// Why [`Connection::send`](crate::Connection::send) did not take a message, which it gives back.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// An earlier message has frames left; ask again when
    /// [`poll_transmit`](crate::Connection::poll_transmit) has given them out.
    #[error("an earlier message is still being sent")]
    Busy(Message),
    /// The connection is closing or closed; it takes no more messages.
    #[error("the connection is closing")]
    Closing(Message),
}

/// The rule that a peer has broken.
///
/// The texts are for the peer: they are the reason in the CLOSE frame that answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum PeerError {
    #[error("frame is not masked")]
    Unmasked,
    #[error("reserved bits {bits:03b} are set")]
    ReservedBits { bits: u8 },
    #[error("opcode {opcode:#x} is reserved")]
    ReservedOpcode { opcode: u8 },
    #[error("control frame is fragmented")]
    ControlFragmented,
    #[error("control frame exceeds 125 bytes")]
    ControlTooLong,
    #[error("length is not encoded minimally")]
    LengthNotMinimal,
    #[error("length exceeds 63 bits")]
    LengthTooLong,
    #[error("continuation of no message")]
    ContinuationOfNothing,
    #[error("new message within a fragmented one")]
    MessageUnfinished,
    #[error("close frame with half a code")]
    CloseTooShort,
    #[error("close code {code} is not allowed")]
    CloseCode { code: u16 },
    #[error("close reason is not UTF-8")]
    ReasonNotUtf8,
    #[error("text is not UTF-8")]
    TextNotUtf8,
    #[error("compressed data is not DEFLATE")]
    NotDeflate,
    #[error("binary messages are not accepted")]
    BinaryRefused,
    #[error("frame of {len} bytes exceeds {limit}")]
    FrameTooBig { len: u64, limit: usize },
    #[error("message of {len} bytes or more exceeds {limit}")]
    MessageTooBig { len: u64, limit: usize },
}

impl PeerError {
    fn code(self) -> CloseCode {
        match self {
            Self::Unmasked
            | Self::ReservedBits { .. }
            | Self::ReservedOpcode { .. }
            | Self::ControlFragmented
            | Self::ControlTooLong
            | Self::LengthNotMinimal
            | Self::LengthTooLong
            | Self::ContinuationOfNothing
            | Self::MessageUnfinished
            | Self::CloseTooShort
            | Self::CloseCode { .. } => CloseCode::PROTOCOL,
            Self::BinaryRefused => CloseCode::UNSUPPORTED,
            Self::ReasonNotUtf8 | Self::TextNotUtf8 | Self::NotDeflate => CloseCode::INVALID,
            Self::FrameTooBig { .. } | Self::MessageTooBig { .. } => CloseCode::TOO_BIG,
        }
    }
}

impl From<PeerError> for Close {
    fn from(error: PeerError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
