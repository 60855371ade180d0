//! The client's side of compression, by another's code.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::client::Sent;

/// A client that keeps its contexts from message to message.
pub(super) struct Peer {
    compress: Compress,
    decompress: Decompress,
}

impl Peer {
    pub(super) fn new() -> Self {
        Self::with_bits(15, 15)
    }

    /// With a window of `compress` bits for what it sends, and `decompress` for what it gets.
    pub(super) fn with_bits(compress: u8, decompress: u8) -> Self {
        Self {
            compress: Compress::new_with_window_bits(Compression::best(), false, compress),
            decompress: Decompress::new_with_window_bits(false, decompress),
        }
    }

    /// Forgets what it has sent.
    pub(super) fn forget_sent(&mut self) {
        self.compress.reset();
    }

    /// The payload of a compressed message.
    pub(super) fn deflate(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut deflated = Vec::with_capacity(2 * payload.len() + 64);
        self.compress.compress_vec(payload, &mut deflated, FlushCompress::Sync).unwrap();
        if deflated.is_empty() {
            // §7.2.3.6: of nothing right after a flush comes nothing, and an empty block is built by hand.
            return vec![0];
        }
        assert_eq!(deflated.split_off(deflated.len() - 4), [0, 0, 0xff, 0xff]);
        deflated
    }

    /// What a message of the server says, which consists of these frames.
    pub(super) fn read(&mut self, frames: &[Sent]) -> Vec<u8> {
        let payload: Vec<u8> = frames.iter().flat_map(|(_, payload)| payload).copied().collect();
        if frames[0].0 & RSV1 == 0 { payload } else { self.inflate(&payload) }
    }

    fn inflate(&mut self, payload: &[u8]) -> Vec<u8> {
        let input = [payload, &[0, 0, 0xff, 0xff]].concat();
        let mut inflated = Vec::with_capacity(4 << 20);
        self.decompress.decompress_vec(&input, &mut inflated, FlushDecompress::Sync).unwrap();
        assert!(inflated.len() < inflated.capacity(), "there was room for all");
        inflated
    }
}

/// The payload of a compressed message of a client that keeps no context.
pub(super) fn deflate(payload: impl AsRef<[u8]>) -> Vec<u8> {
    Peer::new().deflate(payload.as_ref())
}

/// What no compressor makes shorter.
pub(super) fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

pub(super) const RSV1: u8 = 0x40;
