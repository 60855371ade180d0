//! The memory of one payload, which begins, if it is large, where it is fast to copy to and from.
//!
//! Kernels copy with `rep movsb` where the processor calls that fast. Several of AMD's (family 25)
//! take twelve times as long for it if the destination lies 1 to 31 bytes further into its page
//! than the source. Kernels begin a page with what they are sent, with a frame's header of 2 to 14
//! bytes, and allocators begin what is large 16 bytes into one: that would be the rule
//! (bench/NOTES.md#where-a-message-lies-in-its-page).

use bytes::BufMut;

/// Less is soon moved, and the allocator has it at hand; in bytes.
pub(super) const LARGE_PAYLOAD: usize = 128 * 1024;

/// In bytes.
const PAGE: usize = 4096;

/// As a `Vec`, but what is [`LARGE_PAYLOAD`] begins in the middle of a page, far from the beginning of one.
#[derive(Debug, Default)]
pub(super) struct Memory {
    bytes: Vec<u8>,
    /// How many of them come before it, up to a page; none if it is small.
    padding: usize,
}

impl Memory {
    #[cfg(test)]
    pub(super) fn with_capacity(size: usize) -> Self {
        let mut memory = Self::default();
        memory.grow(size);
        memory
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.padding..]
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.padding
    }

    pub(super) fn capacity(&self) -> usize {
        let lost = if self.padding > 0 { PAGE } else { 0 };
        self.bytes.capacity() - lost
    }

    /// How many bytes may be added.
    pub(super) fn spare(&self) -> usize {
        self.capacity() - self.len()
    }

    pub(super) fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Lets `read` add up to `most` bytes; what it has added.
    pub(super) fn fill(&mut self, most: usize, read: impl FnOnce(&mut dyn BufMut)) -> &mut [u8] {
        let from = self.bytes.len();
        read(&mut (&mut self.bytes).limit(most));
        &mut self.bytes[from..]
    }

    /// Has a capacity of `size` from now on, which is more than it had.
    pub(super) fn grow(&mut self, size: usize) {
        if size < LARGE_PAYLOAD {
            return self.bytes.reserve_exact(size - self.bytes.len());
        }
        self.bytes.reserve_exact(size + PAGE - self.bytes.len());
        // What was large already keeps its place in a page, as a rule.
        let padding = padding(&self.bytes);
        if padding != self.padding {
            self.begin_after(padding);
        }
    }

    fn begin_after(&mut self, padding: usize) {
        let (from, len) = (self.padding, self.len());
        if padding > from {
            self.bytes.resize(padding + len, 0);
        }
        self.bytes.copy_within(from..from + len, padding);
        self.bytes.truncate(padding + len);
        self.padding = padding;
    }

    /// The bytes alone, if it is not large.
    pub(super) fn into_small(self) -> Result<Vec<u8>, Self> {
        if self.padding == 0 { Ok(self.bytes) } else { Err(self) }
    }

    /// Keeps the first `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(self.padding + len);
    }

    pub(super) fn clear(&mut self) {
        self.truncate(0);
    }
}

/// How many bytes before the next middle of a page `bytes` begin; at least one.
fn padding(bytes: &[u8]) -> usize {
    PAGE - (bytes.as_ptr().addr() + PAGE / 2) % PAGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_large_begins_where_it_is_fast_however_it_has_grown() {
        let payload: Vec<u8> = (0..3 * LARGE_PAYLOAD).map(|i| (i / 3) as u8).collect();
        for step in [1000, 10_000, 100_000, LARGE_PAYLOAD] {
            let mut memory = Memory::default();
            while memory.len() < payload.len() {
                let to = payload.len().min(memory.len() + step);
                if to > memory.capacity() {
                    memory.grow(to);
                    assert_eq!(memory.capacity(), to);
                }
                memory.extend_from_slice(&payload[memory.len()..to]);
                let is_fast = memory.as_slice().as_ptr().addr() % PAGE == PAGE / 2;
                assert!(is_fast || memory.capacity() < LARGE_PAYLOAD);
            }
            assert!(memory.as_slice() == payload);
            memory.clear();
            assert_eq!((memory.len(), memory.spare()), (0, payload.len()));
        }
    }
}
