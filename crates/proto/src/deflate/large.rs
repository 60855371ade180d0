//! A large message, compressed piece by piece: so that whoever sends it has others wait for no longer
//! than one piece takes.
//!
//! The first piece decides whether the message is worth it. If the others are not, it may become longer
//! in the end, by less than a hundredth. What it gave: bench/NOTES.md#work-counted-as-what-it-becomes.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::{
    codec::deflate,
    compressed::Compressed,
    engine::{Compress, Level},
    pool::{self, Borrowed},
};

/// In bytes, as a turn is.
const PIECE: usize = 32 * 1024;

/// A message that is longer, in bytes, is compressed piece by piece.
pub(super) const LARGE_MESSAGE: usize = 2 * PIECE;

/// A large message on its way to one client: what is to come of it.
#[derive(Debug)]
pub(crate) struct Large {
    source: Source,
    payload: Bytes,
    /// How many pieces have been given out.
    given: usize,
}

#[derive(Debug)]
enum Source {
    /// The client's own context.
    Own,
    /// One that stands by itself, and may be on its way to others too.
    Shared { compressed: Arc<Compressed>, level: Level, bits: u8 },
}

/// A part of a compressed message: RFC 7692 §7.2.1 allows a flush anywhere.
pub(crate) struct Piece {
    pub(crate) bytes: Bytes,
    pub(crate) is_last: bool,
    /// How many bytes were compressed for it now.
    pub(crate) work: usize,
}

impl Large {
    /// With the first piece of it; `None` if that has become no shorter, so that the message goes as
    /// it is.
    pub(super) fn standing_alone(
        compressed: Arc<Compressed>,
        payload: Bytes,
        level: Level,
        bits: u8,
    ) -> Option<(Self, Piece)> {
        let first = compressed.large.piece(0, &payload, level, bits)?;
        Some((
            Self { source: Source::Shared { compressed, level, bits }, payload, given: 1 },
            first,
        ))
    }

    /// With the first piece of it. `None` if the context is of no use.
    pub(super) fn in_context(payload: Bytes, context: &mut Compress) -> Option<(Self, Piece)> {
        let first = piece(0, &payload, context)?;
        Some((Self { source: Source::Own, payload, given: 1 }, first))
    }

    /// The next piece; `context` is the client's own, if it has one.
    pub(super) fn next(&mut self, context: Option<&mut Compress>) -> Piece {
        let made = match (&self.source, context) {
            (Source::Shared { compressed, level, bits }, _) => {
                compressed.large.piece(self.given, &self.payload, *level, *bits)
            }
            (Source::Own, Some(context)) => piece(self.given, &self.payload, context),
            (Source::Own, None) => None,
        };
        self.given += 1;
        // The compressor has done well with the pieces before.
        made.unwrap_or(Piece { bytes: Bytes::new(), is_last: true, work: 0 })
    }
}

/// The pieces of a large message that have been made so far, for each window that clients may have
/// asked for.
#[derive(Debug, Default)]
pub(super) struct Pieces(Mutex<Vec<Stream>>);

#[derive(Debug)]
struct Stream {
    bits: u8,
    made: Vec<Bytes>,
    /// Until all of them are, or it is found that the message does not become shorter.
    compressor: Option<Borrowed>,
    is_plain: bool,
}

impl Pieces {
    /// The piece of this index, of which those before have been asked for: whoever is first makes
    /// it. `None` if the message becomes no shorter.
    fn piece(&self, index: usize, payload: &Bytes, level: Level, bits: u8) -> Option<Piece> {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = streams.iter().position(|stream| stream.bits == bits);
        let stream = match found {
            Some(found) => &mut streams[found],
            None => {
                let compressor = Some(pool::borrow_compress(level, bits));
                streams.push(Stream { bits, made: Vec::new(), compressor, is_plain: false });
                streams.last_mut()?
            }
        };
        stream.piece(index, payload)
    }
}

impl Stream {
    fn piece(&mut self, index: usize, payload: &Bytes) -> Option<Piece> {
        if let Some(bytes) = self.made.get(index) {
            let is_last = is_last(index, payload);
            return Some(Piece { bytes: bytes.clone(), is_last, work: 0 });
        }
        if self.is_plain {
            return None;
        }
        let mut borrowed = self.compressor.take()?;
        let made = piece(index, payload, &mut borrowed.compress)?;
        self.is_plain = index == 0 && made.bytes.len() >= made.work;
        if self.is_plain || made.is_last {
            pool::return_compress(borrowed);
        } else {
            self.compressor = Some(borrowed);
        }
        if self.is_plain {
            return None;
        }
        self.made.push(made.bytes.clone());
        Some(made)
    }
}

fn piece(index: usize, payload: &Bytes, compress: &mut Compress) -> Option<Piece> {
    let from = payload.len().min(index * PIECE);
    let to = payload.len().min(from + PIECE);
    let is_last = is_last(index, payload);
    let bytes = deflate(compress, &payload[from..to], is_last, usize::MAX)?;
    Some(Piece { bytes, is_last, work: to - from })
}

fn is_last(index: usize, payload: &Bytes) -> bool {
    (index + 1) * PIECE >= payload.len()
}
