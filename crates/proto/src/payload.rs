//! The payload of a message that is arriving: its memory follows what has arrived.
//!
//! One that is large is not moved whenever it outgrows its memory. It goes on in another piece, and
//! is put together once half of it has arrived or, if its length is not known before, all of it.

use std::mem;

use bytes::{BufMut, Bytes};

/// It has no memory for more than the message can grow to, nor for more than twice what has
/// arrived.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    /// The pieces before the last, full, if there are any.
    before: Vec<Vec<u8>>,
    last: Vec<u8>,
    len: usize,
}

impl Payload {
    /// How much has arrived, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The end of what has arrived: all that the last call has added, and no less than
    /// [`OVERLAP`] bytes before, if there are as many.
    pub(crate) fn last(&self) -> &[u8] {
        &self.last
    }

    /// Adds `bytes`; `longest` is what the payload can at most grow to, with these.
    pub(crate) fn push(&mut self, bytes: &[u8], longest: usize) {
        let arrived = self.len + bytes.len();
        if bytes.len() > self.spare() {
            self.grow(arrived, longest);
        }
        self.last.extend_from_slice(bytes);
        self.len = arrived;
    }

    /// How many bytes [`fill`](Self::fill) has room for. There is none before something was pushed.
    pub(crate) fn room(&self, longest: usize) -> usize {
        match self.spare() {
            0 => self.size(self.len, longest) - self.len,
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
        if self.spare() == 0 {
            self.grow(self.len, longest);
        }
        let (from, room) = (self.last.len(), self.spare().min(most));
        read(&mut (&mut self.last).limit(room));
        self.len += self.last.len() - from;
        &mut self.last[from..]
    }

    /// All of it, in one piece.
    pub(crate) fn finish(mut self) -> Bytes {
        if !self.before.is_empty() {
            self.gather(self.len);
        }
        self.last.into()
    }

    /// How much memory it has, in bytes.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.before.iter().chain([&self.last]).map(Vec::capacity).sum()
    }

    fn spare(&self) -> usize {
        self.last.capacity() - self.last.len()
    }

    /// Makes room where there is not enough, now that `arrived` bytes have arrived.
    fn grow(&mut self, arrived: usize, longest: usize) {
        let size = self.size(arrived, longest);
        if self.len < LARGE || size == longest {
            self.gather(size);
        } else {
            self.go_on(size - self.len);
        }
    }

    /// How much memory to have in all, once what there is does not do.
    ///
    /// Twice as much: so many small fragments are not moved at each. In pieces no more than half
    /// of the message, since from there on it can be in one.
    fn size(&self, arrived: usize, longest: usize) -> usize {
        if arrived < LARGE {
            arrived.max(longest.min(2 * self.last.capacity()))
        } else if half(longest) <= arrived {
            longest
        } else {
            half(longest).min(2 * arrived)
        }
    }

    /// Puts it together where there is room for `size` bytes.
    fn gather(&mut self, size: usize) {
        let last = mem::take(&mut self.last);
        let mut pieces = mem::take(&mut self.before).into_iter().chain([last]);
        let mut whole = pieces.next().unwrap_or_default();
        whole.reserve_exact(size - whole.len());
        pieces.for_each(|piece| whole.extend_from_slice(&piece));
        self.last = whole;
    }

    /// Goes on in another piece, with room for `size` bytes.
    fn go_on(&mut self, size: usize) {
        let overlap = self.last.len().saturating_sub(OVERLAP);
        let mut next = Vec::with_capacity(size + self.last.len() - overlap);
        next.extend_from_slice(&self.last[overlap..]);
        self.last.truncate(overlap);
        self.last.shrink_to_fit();
        self.before.push(mem::replace(&mut self.last, next));
    }
}

fn half(len: usize) -> usize {
    len.div_ceil(2)
}

/// How much of a piece moves on to the next one, in bytes: a character of UTF-8 that is not
/// complete has no more, so that each piece of a text can be checked by itself.
const OVERLAP: usize = 3;

/// A payload that is shorter is moved as it grows, in bytes.
const LARGE: usize = 32 * 1024;

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
    /// `longest`; all of it.
    fn arrive(
        arrivals: &Arrivals,
        len: usize,
        longest: usize,
        mut look: impl FnMut(&Payload),
    ) -> Bytes {
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
            let kept = payload.last().len().min(size + OVERLAP);
            assert!(
                bytes[..payload.len()].ends_with(&payload.last()[payload.last().len() - kept..])
            );
            look(&payload);
            if rest.is_empty() {
                break;
            }
        }
        assert!(payload.last().len() >= payload.len().min(OVERLAP));
        let all = payload.finish();
        assert!(all == bytes, "it is what has arrived");
        all
    }

    #[test]
    fn memory_is_at_most_twice_what_has_arrived_and_never_more_than_can_arrive() {
        for arrivals in ARRIVALS {
            for (len, longest) in [
                (100_000, 100_000),
                (0x10_0000, 0x10_0000),
                (0x10_0001, 0x10_0001),
                (300_000, 300_001),
                (300_000, 1_000_000),
                (300_000, usize::MAX),
            ] {
                arrive(arrivals, len, longest, |payload| {
                    let capacity = payload.capacity();
                    assert!(capacity <= longest.min(2 * payload.len()), "{arrivals:?}: {capacity}");
                });
            }
        }
    }

    #[test]
    fn a_payload_of_known_length_is_put_together_when_half_of_it_has_arrived() {
        let len = 0x10_0000;
        for arrivals in ARRIVALS {
            let (mut pieces, mut place) = (0, None);
            let all = arrive(arrivals, len, len, |payload| {
                pieces = pieces.max(payload.before.len() + 1);
                if payload.before.is_empty() && payload.last.capacity() == len {
                    assert!(2 * payload.len() >= len);
                    assert_eq!(*place.get_or_insert(payload.last.as_ptr()), payload.last.as_ptr());
                }
            });
            assert!((2..8).contains(&pieces), "{arrivals:?}: {pieces} pieces");
            assert_eq!(place, Some(all.as_ptr()), "{arrivals:?}");
        }
    }

    #[test]
    fn a_payload_of_unknown_length_is_put_together_in_as_much_memory_as_it_needs() {
        for arrivals in ARRIVALS {
            let mut pieces = 0;
            let all = arrive(arrivals, 300_000, usize::MAX, |payload| {
                pieces = payload.before.len() + 1;
            });
            assert!((2..8).contains(&pieces), "{arrivals:?}: {pieces} pieces");
            assert_eq!(Vec::from(all).capacity(), 300_000);
        }
    }

    #[test]
    fn a_small_payload_is_in_one_piece() {
        for arrivals in ARRIVALS {
            arrive(arrivals, LARGE - 1, usize::MAX, |payload| assert!(payload.before.is_empty()));
        }
    }
}
