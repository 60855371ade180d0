//! Why a client is not in a group.

/// Why [`Client::join`](crate::Client::join) has not made the client a member.
///
/// Let out of a handler with `?`, [`ClientGone`](Self::ClientGone) is silent, as it is of a
/// [`SendError`](crate::SendError); the others are the handler's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The client has gone, and is a member of nothing any more.
    #[error("the client has gone")]
    ClientGone,
    /// The group has as many members as [`Options::max_group_members`](crate::Options::max_group_members) allows.
    #[error("the group is full: `max_group_members` is {max}")]
    GroupFull {
        /// As set.
        max: usize,
    },
    /// The client is in as many groups as
    /// [`Options::max_groups_per_client`](crate::Options::max_groups_per_client) allows.
    #[error("the client is in too many groups: `max_groups_per_client` is {max}")]
    TooManyGroups {
        /// As set.
        max: usize,
    },
    /// A group's name is 1 to 255 bytes long.
    #[error("a group's name has 1 to {max} bytes, and this one {len}", max = Self::MAX_NAME)]
    Name {
        /// In bytes.
        len: usize,
    },
}

impl JoinError {
    /// The longest name that a group may have, in bytes.
    pub const MAX_NAME: usize = 255;
}
