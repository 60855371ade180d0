//! Messages to DEFLATE and back: RFC 7692 §7.2.

use bytes::Bytes;
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

use super::{Agreement, Compression, pool};
use crate::{Message, error::PeerError};

/// Compresses what goes out.
#[derive(Debug, Default)]
pub(crate) enum Deflater {
    #[default]
    Off,
    /// Each message on its own.
    Lent { bits: u8 },
    /// Each message in the context of those before it.
    Own { bits: u8, state: Option<Box<Compress>> },
}

impl Deflater {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        let bits = agreement.server_bits();
        if agreement.server_takes_over() {
            Self::Own { bits, state: None }
        } else {
            Self::Lent { bits }
        }
    }

    /// Whether messages may be compressed.
    pub(crate) fn is_on(&self) -> bool {
        !matches!(self, Self::Off)
    }

    /// What is to be sent of `message` instead of its payload: RFC 7692 §7.2.1. `None` if it is to
    /// be sent as it is.
    pub(crate) fn deflate(
        &mut self,
        message: &Message,
        compression: &Compression,
    ) -> Option<Bytes> {
        if !compression.is_worthwhile(message.len()) {
            return None;
        }
        match self {
            Self::Off => None,
            Self::Lent { bits } => {
                let level = compression.settled_level();
                let shrink = || {
                    let payload = message.as_bytes();
                    let most = payload.len() - 1;
                    pool::with_compress(level, *bits, |state| deflate(state, payload, most))
                };
                match message.shared() {
                    Some(shared) => shared.get_or_compress(*bits, shrink),
                    None => shrink(),
                }
            }
            Self::Own { bits, state } => {
                let new = || pool::new_compress(compression.settled_level(), *bits);
                let compress = state.get_or_insert_with(new);
                // What has been compressed is sent even if it became longer: the next message may
                // refer to it.
                let payload = deflate(compress, message.as_bytes(), usize::MAX);
                if payload.is_none() {
                    // A new context refers to nothing that the client does not have.
                    *state = None;
                }
                payload
            }
        }
    }
}

/// RFC 7692 §7.2.1. `None` if it comes to more than `most` bytes.
fn deflate(state: &mut Compress, mut input: &[u8], most: usize) -> Option<Bytes> {
    let most = most.saturating_add(TAIL.len());
    pool::with_chunk(|chunk| {
        let mut output = Vec::new();
        loop {
            let made = flush(state, &mut input, chunk)?;
            if output.len() + made > most {
                discard(state, chunk);
                return None;
            }
            let (is_flushed, made) = (made < chunk.len(), &chunk[..made]);
            if is_flushed && output.is_empty() {
                return Some(Bytes::copy_from_slice(without_tail(made)));
            }
            output.extend_from_slice(made);
            if is_flushed {
                output.truncate(without_tail(&output).len());
                return Some(output.into());
            }
        }
    })
}

/// Compresses what it can of `input`, which is left as the rest; how much of `chunk` that fills. If
/// not all of it, then all has come out.
fn flush(state: &mut Compress, input: &mut &[u8], chunk: &mut [u8]) -> Option<usize> {
    let (consumed, produced) = (state.total_in(), state.total_out());
    state.compress(input, chunk, FlushCompress::Sync).ok()?;
    *input = &input[(state.total_in() - consumed) as usize..];
    Some((state.total_out() - produced) as usize)
}

/// Takes out what is still in there, since zlib-rs does not quite forget it: `reset` keeps the place
/// in its buffer, which a few abandoned messages would move beyond the end.
fn discard(state: &mut Compress, chunk: &mut [u8]) {
    while flush(state, &mut &[][..], chunk).is_some_and(|made| made == chunk.len()) {}
}

/// RFC 7692 §7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end."
fn without_tail(output: &[u8]) -> &[u8] {
    output.strip_suffix(TAIL).unwrap_or(output)
}

/// Decompresses what comes in.
#[derive(Debug, Default)]
pub(crate) struct Inflater {
    context: Context,
    /// There is one within a message, and with takeover also between messages.
    state: Option<Box<Decompress>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Context {
    #[default]
    Off,
    Lent,
    Own,
}

impl Inflater {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        let context = if agreement.client_takes_over() { Context::Own } else { Context::Lent };
        Self { context, state: None }
    }

    /// Whether messages may be compressed.
    pub(crate) fn is_on(&self) -> bool {
        self.context != Context::Off
    }

    /// Decompresses the next `bytes` of a message, and gives what comes of it to `sink`, piece by
    /// piece, until that errs; `last` if nothing of the message follows. RFC 7692 §7.2.2.
    pub(crate) fn inflate(
        &mut self,
        bytes: &[u8],
        last: bool,
        mut sink: impl FnMut(&[u8]) -> Result<(), PeerError>,
    ) -> Result<(), PeerError> {
        let state = self.state.get_or_insert_with(|| match self.context {
            Context::Off | Context::Lent => pool::borrow_decompress(),
            Context::Own => Box::new(pool::new_decompress()),
        });
        pool::with_chunk(|chunk| {
            inflate(state, bytes, chunk, &mut sink)?;
            // "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload": they end a
            // block, and after a final one there is none to end.
            if last && state.total_in() > 0 {
                inflate(state, TAIL, chunk, &mut sink)?;
            }
            Ok(())
        })?;
        if last && self.context == Context::Lent {
            self.forget();
        }
        Ok(())
    }

    /// Nothing more of the message comes.
    pub(crate) fn forget(&mut self) {
        if let (Some(state), Context::Lent) = (self.state.take(), self.context) {
            pool::return_decompress(state);
        }
    }
}

/// Decompresses all of `input`.
fn inflate(
    state: &mut Decompress,
    mut input: &[u8],
    chunk: &mut [u8],
    mut sink: impl FnMut(&[u8]) -> Result<(), PeerError>,
) -> Result<(), PeerError> {
    loop {
        let (consumed, produced) = (state.total_in(), state.total_out());
        let status = state
            .decompress(input, chunk, FlushDecompress::Sync)
            .map_err(|_| PeerError::NotDeflate)?;
        input = &input[(state.total_in() - consumed) as usize..];
        let made = (state.total_out() - produced) as usize;
        if made > 0 {
            sink(&chunk[..made])?;
        } else if state.total_in() == consumed && !input.is_empty() {
            return Err(PeerError::NotDeflate);
        }
        // RFC 7692 §7.2.3.4: blocks may be final, and others may follow them.
        if status == Status::StreamEnd {
            state.reset(false);
            if input.is_empty() {
                return Ok(());
            }
        } else if input.is_empty() && made < chunk.len() {
            return Ok(());
        }
    }
}

/// What a flush ends with, and the wire does without.
const TAIL: &[u8] = &[0x00, 0x00, 0xff, 0xff];
