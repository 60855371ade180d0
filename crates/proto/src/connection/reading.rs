//! Bytes to frames, in whatever pieces they arrive: RFC 6455 §5.2.

use std::{borrow::Cow, mem};

use bytes::BufMut;

use super::stash::Stash;
use crate::{
    Close, Config, Count, Message,
    assembler::{self, Assembler},
    deflate::{Agreement, Inflater},
    error::PeerError,
    header::{Header, Opcode, Start},
    mask::Mask,
};

/// What has been read of the peer's frames and not been passed on.
#[derive(Debug)]
pub(super) struct Reader {
    stage: Stage,
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
            stage: Stage::default(),
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

    /// Reads from the front of `input` up to the next thing that has arrived whole. `None` if all
    /// of `input` has been taken in.
    ///
    /// After an error the peer's bytes have no meaning any more.
    pub(super) fn read<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        config: &Config,
    ) -> Result<Option<Incoming<'a>>, PeerError> {
        while !input.is_empty() {
            if let Some(message) = self.read_plain(input, config) {
                return message.map(Incoming::Message).map(Some);
            }
            let incoming = match &mut self.stage {
                Stage::Start => self.read_start(input, config)?,
                Stage::Header(stash) => {
                    let stash = stash.clone();
                    self.read_header(stash, input, config)?
                }
                Stage::Payload(frame) => {
                    let incoming =
                        frame.read(input, self.assembler.as_mut(), &mut self.inflater, config)?;
                    if frame.lacking == 0 {
                        self.stage = Stage::Start;
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

    /// How much has arrived of the message that is arriving.
    pub(super) fn arriving(&self) -> usize {
        self.assembler.as_ref().map_or(0, Assembler::len)
    }

    /// For how many bytes of the frame that is arriving there is room where they belong.
    pub(super) fn room(&self, config: &Config) -> usize {
        match (&self.stage, &self.assembler) {
            (Stage::Payload(frame), Some(assembler)) if !frame.start.opcode.is_control() => {
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
        let (Stage::Payload(frame), Some(assembler)) = (&mut self.stage, &mut self.assembler)
        else {
            return Ok(None);
        };
        let message = frame.read_in_place(assembler, config, read)?;
        if frame.lacking == 0 {
            self.stage = Stage::Start;
        }
        self.count.messages += u64::from(message.is_some());
        Ok(message)
    }

    /// Whether `input` begins with a frame that ends the connection, by its header alone.
    pub(super) fn is_end(&self, input: &[u8], config: &Config) -> bool {
        matches!(self.stage, Stage::Start)
            && self.plain_header(input, config).is_none()
            && match self.parse_header(input, config) {
                Ok(Some(header)) => header.start.opcode == Opcode::Close,
                Ok(None) => false,
                Err(_) => true,
            }
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
        let is_between = matches!(self.stage, Stage::Start)
            && self.assembler.as_ref().is_some_and(Assembler::is_idle);
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
            self.stage = Stage::Header(Stash::new(input));
            *input = &mut [];
            return Ok(None);
        };
        take(input, header.size());
        self.read_frame(header, input, config)
    }

    /// Reads on from within a header, of which `stash` has arrived before.
    fn read_header<'a>(
        &mut self,
        mut stash: Stash<MAX_HEADER>,
        input: &mut &'a mut [u8],
        config: &Config,
    ) -> Result<Option<Incoming<'a>>, PeerError> {
        let known = stash.bytes().len();
        stash.extend(input);
        let Some(header) = self.parse_header(stash.bytes(), config)? else {
            self.stage = Stage::Header(stash);
            *input = &mut [];
            return Ok(None);
        };
        self.stage = Stage::Start;
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
        if len > input.len() as u64 {
            if let Some(assembler) = self.assembler.as_mut().filter(|_| !start.opcode.is_control())
            {
                assembler.begin(start, config);
            }
            self.stage = Stage::Payload(PartialFrame { start, mask, lacking: len, control: None });
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
        Ok(assembler.frame(start, payload, &mut self.inflater, config)?.map(Incoming::Message))
    }
}

/// Where in a frame the last read ended.
#[derive(Debug, Default)]
enum Stage {
    #[default]
    Start,
    Header(Stash<MAX_HEADER>),
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
    /// Reads more of the payload.
    fn read<'a>(
        &mut self,
        input: &mut &mut [u8],
        assembler: Option<&mut Assembler>,
        inflater: &mut Inflater,
        config: &Config,
    ) -> Result<Option<Incoming<'a>>, PeerError> {
        let len = self.lacking.min(input.len() as u64);
        let bytes = take(input, len as usize);
        self.mask.apply(bytes);
        self.lacking -= len;

        if self.start.opcode.is_control() {
            let payload = self.control.get_or_insert_default();
            payload.extend(bytes);
            if self.lacking > 0 {
                return Ok(None);
            }
            let payload = Cow::Owned(payload.bytes().to_vec());
            return control(self.start.opcode, payload).map(Some);
        }
        let Some(assembler) = assembler else {
            return Ok(None);
        };
        let message = assembler.push(self.start, bytes, self.lacking, inflater, config)?;
        Ok(message.map(Incoming::Message))
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

/// RFC 6455 §5.2: 2 bytes, 8 of extended length, 4 of masking key.
const MAX_HEADER: usize = 14;

/// RFC 6455 §5.2: 2 bytes, and 4 of masking key.
const SHORT_HEADER: usize = 6;

/// RFC 6455 §5.5.
const MAX_CONTROL: usize = 125;
