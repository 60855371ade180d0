//! What every connection of a thread reads into: lent for one read, always cache-hot, and the reason why
//! an idle connection owns no buffer.

use std::cell::RefCell;

/// The most that one read may bring, in bytes: four messages of 16 KiB.
pub(crate) const READ_BUFFER_SIZE: usize = 4 * (16 * 1024 + 64);

/// Lends the thread's buffer, which has room for one read. What is in it is of no meaning.
#[inline]
pub(crate) fn with_read_buffer<T>(read: impl FnOnce(&mut [u8; READ_BUFFER_SIZE]) -> T) -> T {
    READ_BUFFER.with_borrow_mut(|chunk| read(&mut chunk.0))
}

thread_local! {
    static READ_BUFFER: RefCell<Box<Chunk>> = RefCell::new(Box::new(Chunk([0; READ_BUFFER_SIZE])));
}

/// Begins a page, as most of what the kernel copies from does. Elsewhere that copy may be slow: see
/// the protocol's `payload::memory`.
#[repr(align(4096))]
struct Chunk([u8; READ_BUFFER_SIZE]);
