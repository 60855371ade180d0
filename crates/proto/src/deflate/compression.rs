//! What may be set about compression.

use std::ops::RangeInclusive;

use thiserror::Error;

use super::engine::{Engine, Level};

/// What the library beneath can do. RFC 7692 §7.1.2 has 8 too.
pub(super) const MIN_BITS: u8 = 9;

/// RFC 7692 §7.1.2: a window of 32,768 bytes, where nothing else is said.
pub(super) const MAX_BITS: u8 = 15;

const BITS: RangeInclusive<u32> = MIN_BITS as u32..=MAX_BITS as u32;

const MAX_LEVEL: u32 = 9;

/// How messages are compressed, for clients that can (RFC 7692).
///
/// ```
/// # use aerys_proto::deflate::Compression;
/// // For few clients and much text that repeats itself: best ratio, most memory.
/// let compression =
///     Compression::new().level(9).server_context_takeover(true).client_context_takeover(true);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Compression {
    // Public for who reads them from a file, and writes them to one.
    #[doc(hidden)]
    pub level: u32,
    #[doc(hidden)]
    pub threshold: usize,
    #[doc(hidden)]
    pub server_context_takeover: bool,
    #[doc(hidden)]
    pub client_context_takeover: bool,
    #[doc(hidden)]
    pub server_max_window_bits: u8,
    #[doc(hidden)]
    pub client_max_window_bits: u8,
}

impl Compression {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// From 1, the fastest, to 9, the smallest; 0 compresses nothing. Default 6.
    ///
    /// Who relays what clients write had better stay below 9: text made for that takes a second for
    /// each MiB, forty times what 6 takes.
    pub fn level(mut self, level: u32) -> Self {
        self.level = level;
        self
    }

    /// Messages shorter than this, in bytes, are sent plain. Default 1 KiB.
    pub fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// Whether what is sent may refer to earlier messages, unless the client forbids it
    /// (RFC 7692 §7.1.1.1). Better ratios for similar messages, but the compressor's state, some
    /// 300 KiB with full window bits, is kept for each client that has been sent anything
    /// compressed, and a broadcast is compressed for each client anew. Default false.
    pub fn server_context_takeover(mut self, takeover: bool) -> Self {
        self.server_context_takeover = takeover;
        self
    }

    /// Whether what clients send may refer to their earlier messages, unless they say that it
    /// never does (RFC 7692 §7.1.1.2). The decompressor's state, some 50 KiB with full window
    /// bits, is kept for each client that has sent anything compressed. Default false.
    ///
    /// A client is told not to take context over though it may not have offered that, as the RFC
    /// allows. One that was set to insist on its context fails the connection then.
    pub fn client_context_takeover(mut self, takeover: bool) -> Self {
        self.client_context_takeover = takeover;
        self
    }

    /// How far back what is sent may refer, as a power of two in bytes, from 9 to 15; a client may
    /// ask for less (RFC 7692 §7.1.2.1). Default 15.
    pub fn server_max_window_bits(mut self, bits: u8) -> Self {
        self.server_max_window_bits = bits;
        self
    }

    /// How far back what clients send may refer, as a power of two in bytes, from 9 to 15
    /// (RFC 7692 §7.1.2.2). It spares clients that can be told so some memory, and the server none.
    /// Without [`client_context_takeover`](Self::client_context_takeover) it has no effect.
    /// Default 15.
    pub fn client_max_window_bits(mut self, bits: u8) -> Self {
        self.client_max_window_bits = bits;
        self
    }

    /// Looks for values out of range. Where they are used all the same, the nearest in range is.
    ///
    /// # Errors
    ///
    /// The first value that is out of its range.
    pub fn check(&self) -> Result<(), CompressionError> {
        for (option, value, range) in [
            ("level", self.level, 0..=MAX_LEVEL),
            ("server_max_window_bits", self.server_max_window_bits.into(), BITS),
            ("client_max_window_bits", self.client_max_window_bits.into(), BITS),
        ] {
            if !range.contains(&value) {
                let (least, most) = range.into_inner();
                return Err(CompressionError { option, value, least, most });
            }
        }
        Ok(())
    }

    pub(super) fn settled_level(&self, engine: Engine) -> Level {
        engine.level(self.level.min(MAX_LEVEL))
    }

    /// The defaults, if anything can be compressed.
    pub(crate) fn usual() -> Option<Self> {
        Engine::find().map(|_| Self::default())
    }

    /// Whether a message of `len` bytes is worth the work. An empty one never is: once the end of
    /// a flush is taken off, it takes a byte more.
    pub(crate) fn is_worthwhile(&self, len: usize) -> bool {
        len >= self.threshold.max(1)
    }

    pub(super) fn server_takes_over(&self) -> bool {
        self.server_context_takeover
    }

    pub(super) fn client_takes_over(&self) -> bool {
        self.client_context_takeover
    }

    pub(super) fn server_bits(&self) -> u8 {
        self.server_max_window_bits.clamp(MIN_BITS, MAX_BITS)
    }

    pub(super) fn client_bits(&self) -> u8 {
        self.client_max_window_bits.clamp(MIN_BITS, MAX_BITS)
    }
}

impl Default for Compression {
    fn default() -> Self {
        Self {
            level: 6,
            threshold: 1024,
            server_context_takeover: false,
            client_context_takeover: false,
            server_max_window_bits: MAX_BITS,
            client_max_window_bits: MAX_BITS,
        }
    }
}

/// A value of [`Compression`] that is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("`{option}` is {value}: it goes from {least} to {most}")]
pub struct CompressionError {
    /// The setter's name.
    pub option: &'static str,
    /// As set.
    pub value: u32,
    /// The least it can be.
    pub least: u32,
    /// The most it can be.
    pub most: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_named() {
        for (compression, option) in [
            (Compression::new().level(10), "level"),
            (Compression::new().server_max_window_bits(8), "server_max_window_bits"),
            (Compression::new().server_max_window_bits(16), "server_max_window_bits"),
            (Compression::new().client_max_window_bits(8), "client_max_window_bits"),
            (Compression::new().client_max_window_bits(16), "client_max_window_bits"),
        ] {
            assert_eq!(compression.check().unwrap_err().option, option);
        }
        let extremes = Compression::new().level(0).server_max_window_bits(9);
        assert_eq!(extremes.client_max_window_bits(15).check(), Ok(()));
    }

    #[test]
    fn a_message_as_long_as_the_threshold_is_compressed_and_an_empty_one_never() {
        let compression = Compression::new().threshold(10);
        assert!(!compression.is_worthwhile(9));
        assert!(compression.is_worthwhile(10));
        assert!(!Compression::new().threshold(0).is_worthwhile(0));
        assert!(Compression::new().threshold(0).is_worthwhile(1));
    }
}
