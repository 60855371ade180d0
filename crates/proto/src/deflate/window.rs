//! What a final block must not make forgotten: RFC 7692 §7.2.2, §7.2.3.4.
//!
//! The window goes on behind a block that is final, in the same message and, with takeover, in the
//! next ones. For zlib a final block ends the stream and its window, which it does not give out. So
//! a new stream is begun, and told what came before, as a preset dictionary.
//!
//! That is where it is anyway: this message's part of it in what has come of the message, which costs
//! nothing to keep. Only of earlier messages a copy is kept, with takeover alone, which has no more
//! than a window of each message copied, when it has ended.

use std::collections::VecDeque;

use super::{
    compression::{MAX_BITS, MIN_BITS},
    engine::Decompress,
};
use crate::error::PeerError;

/// The largest there is, in bytes.
const WINDOW: usize = 1 << MAX_BITS;

/// What comes of a compressed message.
pub(crate) trait Output {
    /// Takes what comes next.
    ///
    /// # Errors
    ///
    /// If the peer must not say that.
    fn push(&mut self, bytes: &[u8]) -> Result<(), PeerError>;

    /// How much it is so far, in bytes.
    fn len(&self) -> usize;

    /// The last bytes of it, `most` or all that there are, in the pieces that they are in.
    fn last(&self, most: usize) -> impl Iterator<Item = &[u8]>;
}

/// What earlier messages have left in the window.
#[derive(Debug)]
pub(super) struct History {
    bytes: VecDeque<u8>,
    most: usize,
}

impl History {
    pub(super) fn new(bits: u8) -> Self {
        // Who agreed to 8 may use 9: zlib has no smaller window.
        Self { bytes: VecDeque::new(), most: 1 << bits.max(MIN_BITS) }
    }

    /// The message in `output` has become an earlier one.
    pub(super) fn extend(&mut self, output: &impl Output) {
        for piece in output.last(self.most) {
            let excess = (self.bytes.len() + piece.len()).saturating_sub(self.most);
            self.bytes.drain(..excess);
            let len = self.bytes.len() + piece.len();
            if len > self.bytes.capacity() {
                let size = len.max(2 * self.bytes.capacity()).min(self.most);
                self.bytes.reserve_exact(size - self.bytes.len());
            }
            self.bytes.extend(piece);
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes = VecDeque::new();
    }

    /// In bytes.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }
}

/// What a message may refer to: earlier messages, and what it has said itself.
pub(super) struct Before<'m, O> {
    pub(super) history: Option<&'m History>,
    pub(super) output: &'m O,
}

impl<O: Output> Before<'_, O> {
    pub(super) fn is_empty(&self) -> bool {
        self.output.len() == 0 && self.history.is_none_or(|history| history.bytes.is_empty())
    }

    /// Tells a decompressor that has read nothing; how many bytes that is.
    pub(super) fn recall(&self, state: &mut Decompress) -> Result<usize, PeerError> {
        let history = self.history.filter(|_| self.output.len() < WINDOW);
        let (older, old) = history.map_or_else(Default::default, |it| it.bytes.as_slices());
        let mut recalled = 0;
        for piece in [older, old].into_iter().chain(self.output.last(WINDOW)) {
            if !piece.is_empty() {
                state.set_dictionary(piece).map_err(|_| PeerError::NotDeflate)?;
                recalled += piece.len();
            }
        }
        Ok(recalled)
    }
}
