//! Why a message did not leave for other nodes.

/// Why a bus has not taken a message for the other nodes of a cluster. The clients of this node are told all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotQueued {
    /// The bus is away. What is published meanwhile is not sent later.
    #[error("the bus is away")]
    Away,
    /// As much waits for the bus as may.
    #[error("as much waits for the bus as may")]
    Full,
    /// The bus has a limit below this message.
    #[error("the bus takes {max} bytes at a time, and this would be {len}")]
    TooLarge {
        /// In bytes, with what goes along with the message.
        len: usize,
        /// As the bus has it.
        max: usize,
    },
}
