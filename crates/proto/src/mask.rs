//! Unmasking: RFC 6455 §5.3.

/// The masking key of one frame, and where in it the next byte of payload stands.
///
/// ```text
/// j                   = i MOD 4
/// transformed-octet-i = original-octet-i XOR masking-key-octet-j
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask {
    /// Rotated so that its first byte is for the next byte of payload.
    key: [u8; 4],
}

impl Mask {
    pub(crate) fn new(key: [u8; 4]) -> Self {
        Self { key }
    }

    /// Masks or unmasks the next bytes of the payload.
    #[inline]
    pub(crate) fn apply(&mut self, bytes: &mut [u8]) {
        let key = u32::from_ne_bytes(self.key);
        let wide = u64::from(key) << 32 | u64::from(key);
        let (words, rest) = bytes.as_chunks_mut();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
        }
        let (words, rest) = rest.as_chunks_mut();
        for word in words {
            *word = (u32::from_ne_bytes(*word) ^ key).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(self.key.into_iter().cycle()) {
            *byte ^= key;
        }
        self.key.rotate_left(rest.len() % 4);
    }

    /// Passes over the next `len` bytes of the payload.
    pub(crate) fn skip(&mut self, len: usize) {
        self.key.rotate_left(len % 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// The definition in RFC 6455 §5.3, to the letter.
    fn by_definition(payload: &[u8]) -> Vec<u8> {
        payload.iter().enumerate().map(|(i, octet)| octet ^ KEY[i % 4]).collect()
    }

    #[test]
    fn masking_is_the_same_as_its_definition() {
        for len in 0..=67 {
            for phase in 0..8 {
                let payload: Vec<u8> = (0..phase + len).map(|i: u8| i.wrapping_mul(37)).collect();
                let mut masked = payload.clone();
                let mut mask = Mask::new(KEY);
                let (start, end) = masked.split_at_mut(phase.into());
                mask.apply(start);
                mask.apply(end);
                assert_eq!(masked, by_definition(&payload), "{len} bytes after {phase}");
            }
        }
    }

    #[test]
    fn what_is_skipped_counts() {
        for len in 0..9 {
            let (mut skipped, mut applied) = (Mask::new(KEY), Mask::new(KEY));
            skipped.skip(len);
            applied.apply(&mut vec![0; len]);
            assert_eq!(skipped.key, applied.key);
        }
    }

    #[test]
    fn a_payload_may_be_unmasked_in_any_pieces() {
        let payload: Vec<u8> = (0..=255).collect();
        for size in 1..=payload.len() {
            let mut masked = payload.clone();
            let mut mask = Mask::new(KEY);
            masked.chunks_mut(size).for_each(|piece| mask.apply(piece));
            assert_eq!(masked, by_definition(&payload), "in pieces of {size}");
        }
    }
}
