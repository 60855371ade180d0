//! A few bytes of a header or a control frame that has half arrived.

/// Up to `N` bytes, to be kept from one read to the next.
#[derive(Clone, Debug)]
pub(super) struct Stash<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Stash<N> {
    pub(super) fn new(input: &[u8]) -> Self {
        let mut stash = Self::default();
        stash.extend(input);
        stash
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len.into()]
    }

    /// Adds from `input` what there is room for.
    pub(super) fn extend(&mut self, input: &[u8]) {
        for (byte, &new) in self.bytes[self.len.into()..].iter_mut().zip(input) {
            *byte = new;
            self.len += 1;
        }
    }
}

impl<const N: usize> Default for Stash<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0 }
    }
}
