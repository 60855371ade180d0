//! What compresses and decompresses: zlib, by way of `flate2`.
//!
//! Without the feature `compression`, `no_engine` is in its place, with the same items.

pub(super) use flate2::{
    Compress, Compression as Level, Decompress, FlushCompress, FlushDecompress, Status,
};

/// Says that there is an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Engine(());

impl Engine {
    pub(super) fn find() -> Option<Self> {
        Some(Self(()))
    }

    /// From 0 to 9.
    pub(super) fn level(self, level: u32) -> Level {
        Level::new(level)
    }

    /// One with an empty window of `bits`, for streams without a header.
    pub(super) fn decompress(self, bits: u8) -> Decompress {
        Decompress::new_with_window_bits(false, bits)
    }
}
