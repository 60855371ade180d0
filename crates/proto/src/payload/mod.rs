//! The payload of a message that is arriving: its memory follows what has arrived.

mod gathering;
mod memory;
mod pool;
mod segments;

use std::mem;

use bytes::{BufMut, Bytes};

use self::memory::Memory;
pub(crate) use self::segments::Segments;

/// It is allocated no memory for more than the message can grow to, nor for more than twice what
/// has arrived, and a page if it is large. Doubling keeps one of many small frames from being moved
/// at each. What the thread has in its [pool] it may have as soon as it can grow to that.
#[derive(Debug, Default)]
pub(crate) struct Payload(Memory);

impl Payload {
    /// How much has arrived, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Adds `bytes`; `longest` is what the payload can at most grow to, with these.
    pub(crate) fn push(&mut self, bytes: &[u8], longest: usize) {
        if bytes.len() > self.0.spare() {
            let arrived = self.len() + bytes.len();
            self.grow(arrived.max(longest.min(2 * self.0.capacity())), longest);
        }
        self.0.extend_from_slice(bytes);
    }

    /// How many bytes [`fill`](Self::fill) has room for. There is none before something was pushed.
    pub(crate) fn room(&self, longest: usize) -> usize {
        match self.0.spare() {
            0 => self.doubled(longest) - self.len(),
            spare => spare,
        }
    }

    /// Lets `read` add as many bytes as there is [room](Self::room) for, but no more than `most`;
    /// what it has added.
    pub(crate) fn fill(
        &mut self,
        most: usize,
        longest: usize,
        read: impl FnOnce(&mut dyn BufMut),
    ) -> &mut [u8] {
        if self.0.spare() == 0 {
            self.grow(self.doubled(longest), longest);
        }
        self.0.fill(self.0.spare().min(most), read)
    }

    /// All of it.
    pub(crate) fn finish(self) -> Bytes {
        if self.0.capacity() <= 2 * self.len() {
            return pool::freeze(self.0);
        }
        // It was given more than it needed in the end.
        let bytes = Bytes::copy_from_slice(self.bytes());
        pool::recycle(self.0);
        bytes
    }

    /// How much memory it has, in bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Has memory for `size` bytes from now on.
    fn reserve(&mut self, size: usize) {
        if size > self.0.capacity() {
            self.grow(size, size);
        }
    }

    /// What was in it is somewhere else.
    fn discard(self) {
        pool::recycle(self.0);
    }

    fn doubled(&self, longest: usize) -> usize {
        longest.min(2 * self.len())
    }

    /// Has memory for `size` bytes in all, or at once for the `longest` that it can become.
    fn grow(&mut self, size: usize, longest: usize) {
        match pool::take(longest).or_else(|| pool::take(size)) {
            Some(mut pooled) => {
                pooled.extend_from_slice(self.0.as_slice());
                pool::recycle(mem::replace(&mut self.0, pooled));
            }
            None => self.0.grow(size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What arrives at a time, in bytes, over and over, and whether it is put in place.
    type Arrivals = [(usize, bool)];

    const ARRIVALS: &[&Arrivals] = &[
        &[(999, false)],
        &[(64 * 1024, false)],
        &[(64 * 1024 - 14, false), (64 * 1024, true)],
        &[(64 * 1024 - 14, false), (usize::MAX, true)],
        &[(1, false), (1, true), (7, true)],
        &[(20_000, false), (30_000, true), (5, true), (50_000, false)],
    ];

    /// Calls `look` whenever something has arrived of a payload of `len` bytes, which may have been
    /// `longest`.
    fn arrive(arrivals: &Arrivals, len: usize, longest: usize, mut look: impl FnMut(&Payload)) {
        let bytes: Vec<u8> = (0..len).map(|i| (i * i / 7) as u8).collect();
        let mut rest = &bytes[..];
        let mut payload = Payload::default();
        for (size, in_place) in arrivals.iter().cycle() {
            let size = if *in_place {
                assert!(payload.len() == 0 || payload.room(longest) > 0 || rest.is_empty());
                let size = rest.len().min(*size).min(payload.room(longest));
                let put = |room: &mut dyn BufMut| room.put_slice(&rest[..size]);
                assert_eq!(payload.fill(rest.len(), longest, put), &rest[..size]);
                size
            } else {
                let size = rest.len().min(*size);
                payload.push(&rest[..size], longest);
                size
            };
            rest = &rest[size..];
            assert_eq!(payload.len(), len - rest.len());
            look(&payload);
            if rest.is_empty() {
                break;
            }
        }
        assert!(payload.finish() == bytes, "it is what has arrived");
    }

    const SIZES: &[(usize, usize)] = &[
        (100_000, 100_000),
        (0x10_0000, 0x10_0000),
        (0x10_0001, 0x10_0001),
        (300_000, 300_001),
        (300_000, 1_000_000),
        (300_000, usize::MAX),
    ];

    /// On a thread that has nothing in reserve.
    fn alone(arrive: impl FnOnce() + Send) {
        std::thread::scope(|scope| scope.spawn(arrive).join()).unwrap();
    }

    #[test]
    fn memory_is_at_most_twice_what_has_arrived_and_never_more_than_can_arrive() {
        for arrivals in ARRIVALS {
            for &(len, longest) in SIZES {
                alone(|| {
                    arrive(arrivals, len, longest, |payload| {
                        let capacity = payload.capacity();
                        let most = longest.min(2 * payload.len());
                        assert!(capacity <= most, "{arrivals:?}: {capacity}");
                    });
                });
            }
        }
    }

    #[test]
    fn what_is_lent_is_at_most_twice_what_can_arrive_or_what_was_to_be_allocated() {
        alone(|| {
            for arrivals in ARRIVALS.iter().cycle().take(3 * ARRIVALS.len()) {
                for &(len, longest) in SIZES {
                    arrive(arrivals, len, longest, |payload| {
                        let (claimed, allocated) = (longest.saturating_mul(2), 4 * payload.len());
                        let most = if longest < 1 << 24 { claimed } else { allocated };
                        assert!(payload.capacity() <= most, "{}", payload.capacity());
                    });
                }
            }
        });
    }

    #[test]
    fn memory_that_was_there_before_is_taken_whole() {
        alone(|| {
            let mut addresses = Vec::new();
            for _ in 0..3 {
                let mut payload = Payload::default();
                payload.push(&[1; 1000], 300_000);
                let room = payload.room(300_000);
                payload.push(&[2; 100_000], 300_000);
                payload.push(&[3; 199_000], 300_000);
                let payload = payload.finish();
                addresses.push((room, payload.as_ptr().addr()));
            }
            assert_eq!(addresses[0].0, 1000);
            assert!(addresses[1].0 >= 299_000);
            assert_eq!(addresses[1], addresses[2]);
            assert_eq!(addresses[0].1, addresses[1].1);
        });
    }

    #[test]
    fn a_message_keeps_no_more_than_twice_its_memory() {
        alone(|| {
            drop(pool::take(1 << 20));
            pool::recycle(Memory::with_capacity(1 << 20));
            let mut payload = Payload::default();
            // It might have become large, and did not.
            payload.push(&[1; 1000], 1 << 20);
            assert_eq!(payload.capacity(), 1 << 20);
            assert_eq!(payload.finish(), vec![1; 1000]);
            assert!(pool::take(1 << 20).is_some());
        });
    }
}
