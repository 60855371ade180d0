//! What is borrowed for the time of a message: compressors and decompressors, a few for each thread.
//!
//! They are large and costly to make, and between two messages whose contexts are independent they
//! have nothing to remember.

use std::cell::RefCell;

use super::{
    compression::MAX_BITS,
    engine::{Compress, Decompress, Engine, Level},
};

/// One is used at a time; more are for endpoints of other levels and clients of other windows.
const IDLE_COMPRESSORS: usize = 4;

/// As many as messages that are half here.
const IDLE_DECOMPRESSORS: usize = 16;

const CHUNK_SIZE: usize = 16 * 1024;

/// What a decompressor takes, about, in bytes.
pub(super) const DECOMPRESSOR: usize = 48 * 1024;

/// A compressor with an empty window of `bits`, for as long as `work` takes.
pub(super) fn with_compress<T>(level: Level, bits: u8, work: impl FnOnce(&mut Compress) -> T) -> T {
    let mut borrowed = borrow_compress(level, bits);
    let outcome = work(&mut borrowed.compress);
    return_compress(borrowed);
    outcome
}

/// A compressor, and what for.
#[derive(Debug)]
pub(super) struct Borrowed {
    level: Level,
    bits: u8,
    pub(super) compress: Box<Compress>,
}

/// A compressor with an empty window of `bits`.
pub(super) fn borrow_compress(level: Level, bits: u8) -> Borrowed {
    let idle = COMPRESSORS.with_borrow_mut(|idle| {
        let found = idle.iter().position(|it| it.level == level && it.bits == bits)?;
        Some(idle.remove(found))
    });
    let new = || Borrowed { level, bits, compress: new_compress(level, bits) };
    let mut borrowed = idle.unwrap_or_else(new);
    borrowed.compress.reset();
    borrowed
}

/// Gives back one of which everything has been taken out.
pub(super) fn return_compress(borrowed: Borrowed) {
    COMPRESSORS.with_borrow_mut(|idle| {
        if idle.len() == IDLE_COMPRESSORS {
            idle.remove(0);
        }
        idle.push(borrowed);
    });
}

pub(super) fn new_compress(level: Level, bits: u8) -> Box<Compress> {
    Box::new(Compress::new_with_window_bits(level, false, bits))
}

/// A decompressor with an empty window, large enough for any client.
pub(super) fn borrow_decompress(engine: Engine) -> Box<Decompress> {
    match DECOMPRESSORS.with_borrow_mut(Vec::pop) {
        Some(mut decompress) => {
            decompress.reset(false);
            Box::new(decompress)
        }
        None => Box::new(new_decompress(engine)),
    }
}

pub(super) fn return_decompress(decompress: Box<Decompress>) {
    DECOMPRESSORS.with_borrow_mut(|idle| {
        if idle.len() < IDLE_DECOMPRESSORS {
            idle.push(*decompress);
        }
    });
}

/// One with an empty window, large enough for any client. A smaller one would take as much memory.
pub(super) fn new_decompress(engine: Engine) -> Decompress {
    engine.decompress(MAX_BITS)
}

/// A piece of memory to work in.
pub(super) fn with_chunk<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    CHUNK.with_borrow_mut(|chunk| work(chunk))
}

thread_local! {
    /// The one that was used last is last.
    static COMPRESSORS: RefCell<Vec<Borrowed>> = const { RefCell::new(Vec::new()) };
    static DECOMPRESSORS: RefCell<Vec<Decompress>> = const { RefCell::new(Vec::new()) };
    static CHUNK: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK_SIZE].into());
}
