//! One message that is not whole: what has come of it, checked as it comes.

use super::inflated::Inflated;
use crate::{
    Config, Message,
    deflate::{Inflater, Inflation},
    error::PeerError,
    header::Start,
    message::Kind,
    payload::{Payload, Segments},
    utf8::Utf8,
};

#[derive(Debug)]
pub(super) struct Unfinished {
    kind: Kind,
    /// `None` unless it is compressed.
    inflation: Option<Inflation>,
    /// What came before the [payload](Self::payload), if much is decompressed.
    segments: Option<Box<Segments>>,
    pub(super) payload: Payload,
    utf8: Utf8,
}

impl Unfinished {
    pub(super) fn new(kind: Kind, is_compressed: bool) -> Self {
        Self {
            kind,
            inflation: is_compressed.then(Inflation::default),
            segments: None,
            payload: Payload::default(),
            utf8: Utf8::default(),
        }
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.inflation.is_some()
    }

    /// How much of it there is, in bytes.
    pub(super) fn len(&self) -> usize {
        self.before() + self.payload.len()
    }

    /// How much is in segments, in bytes.
    fn before(&self) -> usize {
        self.segments.as_ref().map_or(0, |segments| segments.len())
    }

    pub(super) fn memory(&self) -> usize {
        // Memory that nothing was put into yet is none.
        let payload = match self.is_gathering() {
            true => self.payload.len(),
            false => self.payload.capacity(),
        };
        self.before() + payload + self.waiting()
    }

    pub(super) fn is_behind(&self) -> bool {
        self.is_gathering() || self.is_behind_inflating()
    }

    pub(super) fn is_behind_inflating(&self) -> bool {
        self.inflation.as_ref().is_some_and(Inflation::is_behind)
    }

    pub(super) fn is_gathering(&self) -> bool {
        self.segments.as_ref().is_some_and(|segments| segments.is_gathering())
    }

    /// Decompresses what `work` allows; how many of `bytes` were taken in.
    pub(super) fn inflate(
        &mut self,
        bytes: &[u8],
        is_last: bool,
        inflater: &mut Inflater,
        config: &Config,
        work: &mut usize,
    ) -> Result<usize, PeerError> {
        let Self { kind, inflation: Some(inflation), segments, payload, utf8 } = self else {
            return Ok(bytes.len());
        };
        let mut output = Inflated { kind: *kind, segments, payload, utf8, config };
        let taken = inflation.push(bytes, is_last, inflater, work, &mut output)?;
        if is_last && !inflation.is_behind() {
            inflater.end_message(&output);
            if let Some(segments) = segments {
                segments.begin_gathering(payload);
            }
        }
        Ok(taken)
    }

    /// Gathers what `work` allows; whether the payload is whole.
    pub(super) fn gather(&mut self, work: &mut usize) -> bool {
        let Self { segments, payload, .. } = self;
        segments.as_mut().is_none_or(|segments| segments.gather(payload, work))
    }

    /// Whether the message may grow by `len` bytes.
    pub(super) fn check_room(&self, len: u64, config: &Config) -> Result<(), PeerError> {
        check_size(len.saturating_add(self.payload.len() as u64), config)
    }

    /// What the message can at most grow to, with another `coming` bytes of its frame.
    pub(super) fn longest(&self, start: Start, coming: u64, config: &Config) -> usize {
        if start.fin { self.payload.len() + coming as usize } else { config.max_msg_size }
    }

    /// Appends `bytes`; `longest` is what the message can at most grow to.
    pub(super) fn push(&mut self, bytes: &[u8], longest: usize) -> Result<(), PeerError> {
        self.payload.push(bytes, longest);
        self.check_text(bytes.len())
    }

    /// Checks the last `added` bytes, if that is to be done.
    pub(super) fn check_text(&mut self, added: usize) -> Result<(), PeerError> {
        check_text(self.kind, &mut self.utf8, &self.payload, added)
    }

    /// How much waits to be decompressed, in bytes.
    pub(super) fn waiting(&self) -> usize {
        self.inflation.as_ref().map_or(0, Inflation::waiting)
    }

    pub(super) fn finish(self) -> Result<Message, PeerError> {
        if self.kind == Kind::Text {
            self.utf8.finish()?;
        }
        Ok(Message::new(self.kind, self.payload.finish()))
    }
}

/// Checks the last `added` bytes of a payload, if that is to be done.
pub(super) fn check_text(
    kind: Kind,
    utf8: &mut Utf8,
    payload: &Payload,
    added: usize,
) -> Result<(), PeerError> {
    match kind {
        Kind::Text => utf8.advance(payload.bytes(), added),
        Kind::UncheckedText | Kind::Binary => Ok(()),
    }
}

pub(super) fn check_size(len: u64, config: &Config) -> Result<(), PeerError> {
    if len > config.max_msg_size as u64 {
        return Err(PeerError::MessageTooBig { len, limit: config.max_msg_size });
    }
    Ok(())
}
