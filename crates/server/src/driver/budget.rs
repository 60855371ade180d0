//! How much of a turn is one client's.

use crate::transport::READ_BUFFER_SIZE;

/// What one read brings at most, in bytes. A message of 16 KiB comes with one and brings no other along:
/// nobody has much more than one that waits, and no neighbour waits long.
pub(super) const READ_SIZE: usize = 16 * 1024 + 64;

/// As much of a client that sends much, and whose application keeps up with it, in bytes: what comes of it
/// leaves with one write (bench/NOTES.md#read-and-written-together).
pub(super) const LARGE_READ: usize = READ_BUFFER_SIZE;

/// How much one client may read and write in one turn, in bytes: two reads.
const TURN: usize = 2 * READ_SIZE;

/// Who has read less in a turn has nothing to gather, in bytes.
const MUCH: usize = 8 * 1024;

/// What is left of one turn, in bytes each way; then the next client has its turn.
pub(super) struct Budget {
    pub(super) read: usize,
    pub(super) write: usize,
    /// How much the next read may bring.
    pub(super) read_size: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { read: TURN, write: TURN, read_size: READ_SIZE }
    }

    /// Whether so much was read that what comes of it may be worth gathering.
    #[inline]
    pub(super) fn has_read_much(&self) -> bool {
        self.read <= TURN - MUCH
    }

    pub(super) fn is_spent(&self) -> bool {
        self.read == 0 || self.write == 0
    }
}
