//! What a message that goes to many was compressed to, once for all of them: at once, or piece by
//! piece if it is large.

use std::{array, sync::OnceLock};

use bytes::Bytes;

use super::{
    compression::{MAX_BITS, MIN_BITS},
    large::Pieces,
};

const CLASSES: usize = (MAX_BITS - MIN_BITS + 1) as usize;

/// What a message was compressed to, for each window that clients may have asked for. `None` where
/// it became no shorter.
#[derive(Debug)]
pub(crate) struct Compressed {
    by_bits: [OnceLock<Option<Bytes>>; CLASSES],
    pub(super) large: Pieces,
}

impl Compressed {
    /// What `compress` made of the message with a window of `bits`, or makes now. Threads that ask
    /// meanwhile wait, rather than do the same work again.
    pub(super) fn get_or_compress(
        &self,
        bits: u8,
        compress: impl FnOnce() -> Option<Bytes>,
    ) -> Option<Bytes> {
        let class = usize::from(bits.clamp(MIN_BITS, MAX_BITS) - MIN_BITS);
        self.by_bits[class].get_or_init(compress).clone()
    }
}

impl Default for Compressed {
    fn default() -> Self {
        Self { by_bits: array::from_fn(|_| OnceLock::new()), large: Pieces::default() }
    }
}
