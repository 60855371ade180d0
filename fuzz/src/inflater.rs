//! The client's DEFLATE: RFC 7692 §7.2.2, by a library that shares no code with the server's.

use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_HAS_MORE_INPUT},
};

/// A decompressor that remembers exactly as much as its window holds.
pub(crate) struct Inflater {
    state: Box<DecompressorOxide>,
    window: Vec<u8>,
    at: usize,
}

impl Inflater {
    pub(crate) fn new(bits: u8) -> Self {
        Self { state: Box::default(), window: vec![0; 1 << bits], at: 0 }
    }

    /// Forgets all messages before.
    pub(crate) fn reset(&mut self) {
        self.state.init();
        self.window.fill(0);
        self.at = 0;
    }

    /// The message that was compressed to `payload`.
    ///
    /// # Panics
    ///
    /// If it is not DEFLATE, ends, or refers to what the window does not hold.
    pub(crate) fn inflate(&mut self, payload: &[u8]) -> Vec<u8> {
        let bytes = [payload, &[0x00, 0x00, 0xff, 0xff]].concat();
        let mut input = &bytes[..];
        let mut message = Vec::new();
        loop {
            let (status, consumed, made) = decompress(
                &mut self.state,
                input,
                &mut self.window,
                self.at,
                TINFL_FLAG_HAS_MORE_INPUT,
            );
            input = &input[consumed..];
            message.extend(&self.window[self.at..self.at + made]);
            self.at = (self.at + made) % self.window.len();
            match status {
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput => {
                    assert!(input.is_empty());
                    return message;
                }
                _ => panic!("{status:?} after {} bytes", message.len()),
            }
        }
    }
}
