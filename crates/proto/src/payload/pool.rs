//! The memory of large payloads that are no more, kept by a thread for those to come.
//!
//! A payload that grows from nothing is moved each time that it doubles, and gives its pages back
//! to the system, which has to clear them for the next. One that is put into memory that was there
//! before spares both, and finds it in the processor's cache (bench/NOTES.md#pooled-memory).

use std::{cell::RefCell, mem};

use bytes::Bytes;

use super::memory::{LARGE_PAYLOAD, Memory};

/// How much one thread keeps, in bytes: a message as large as they may be by default, and several that
/// are less.
const MAX_POOLED: usize = 16 * 1024 * 1024;

/// Memory for at least `size` bytes and for no more than twice as many, if this thread has it to
/// spare. From now on the thread keeps what it is given back.
pub(super) fn take(size: usize) -> Option<Memory> {
    if size < LARGE_PAYLOAD {
        return None;
    }
    POOL.with_borrow_mut(|pool| pool.get_or_insert_default().take(size))
}

/// What has arrived, in memory that is kept by the thread that drops the last of it.
pub(super) fn freeze(payload: Memory) -> Bytes {
    match payload.into_small() {
        Ok(payload) => payload.into(),
        Err(payload) => Bytes::from_owner(Finished(payload)),
    }
}

/// Keeps the memory of a payload that was moved.
pub(super) fn recycle(mut payload: Memory) {
    payload.clear();
    // Nothing is kept by a thread that is about to end, nor by one on which no payload has grown.
    let _ = POOL.try_with(|pool| {
        if let Some(pool) = &mut *pool.borrow_mut() {
            pool.recycle(payload);
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
        recycle(mem::take(&mut self.0));
    }
}

/// The last to come in is the first to go out: it is the one that the cache still has.
#[derive(Default)]
struct Pool {
    idle: Vec<Memory>,
    size: usize,
}

impl Pool {
    fn take(&mut self, size: usize) -> Option<Memory> {
        let fits = |idle: &Memory| (size..=size.saturating_mul(2)).contains(&idle.capacity());
        let found = self.idle.iter().rposition(fits)?;
        let found = self.idle.remove(found);
        self.size -= found.capacity();
        Some(found)
    }

    /// The oldest make room.
    fn recycle(&mut self, payload: Memory) {
        let size = payload.capacity();
        if !(LARGE_PAYLOAD..=MAX_POOLED).contains(&size) {
            return;
        }
        while self.size + size > MAX_POOLED {
            self.size -= self.idle.remove(0).capacity();
        }
        self.size += size;
        self.idle.push(payload);
    }
}

thread_local! {
    /// `None` on a thread on which no payload has grown.
    static POOL: RefCell<Option<Pool>> = const { RefCell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_makes_room() {
        let mut pool = Pool::default();
        let sizes = [
            LARGE_PAYLOAD - 1,
            LARGE_PAYLOAD,
            MAX_POOLED / 2,
            MAX_POOLED / 2,
            MAX_POOLED + 1,
            MAX_POOLED / 2 - LARGE_PAYLOAD,
            LARGE_PAYLOAD,
        ];
        for size in sizes {
            pool.recycle(Memory::with_capacity(size));
            assert!(pool.size <= MAX_POOLED);
        }
        let kept: Vec<usize> = pool.idle.iter().map(Memory::capacity).collect();
        assert_eq!(kept, [MAX_POOLED / 2, MAX_POOLED / 2 - LARGE_PAYLOAD, LARGE_PAYLOAD]);
        assert_eq!(pool.size, MAX_POOLED);
    }

    #[test]
    fn what_is_taken_is_large_enough_and_at_most_twice_as_large() {
        let mut pool = Pool::default();
        for times in [2, 4, 8, 5] {
            pool.recycle(Memory::with_capacity(times * LARGE_PAYLOAD));
        }
        assert!(pool.take(9 * LARGE_PAYLOAD).is_none());
        assert!(pool.take(LARGE_PAYLOAD - 1).is_none());
        let taken = [3, 3, 3]
            .map(|times| pool.take(times * LARGE_PAYLOAD).map(|it| it.capacity() / LARGE_PAYLOAD));
        assert_eq!(taken, [Some(5), Some(4), None]);
        assert_eq!(pool.size, 10 * LARGE_PAYLOAD);
    }

    fn ones() -> Memory {
        let mut memory = Memory::with_capacity(LARGE_PAYLOAD);
        memory.extend_from_slice(&[1; LARGE_PAYLOAD]);
        memory
    }

    #[test]
    fn only_a_thread_on_which_payloads_grow_keeps_what_is_dropped_on_it() {
        drop(freeze(ones()));
        assert!(take(LARGE_PAYLOAD).is_none());
        let payload = freeze(ones());
        let address = payload.as_ptr();
        drop(payload);
        assert_eq!(
            take(LARGE_PAYLOAD).map(|it| (it.as_slice().as_ptr(), it.len())),
            Some((address, 0))
        );
    }
}
