//! Why a client is not present in a group.

/// Why [`Client::show`](crate::Client::show) has shown nothing.
///
/// Let out of a handler with `?`, [`ClientGone`](Self::ClientGone) is silent, as it is of a
/// [`SendError`](crate::SendError); the others are the handler's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShowError {
    /// The client has gone, and is a member of nothing any more.
    #[error("the client has gone")]
    ClientGone,
    /// It is no member of the group: it has to [join](crate::Client::join) first.
    #[error("the client is no member of the group: it has to join it first")]
    NotAMember,
    /// It is more than may be shown.
    #[error("{len} bytes are too much to show: {max} at most", max = Self::MAX_SHOWN)]
    TooLarge {
        /// In bytes.
        len: usize,
    },
    /// An identity is 1 to 255 bytes long.
    #[error("an identity has 1 to {max} bytes, and this one {len}", max = Self::MAX_IDENTITY)]
    Identity {
        /// In bytes.
        len: usize,
    },
}

impl ShowError {
    /// The most that a client may show, in bytes: it is told to every node.
    pub const MAX_SHOWN: usize = 4096;

    /// The longest identity, in bytes.
    pub const MAX_IDENTITY: usize = 255;
}
