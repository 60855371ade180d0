//! UTF-8 of a text that is still arriving: RFC 6455 §5.6, §8.1.

use crate::error::PeerError;

/// From this length on there is nothing faster than SIMD.
const SHORT: usize = 64;

/// How much of a growing text is not yet known to be UTF-8: at most the three bytes of a sequence
/// that the text so far ends in.
///
/// They stay where they are, in the text itself, and are looked at again with what follows them.
#[derive(Debug, Default)]
pub(crate) struct Utf8 {
    pending: u8,
}

impl Utf8 {
    /// Checks `text`, to which `added` bytes have been added. Fails as soon as nothing that might
    /// follow could make it valid, also within a sequence.
    pub(crate) fn advance(&mut self, text: &[u8], added: usize) -> Result<(), PeerError> {
        let unchecked = &text[text.len() - added - usize::from(self.pending)..];
        self.pending = match simdutf8::compat::from_utf8(unchecked) {
            Ok(_) => 0,
            Err(error) if error.error_len().is_none() => {
                (unchecked.len() - error.valid_up_to()) as u8
            }
            Err(_) => return Err(PeerError::TextNotUtf8),
        };
        Ok(())
    }

    /// How many bytes the text ends in that are not yet known to be UTF-8.
    pub(crate) fn pending(&self) -> usize {
        self.pending.into()
    }

    /// Checks that the text does not end within a sequence.
    pub(crate) fn finish(&self) -> Result<(), PeerError> {
        if self.pending == 0 { Ok(()) } else { Err(PeerError::TextNotUtf8) }
    }
}

/// Checks a text that is complete.
pub(crate) fn check(text: &[u8]) -> Result<(), PeerError> {
    // Short ones are mostly ASCII, which is found out faster (bench/NOTES.md#taken-out-one-by-one).
    if text.len() < SHORT && text.is_ascii() {
        return Ok(());
    }
    simdutf8::basic::from_utf8(text).map(drop).map_err(|_| PeerError::TextNotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `text` in pieces of `size`; how many bytes were in when it failed, if it did.
    fn failed_after(text: &[u8], size: usize) -> Option<usize> {
        let mut utf8 = Utf8::default();
        let mut end = 0;
        for piece in text.chunks(size) {
            end += piece.len();
            if utf8.advance(&text[..end], piece.len()).is_err() {
                return Some(end);
            }
        }
        utf8.finish().is_err().then_some(text.len() + 1)
    }

    #[test]
    fn a_text_may_be_split_anywhere() {
        let text = "aé€😀 κόσμε \u{10ffff}\u{d7ff}\u{e000}\0".repeat(9);
        for size in 1..=text.len() {
            assert_eq!(failed_after(text.as_bytes(), size), None, "in pieces of {size}");
        }
    }

    #[test]
    fn the_first_impossible_byte_fails() {
        let cases: &[(&[u8], usize)] = &[
            (b"\x80", 1),
            (b"\xc0\x80", 1),
            (b"\xc1\xbf", 1),
            (b"\xf5\x80\x80\x80", 1),
            (b"\xff", 1),
            (b"\xe0\x80\x80", 2),
            (b"\xed\xa0\x80", 2),
            (b"\xf0\x8f\x80\x80", 2),
            (b"\xf4\x90\x80\x80", 2),
            (b"\xc3a", 2),
            (b"\xe2\x82a", 3),
            (b"\xf0\x9f\x98a", 4),
            (b"abc\xf4\x90", 5),
        ];
        for (text, at) in cases {
            assert_eq!(failed_after(text, 1), Some(*at), "{text:x?}");
            assert_eq!(failed_after(text, text.len()), Some(text.len()), "{text:x?}");
            assert!(check(text).is_err());
        }
    }

    #[test]
    fn a_text_must_not_end_within_a_sequence() {
        let cases: &[&[u8]] = &[b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"abc\xf4"];
        for text in cases {
            for size in 1..=text.len() {
                assert_eq!(failed_after(text, size), Some(text.len() + 1), "{text:x?}");
            }
            assert!(check(text).is_err());
        }
    }
}
