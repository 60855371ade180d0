//! Messages to DEFLATE and back: RFC 7692 §7.2.

use bytes::Bytes;

use std::sync::Arc;

use super::{
    Agreement, Compression,
    engine::{Compress, Decompress, Engine, FlushCompress, FlushDecompress, Status},
    large::{LARGE_MESSAGE, Large, Piece},
    pool,
    window::{Before, History, Output},
};
use crate::{Message, error::PeerError};

/// What a flush ends with, and the wire does without.
const TAIL: &[u8] = &[0x00, 0x00, 0xff, 0xff];

/// What each step of decompressing counts as work at least.
const STEP: usize = 64;

/// How many bytes of the window may be copied for one of work.
const RECALLED: usize = 16;

/// For a message of which less has arrived no decompressor is borrowed, in bytes: that takes ten
/// times as much.
const BORROW_THRESHOLD: usize = 4 * 1024;

/// Compresses what goes out.
#[derive(Debug, Default)]
pub(crate) enum Deflater {
    #[default]
    Off,
    /// Each message on its own.
    Pooled { engine: Engine, bits: u8 },
    /// Each message in the context of those before it.
    Own { engine: Engine, bits: u8, state: Option<Box<Compress>> },
}

impl Deflater {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        let (engine, bits) = (agreement.engine(), agreement.server_bits());
        if agreement.server_takes_over() {
            Self::Own { engine, bits, state: None }
        } else {
            Self::Pooled { engine, bits }
        }
    }

    /// The engine and the window of one that compresses each message on its own.
    pub(crate) fn pooled(&self) -> Option<(Engine, u8)> {
        match self {
            Self::Pooled { engine, bits } => Some((*engine, *bits)),
            Self::Off | Self::Own { .. } => None,
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
    ) -> Option<Deflated> {
        if !compression.is_worthwhile(message.len()) {
            return None;
        }
        if message.len() > LARGE_MESSAGE {
            return self.deflate_large(message, compression);
        }
        let payload = match self {
            Self::Off => None,
            Self::Pooled { engine, bits } => deflate_alone(message, compression, *engine, *bits),
            Self::Own { engine, bits, state } => {
                let new = || pool::new_compress(compression.settled_level(*engine), *bits);
                let compress = state.get_or_insert_with(new);
                // What has been compressed is sent even if it became longer: the next message may
                // refer to it.
                let payload = deflate(compress, message.as_bytes(), true, usize::MAX);
                if payload.is_none() {
                    // A new context refers to nothing that the client does not have.
                    *state = None;
                }
                payload
            }
        };
        payload.map(Deflated::Whole)
    }

    fn deflate_large(&mut self, message: &Message, compression: &Compression) -> Option<Deflated> {
        let payload = message.bytes().clone();
        let begun = match self {
            Self::Off => None,
            Self::Pooled { engine, bits } => {
                let level = compression.settled_level(*engine);
                let compressed = message.compressed().map_or_else(Arc::default, Arc::clone);
                Large::standing_alone(compressed, payload, level, *bits)
            }
            Self::Own { engine, bits, state } => {
                let level = compression.settled_level(*engine);
                let compress = state.get_or_insert_with(|| pool::new_compress(level, *bits));
                let begun = Large::in_context(payload, compress);
                if begun.is_none() {
                    *state = None;
                }
                begun
            }
        };
        begun.map(|(large, first)| Deflated::Large(Box::new(large), first))
    }

    /// The next piece of a large message that is on its way.
    pub(crate) fn deflate_next(&mut self, large: &mut Large) -> Piece {
        let context = match self {
            Self::Own { state: Some(state), .. } => Some(&mut **state),
            _ => None,
        };
        large.next(context)
    }
}

/// What is to be sent of a message instead of its payload, whatever was sent before. `None` if it is to be
/// sent as it is.
pub(crate) fn deflate_alone(
    message: &Message,
    compression: &Compression,
    engine: Engine,
    bits: u8,
) -> Option<Bytes> {
    if !compression.is_worthwhile(message.len()) {
        return None;
    }
    let shrink = || {
        let (level, payload) = (compression.settled_level(engine), message.as_bytes());
        let most = payload.len() - 1;
        pool::with_compress(level, bits, |state| deflate(state, payload, true, most))
    };
    match message.compressed() {
        Some(compressed) => compressed.get_or_compress(bits, shrink),
        None => shrink(),
    }
}

/// What is to be sent of a message.
pub(crate) enum Deflated {
    Whole(Bytes),
    /// Its first piece, and what the others come from.
    Large(Box<Large>, Piece),
}

/// RFC 7692 §7.2.1, for a message or a part of one: what the last part ends with is left out. `None`
/// if it comes to more than `most` bytes.
pub(super) fn deflate(
    state: &mut Compress,
    mut input: &[u8],
    is_last: bool,
    most: usize,
) -> Option<Bytes> {
    let most = most.saturating_add(TAIL.len());
    let sent = |output: &[u8]| if is_last { without_tail(output).len() } else { output.len() };
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
                return Some(Bytes::copy_from_slice(&made[..sent(made)]));
            }
            output.extend_from_slice(made);
            if is_flushed {
                output.truncate(sent(&output));
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

/// What has been decompressed since that was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inflated {
    /// As it came, in bytes.
    pub compressed: u32,
    /// And what came of it.
    pub plain: u32,
}

#[derive(Debug, Default)]
enum Context {
    #[default]
    Off,
    /// Each message on its own.
    Pooled(Engine, Inflated),
    /// Each message in the context of those before it.
    Own(Engine, Box<(History, Inflated)>),
}

impl Inflater {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        let context = if agreement.client_takes_over() {
            let history = History::new(agreement.client_bits());
            Context::Own(agreement.engine(), Box::new((history, Inflated::default())))
        } else {
            Context::Pooled(agreement.engine(), Inflated::default())
        };
        Self { context, state: None }
    }

    /// Whether messages may be compressed.
    pub(crate) fn is_on(&self) -> bool {
        !matches!(self.context, Context::Off)
    }

    /// What has been decompressed since this was last asked.
    pub(crate) fn take_inflated(&mut self) -> Inflated {
        self.inflated().map(std::mem::take).unwrap_or_default()
    }

    fn count(&mut self, compressed: usize, plain: usize) {
        if let Some(inflated) = self.inflated() {
            inflated.compressed = inflated.compressed.wrapping_add(compressed as u32);
            inflated.plain = inflated.plain.wrapping_add(plain as u32);
        }
    }

    fn inflated(&mut self) -> Option<&mut Inflated> {
        match &mut self.context {
            Context::Off => None,
            Context::Pooled(_, inflated) => Some(inflated),
            Context::Own(_, own) => Some(&mut own.1),
        }
    }

    /// Decompresses from the front of a message's next bytes into `chunk`, behind what `output` has
    /// of the message. RFC 7692 §7.2.2.
    fn step(
        &mut self,
        input: &[u8],
        output: &impl Output,
        chunk: &mut [u8],
    ) -> Result<Step, PeerError> {
        let state = &mut self.state;
        let (state, history) = match &self.context {
            // Without an agreement no message is compressed.
            Context::Off => return Err(PeerError::NotDeflate),
            Context::Pooled(engine, _) => {
                (state.get_or_insert_with(|| pool::borrow_decompress(*engine)), None)
            }
            Context::Own(engine, own) => {
                let new = || Box::new(pool::new_decompress(*engine));
                (state.get_or_insert_with(new), Some(&own.0))
            }
        };
        let before = Before { history, output };
        if state.total_in() > 0 || before.is_empty() {
            return advance(state, input, chunk);
        }
        // Few that begin behind a final block refer to what is before it, and many may be in a
        // message: only one that needs to know that is told.
        let alone = advance(state, input, chunk);
        if alone.as_ref().is_ok_and(|step| step.has_ended) {
            return alone;
        }
        state.reset(false);
        let recalled = before.recall(state)?;
        Ok(Step { recalled, ..advance(state, input, chunk)? })
    }

    /// Nothing more of the message comes, nor of any other.
    pub(crate) fn forget(&mut self) {
        match &mut self.context {
            Context::Off | Context::Pooled(..) => self.give_back(),
            Context::Own(_, own) => {
                own.0.clear();
                self.state = None;
            }
        }
    }

    /// All of a message has come, which is in `output`.
    pub(crate) fn end_message(&mut self, output: &impl Output) {
        match &mut self.context {
            Context::Off | Context::Pooled(..) => self.give_back(),
            Context::Own(_, own) => own.0.extend(output),
        }
    }

    fn give_back(&mut self) {
        if let Some(state) = self.state.take() {
            pool::return_decompress(state);
        }
    }

    /// What it has borrowed or owns, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let state = if self.state.is_some() { pool::DECOMPRESSOR } else { 0 };
        match &self.context {
            Context::Off | Context::Pooled(..) => state,
            Context::Own(_, own) => state + own.0.memory(),
        }
    }
}

/// Decompresses from the front of `input` into `chunk`, as far as the next final block.
fn advance(state: &mut Decompress, input: &[u8], chunk: &mut [u8]) -> Result<Step, PeerError> {
    let (consumed, produced) = (state.total_in(), state.total_out());
    let status =
        state.decompress(input, chunk, FlushDecompress::Sync).map_err(|_| PeerError::NotDeflate)?;
    let consumed = (state.total_in() - consumed) as usize;
    let made = (state.total_out() - produced) as usize;
    if made == 0 && consumed == 0 && !input.is_empty() {
        return Err(PeerError::NotDeflate);
    }
    // RFC 7692 §7.2.3.4: blocks may be final, and others may follow them.
    let has_ended = status == Status::StreamEnd;
    if has_ended {
        state.reset(false);
    }
    let is_full = !has_ended && made == chunk.len();
    Ok(Step { consumed, made, recalled: 0, is_full, has_ended })
}

/// What came of some input.
struct Step {
    consumed: usize,
    made: usize,
    /// How much of what came before was copied for it.
    recalled: usize,
    /// Whether more may come of what was consumed.
    is_full: bool,
    /// Whether a final block has, and nothing is behind it yet.
    has_ended: bool,
}

/// A compressed message on its way in.
///
/// A decompressor is large. None is borrowed before as much has arrived as makes it worth that, or
/// all of the message.
#[derive(Debug, Default)]
pub(crate) struct Inflation {
    /// What arrived before that, and how much of it has been read.
    waiting: Vec<u8>,
    read: usize,
    /// How much has been read of the [`TAIL`].
    tail: usize,
    /// Whether more may come of what has been read.
    is_full: bool,
    /// Whether anything has been read behind the last final block.
    is_open: bool,
    has_begun: bool,
    /// Whether it was stopped before it was through with what has arrived.
    is_behind: bool,
}

impl Inflation {
    /// Decompresses from the front of `bytes`, as much as `work` allows, and gives what comes of it
    /// to `output`, piece by piece, until that errs; `is_last` if nothing of the message follows them.
    /// Answers how many of the bytes it has taken in; all, unless it [is behind](Self::is_behind).
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        is_last: bool,
        inflater: &mut Inflater,
        work: &mut usize,
        output: &mut impl Output,
    ) -> Result<usize, PeerError> {
        if !is_last && !self.has_begun && self.waiting.len() + bytes.len() < BORROW_THRESHOLD {
            self.waiting.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        self.has_begun = true;
        let (mut taken, mut nothing) = (0, TAIL.len());
        pool::with_chunk(|chunk| {
            loop {
                // "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload": they end
                // a block, and there is none to end after a final one, or where there is nothing.
                let (source, position, has_come) = if self.read < self.waiting.len() {
                    (&self.waiting[..], &mut self.read, true)
                } else if taken < bytes.len() {
                    (bytes, &mut taken, true)
                } else if is_last && (self.tail > 0 || self.is_open) {
                    (TAIL, &mut self.tail, false)
                } else {
                    (TAIL, &mut nothing, false)
                };
                let input = &source[*position..];
                if input.is_empty() && !self.is_full {
                    self.is_behind = false;
                    break;
                }
                if *work == 0 {
                    self.is_behind = true;
                    break;
                }
                let step = inflater.step(input, output, chunk)?;
                *position += step.consumed;
                inflater.count(if has_come { step.consumed } else { 0 }, step.made);
                self.is_full = step.is_full;
                self.is_open = !step.has_ended && (self.is_open || step.consumed > 0);
                // Blocks of nothing are work too.
                *work = work.saturating_sub(step.made.max(STEP) + step.recalled / RECALLED);
                if step.made > 0 {
                    output.push(&chunk[..step.made])?;
                }
            }
            Ok(())
        })?;
        if self.read == self.waiting.len() {
            (self.waiting, self.read) = (Vec::new(), 0);
        }
        Ok(taken)
    }

    /// Whether it has stopped for want of work that was allowed.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// How much of what has arrived is not decompressed, in bytes.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
