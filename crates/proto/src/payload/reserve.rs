//! The memory of large payloads that are no more, kept by a thread for those to come.
//!
//! A payload that grows from nothing is moved each time that it doubles, and gives its pages back
//! to the system, which has to clear them for the next. One that is put into memory that was there
//! before spares both, and finds it in the processor's cache.

use std::{cell::RefCell, mem};

use bytes::Bytes;

use super::memory::{LARGE_PAYLOAD, Memory};

/// How much one thread keeps, in bytes: a message as large as they may be by default, and several that
/// are less.
const MAX_RESERVE: usize = 16 * 1024 * 1024;

/// Memory for at least `size` bytes and for no more than twice as many, if this thread has it to
/// spare. From now on the thread keeps what it is given back.
pub(super) fn take(size: usize) -> Option<Memory> {
    if size < LARGE_PAYLOAD {
        return None;
    }
    RESERVE.with_borrow_mut(|reserve| reserve.get_or_insert_default().take(size))
}

/// What has arrived, in memory that is kept by the thread that drops the last of it.
pub(super) fn lend(payload: Memory) -> Bytes {
    match payload.into_small() {
        Ok(payload) => payload.into(),
        Err(payload) => Bytes::from_owner(Finished(payload)),
    }
}

/// Keeps the memory of a payload that was moved.
pub(super) fn keep(mut payload: Memory) {
    payload.clear();
    // Nothing is kept by a thread that is about to end, nor by one on which no payload has grown.
    let _ = RESERVE.try_with(|reserve| {
        if let Some(reserve) = &mut *reserve.borrow_mut() {
            reserve.keep(payload);
        }
    });
}

/// The memory of a finished payload.
struct Finished(Memory);

impl AsRef<[u8]> for Finished {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        keep(mem::take(&mut self.0));
    }
}

/// The last to come in is the first to go out: it is the one that the cache still has.
#[derive(Default)]
struct Reserve {
    spare: Vec<Memory>,
    size: usize,
}

impl Reserve {
    fn take(&mut self, size: usize) -> Option<Memory> {
        let fits = |spare: &Memory| (size..=size.saturating_mul(2)).contains(&spare.capacity());
        let found = self.spare.iter().rposition(fits)?;
        let spare = self.spare.remove(found);
        self.size -= spare.capacity();
        Some(spare)
    }

    /// The oldest make room.
    fn keep(&mut self, payload: Memory) {
        let size = payload.capacity();
        if !(LARGE_PAYLOAD..=MAX_RESERVE).contains(&size) {
            return;
        }
        while self.size + size > MAX_RESERVE {
            self.size -= self.spare.remove(0).capacity();
        }
        self.size += size;
        self.spare.push(payload);
    }
}

thread_local! {
    /// `None` on a thread on which no payload has grown.
    static RESERVE: RefCell<Option<Reserve>> = const { RefCell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_makes_room() {
        let mut reserve = Reserve::default();
        let sizes = [
            LARGE_PAYLOAD - 1,
            LARGE_PAYLOAD,
            MAX_RESERVE / 2,
            MAX_RESERVE / 2,
            MAX_RESERVE + 1,
            MAX_RESERVE / 2 - LARGE_PAYLOAD,
            LARGE_PAYLOAD,
        ];
        for size in sizes {
            reserve.keep(Memory::with_capacity(size));
            assert!(reserve.size <= MAX_RESERVE);
        }
        let kept: Vec<usize> = reserve.spare.iter().map(Memory::capacity).collect();
        assert_eq!(kept, [MAX_RESERVE / 2, MAX_RESERVE / 2 - LARGE_PAYLOAD, LARGE_PAYLOAD]);
        assert_eq!(reserve.size, MAX_RESERVE);
    }

    #[test]
    fn what_is_taken_is_large_enough_and_at_most_twice_as_large() {
        let mut reserve = Reserve::default();
        for times in [2, 4, 8, 5] {
            reserve.keep(Memory::with_capacity(times * LARGE_PAYLOAD));
        }
        assert!(reserve.take(9 * LARGE_PAYLOAD).is_none());
        assert!(reserve.take(LARGE_PAYLOAD - 1).is_none());
        let taken = [3, 3, 3].map(|times| {
            reserve.take(times * LARGE_PAYLOAD).map(|it| it.capacity() / LARGE_PAYLOAD)
        });
        assert_eq!(taken, [Some(5), Some(4), None]);
        assert_eq!(reserve.size, 10 * LARGE_PAYLOAD);
    }

    fn ones() -> Memory {
        let mut memory = Memory::with_capacity(LARGE_PAYLOAD);
        memory.extend_from_slice(&[1; LARGE_PAYLOAD]);
        memory
    }

    #[test]
    fn only_a_thread_on_which_payloads_grow_keeps_what_is_dropped_on_it() {
        drop(lend(ones()));
        assert!(take(LARGE_PAYLOAD).is_none());
        let payload = lend(ones());
        let address = payload.as_ptr();
        drop(payload);
        assert_eq!(
            take(LARGE_PAYLOAD).map(|it| (it.as_slice().as_ptr(), it.len())),
            Some((address, 0))
        );
    }
}
