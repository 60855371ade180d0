//! How much of a turn is one client's.

/// What one read brings at most, in bytes. A message of 16 KiB comes with one and brings no other along:
/// nobody has much more than one that waits, and no neighbour waits long.
pub(super) const READ_SIZE: usize = 16 * 1024 + 64;

/// How much one client may read and write in one turn, in bytes.
const TURN: usize = 32 * 1024;

/// What is left of one turn, in bytes each way; then the next client has its turn.
pub(super) struct Budget {
    pub(super) read: usize,
    pub(super) write: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { read: TURN, write: TURN }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.read == 0 || self.write == 0
    }
}
