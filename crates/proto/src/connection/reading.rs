//! Bytes to frames, in whatever pieces they arrive: RFC 6455 §5.2.

use std::{borrow::Cow, mem};

use bytes::BufMut;

use super::stash::Stash;
use crate::{
    Close, Config, Count, Message,
    assembler::{self, Assembler},
    deflate::{Agreement, Inflated, Inflater},
    error::PeerError,
    header::{Header, Opcode, Start},
    mask::Mask,
};

/// What a frame counts as work, beside what is decompressed of it: as many bytes as a short message
/// takes on the wire.
const FRAME: usize = 64;

/// RFC 6455 §5.2: 2 bytes, 8 of extended length, 4 of masking key.
const MAX_RECEIVED_HEADER: usize = 14;

/// RFC 6455 §5.2: 2 bytes, and 4 of masking key.
const SHORT_HEADER: usize = 6;

/// RFC 6455 §5.5.
const MAX_CONTROL: usize = 125;

/// What has been read of the peer's frames and not been passed on.
#[derive(Debug)]
pub(super) struct Reader {
    /// What of a frame has arrived when the last read ended, if it ended within one.
    partial: Option<Box<Partial>>,
    /// `None` once data is of no interest. Control frames are read on.
    assembler: Option<Assembler>,
    inflater: Inflater,
    count: Count,
}

/// Something that has arrived whole.
pub(super) enum Incoming<'a> {
    Message(Message),
    Ping(Cow<'a, [u8]>),
    Pong(Cow<'a, [u8]>),
    Close(Close),
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            partial: None,
            assembler: Some(Assembler::default()),
            inflater: Inflater::default(),
            count: Count::default(),
        }
    }
}

impl Reader {
    pub(super) fn decompress(&mut self, agreement: &Agreement) {
        self.inflater = Inflater::new(agreement);
    }

    pub(super) fn take_inflated(&mut self) -> Inflated {
        self.inflater.take_inflated()
    }

    pub(super) fn decompresses(&self) -> bool {
        self.inflater.is_on()
    }

    /// Reads from the front of `input` up to the next thing that has arrived whole, as far as `work`
    /// goes. `None` if all of `input` has been taken in, or no work is left.
    ///
    /// After an error the peer's bytes have no meaning any more.
    pub(super) fn read<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        config: &Config,
        work: &mut usize,
    ) -> Result<Option<Incoming<'a>>, PeerError> {
        while *work > 0 && (!input.is_empty() || self.is_behind()) {
            if let Some(message) = self.read_plain(input, config) {
                *work = work.saturating_sub(FRAME);
                return message.map(Incoming::Message).map(Some);
            }
            let incoming = match self.partial.as_deref_mut() {
                None => {
                    *work = work.saturating_sub(FRAME);
                    self.read_start(input, config)?
                }
                Some(Partial::Header(stash)) => {
                    let stash = stash.clone();
                    self.read_header(stash, input, config)?
                }
                Some(Partial::Payload(frame)) => {
                    let (assembler, inflater) = (self.assembler.as_mut(), &mut self.inflater);
                    let incoming = frame.read(input, assembler, inflater, config, work)?;
                    let is_through = self.assembler.as_ref().is_none_or(|it| !it.is_behind());
                    if frame.lacking == 0 && is_through {
                        self.partial = None;
                    }
                    incoming
                }
            };
            if let Some(Incoming::Message(_)) = incoming {
                self.count.messages += 1;
            }
            if incoming.is_some() {
                return Ok(incoming);
            }
        }
        Ok(None)
    }

    /// Whether something has been taken in that is still to be decompressed.
    pub(super) fn is_behind(&self) -> bool {
        let is_there = self.payload().is_some_and(|frame| frame.lacking == 0);
        is_there || self.assembler.as_ref().is_some_and(Assembler::is_behind)
    }

    /// The frame of which the payload is arriving, if one is.
    fn payload(&self) -> Option<&PartialFrame> {
        match self.partial.as_deref() {
            Some(Partial::Payload(frame)) => Some(frame),
            Some(Partial::Header(_)) | None => None,
        }
    }

    /// What changes whenever a message brings anything new.
    pub(super) fn progress(&self) -> (u64, usize) {
        (self.count.messages, self.arriving())
    }

    /// Whether a frame or a message has begun that is not whole.
    pub(super) fn is_within_message(&self) -> bool {
        // What is skipped is of no interest.
        self.assembler
            .as_ref()
            .is_some_and(|assembler| !assembler.is_idle() || self.partial.is_some())
    }

    /// How much memory is taken by what is not whole yet.
    pub(super) fn memory(&self) -> usize {
        let assembler = self.assembler.as_ref().filter(|assembler| !assembler.is_idle());
        assembler.map_or(0, |assembler| assembler.memory() + self.inflater.memory())
    }

    /// How much has arrived of the message that is arriving.
    pub(super) fn arriving(&self) -> usize {
        self.assembler.as_ref().map_or(0, Assembler::len)
    }

    /// For how many bytes of the frame that is arriving there is room where they belong.
    pub(super) fn room(&self, config: &Config) -> usize {
        match (self.payload(), &self.assembler) {
            (Some(frame), Some(assembler)) if !frame.start.opcode.is_control() => {
                assembler.room(frame.start, frame.lacking, config)
            }
            _ => 0,
        }
    }

    /// Lets `read` put bytes where there is [room](Self::room) for them, and takes those in.
    pub(super) fn read_in_place(
        &mut self,
        config: &Config,
        read: impl FnOnce(&mut dyn BufMut),
    ) -> Result<Option<Message>, PeerError> {
        let (Some(Partial::Payload(frame)), Some(assembler)) =
            (self.partial.as_deref_mut(), &mut self.assembler)
        else {
            return Ok(None);
        };
        let message = frame.read_in_place(assembler, config, read)?;
        if frame.lacking == 0 {
            self.partial = None;
        }
        self.count.messages += u64::from(message.is_some());
        Ok(message)
    }

    /// Forgets what has half arrived, and keeps count.
    pub(super) fn clear(&mut self) {
        *self = Self { count: self.count, ..Self::default() };
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        let fresh = Self { count: self.count, ..Self::default() };
        format!("{self:?}") == format!("{fresh:?}")
    }

    pub(super) fn count(&self) -> Count {
        self.count
    }

    /// Forgets the message that is arriving, and skips all data from now on.
    pub(super) fn skip_data(&mut self) {
        self.assembler = None;
        self.inflater.forget();
    }

    /// Reads a message that is there whole, in one frame of at most 64 KiB that is not compressed:
    /// most are, and they are not to pay for those that are not. It answers to the same rules.
    pub(super) fn read_plain(
        &mut self,
        input: &mut &mut [u8],
        config: &Config,
    ) -> Option<Result<Message, PeerError>> {
        let header = self.plain_header(input, config)?;
        take(input, header.size());
        let Header { start, len, key } = header;
        let payload = take(input, len as usize);
        Mask::new(key).apply(payload);
        self.count.count_frame(false);
        let message = assembler::whole(start.opcode, payload, config);
        self.count.messages += u64::from(message.is_ok());
        Some(message)
    }

    /// The header at the front of `input`, if it is that of such a message.
    fn plain_header(&self, input: &[u8], config: &Config) -> Option<Header> {
        let &[first, second, a, b, c, d] = input.first_chunk::<SHORT_HEADER>()?;
        let opcode = match first {
            0x81 => Opcode::Text,
            0x82 if !config.text_only => Opcode::Binary,
            _ => return None,
        };
        // Masked, and with a length of 7 or 16 bits. RFC 6455 §5.2: the shorter if it will do.
        let (len, key) = match second.wrapping_sub(0x80) {
            len @ ..126 => (len.into(), [a, b, c, d]),
            126 => match (u16::from_be_bytes([a, b]), input.get(4..8)) {
                (len @ 126.., Some(&[a, b, c, d])) => (len.into(), [a, b, c, d]),
                _ => return None,
            },
            _ => return None,
        };
        let start = Start { fin: true, compressed: false, opcode };
        let header = Header { start, len, key };
        let size = len as usize;
        let is_between =
            self.partial.is_none() && self.assembler.as_ref().is_some_and(Assembler::is_idle);
        let is_there = input.len() >= header.size() + size
            && size <= config.max_frame_size
            && size <= config.max_msg_size;
        (is_between && is_there).then_some(header)
    }

    /// Reads on from where a frame starts.
    fn read_start<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        config: &Config,
    ) -> Result<Option<Incoming<'a>>, PeerError> {
        let Some(header) = self.parse_header(input, config)? else {
            self.partial = Some(Box::new(Partial::Header(Stash::new(input))));
            *input = &mut [];
            return Ok(None);
        };
        take(input, header.size());
        self.read_frame(header, input, config)
    }

    /// Reads on from within a header, of which `stash` has arrived before.
    fn read_header<'a>(
        &mut self,
        mut stash: Stash<MAX_RECEIVED_HEADER>,
        input: &mut &'a mut [u8],
        config: &Config,
    ) -> Result<Option<Incoming<'a>>, PeerError> {
        let known = stash.bytes().len();
        stash.extend(input);
        let Some(header) = self.parse_header(stash.bytes(), config)? else {
            self.partial = Some(Box::new(Partial::Header(stash)));
            *input = &mut [];
            return Ok(None);
        };
        self.partial = None;
        take(input, header.size() - known);
        self.read_frame(header, input, config)
    }

    /// The header at the front of `bytes`. `None` if more must arrive, and nothing is wrong so far.
    fn parse_header(&self, bytes: &[u8], config: &Config) -> Result<Option<Header>, PeerError> {
        let Some((&first, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        let start = Start::parse(first, self.inflater.is_on())?;
        let assembler = self.assembler.as_ref().filter(|_| !start.opcode.is_control());
        if let Some(assembler) = assembler {
            assembler.check_start(start, config)?;
        }
        let Some((len, rest)) = start.parse_len(rest)? else {
            return Ok(None);
        };
        if let Some(assembler) = assembler {
            assembler.check_len(start, len, config)?;
        }
        Ok(rest.first_chunk().map(|&key| Header { start, len, key }))
    }

    /// Reads the payload after `header`: all of it if it is there, or it becomes a partial frame.
    fn read_frame<'a>(
        &mut self,
        header: Header,
        input: &mut &'a mut [u8],
        config: &Config,
    ) -> Result<Option<Incoming<'a>>, PeerError> {
        let Header { start, len, key } = header;
        self.count.count_frame(start.opcode.is_control());
        let mut mask = Mask::new(key);
        let assembler = self.assembler.as_mut().filter(|_| !start.opcode.is_control());
        // How much of a compressed one is taken in at a time does not depend on its length.
        let is_compressed = assembler.as_ref().is_some_and(|it| it.is_compressed(start));
        if is_compressed || len > input.len() as u64 {
            if let Some(assembler) = assembler {
                assembler.begin(start, config);
            }
            let frame = PartialFrame { start, mask, lacking: len, control: None };
            self.partial = Some(Box::new(Partial::Payload(frame)));
            return Ok(None);
        }
        let payload = take(input, len as usize);
        mask.apply(payload);
        if start.opcode.is_control() {
            return control(start.opcode, Cow::Borrowed(payload)).map(Some);
        }
        let Some(assembler) = &mut self.assembler else {
            return Ok(None);
        };
        Ok(assembler.frame(start, payload, config)?.map(Incoming::Message))
    }
}

/// Where in a frame the last read ended.
#[derive(Debug)]
enum Partial {
    Header(Stash<MAX_RECEIVED_HEADER>),
    Payload(PartialFrame),
}

/// A frame whose header is complete and whose payload is not.
#[derive(Debug)]
struct PartialFrame {
    start: Start,
    mask: Mask,
    lacking: u64,
    /// What has arrived of a control frame's payload. Data goes straight to the assembler.
    control: Option<Box<Stash<MAX_CONTROL>>>,
}

impl PartialFrame {
    /// Reads more of the payload, as far as `work` goes.
    fn read<'a>(
        &mut self,
        input: &mut &mut [u8],
        assembler: Option<&mut Assembler>,
        inflater: &mut Inflater,
        config: &Config,
        work: &mut usize,
    ) -> Result<Option<Incoming<'a>>, PeerError> {
        if self.start.opcode.is_control() {
            return self.read_control(input);
        }
        let message = match assembler {
            Some(assembler) if assembler.is_compressed(self.start) => {
                self.read_compressed(input, assembler, inflater, config, work)?
            }
            Some(assembler) => {
                let bytes = self.take(input);
                assembler.push(self.start, bytes, self.lacking, config)?
            }
            None => {
                self.take(input);
                None
            }
        };
        Ok(message.map(Incoming::Message))
    }

    fn read_control<'a>(
        &mut self,
        input: &mut &mut [u8],
    ) -> Result<Option<Incoming<'a>>, PeerError> {
        let bytes = self.take(input);
        let payload = self.control.get_or_insert_default();
        payload.extend(bytes);
        if self.lacking > 0 {
            return Ok(None);
        }
        let payload = Cow::Owned(payload.bytes().to_vec());
        control(self.start.opcode, payload).map(Some)
    }

    /// Takes what there is of the payload, unmasked.
    fn take<'a>(&mut self, input: &mut &'a mut [u8]) -> &'a mut [u8] {
        let len = self.lacking.min(input.len() as u64);
        let bytes = take(input, len as usize);
        self.mask.apply(bytes);
        self.lacking -= len;
        bytes
    }

    /// Takes what `work` allows of the payload of a compressed message.
    fn read_compressed(
        &mut self,
        input: &mut &mut [u8],
        assembler: &mut Assembler,
        inflater: &mut Inflater,
        config: &Config,
        work: &mut usize,
    ) -> Result<Option<Message>, PeerError> {
        let len = self.lacking.min(input.len() as u64);
        let (bytes, lacking) = (&mut input[..len as usize], self.lacking - len);
        let mut mask = self.mask;
        mask.apply(bytes);
        let (taken, message) =
            assembler.push_compressed(self.start, bytes, lacking, inflater, config, work)?;
        // The rest is left as it came.
        self.mask.skip(taken);
        mask = self.mask;
        mask.apply(&mut bytes[taken..]);
        take(input, taken);
        self.lacking -= taken as u64;
        Ok(message)
    }

    /// Reads more of the payload of a data frame to where it belongs.
    fn read_in_place(
        &mut self,
        assembler: &mut Assembler,
        config: &Config,
        read: impl FnOnce(&mut dyn BufMut),
    ) -> Result<Option<Message>, PeerError> {
        let bytes = assembler.fill(self.start, self.lacking, config, read);
        self.mask.apply(bytes);
        let len = bytes.len();
        self.lacking -= len as u64;
        assembler.filled(self.start, len, self.lacking)
    }
}

fn control(opcode: Opcode, payload: Cow<'_, [u8]>) -> Result<Incoming<'_>, PeerError> {
    Ok(match opcode {
        Opcode::Ping => Incoming::Ping(payload),
        Opcode::Pong => Incoming::Pong(payload),
        _ => Incoming::Close(Close::parse(&payload)?),
    })
}

/// Splits `len` bytes off the front of `input`, which has as many.
fn take<'a>(input: &mut &'a mut [u8], len: usize) -> &'a mut [u8] {
    let (front, rest) = mem::take(input).split_at_mut(len);
    *input = rest;
    front
}
