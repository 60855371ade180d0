//! RFC 6455 §5 a second time, for a client's bytes that are all here at once.
//!
//! It is as plain as it can be, so that where it and the connection differ, the connection is
//! more likely to be wrong. It knows compressed messages, RFC 7692 §6, and not what is in them.

use aerys_proto::Config;

/// What an open connection is to make of a client's bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Whether each is a text, and its payload, if that is plain.
    pub(crate) messages: Vec<(bool, Option<Vec<u8>>)>,
    /// Whether the message that is left unfinished is compressed.
    pub(crate) ends_compressed: bool,
    /// What is to be answered.
    pub(crate) pings: Vec<Vec<u8>>,
    pub(crate) end: Option<End>,
    /// Frames with a complete header without fault.
    pub(crate) frames: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A CLOSE with this payload.
    Closed(Vec<u8>),
    /// A violation that is answered with this code.
    Violated(u16),
}

/// What to make of `bytes`, which may end anywhere; `may_compress` if that was agreed on.
pub(crate) fn expect(bytes: &[u8], config: &Config, may_compress: bool) -> Expected {
    let mut expected = Expected::default();
    let mut reading = Reading { config, may_compress, rest: bytes, unfinished: None };
    loop {
        match reading.frame(&mut expected) {
            Ok(()) => {}
            Err(Stop::Incomplete) => break,
            Err(Stop::End(end)) => {
                expected.end = Some(end);
                break;
            }
        }
    }
    expected.ends_compressed = reading.unfinished.is_some_and(|message| message.is_compressed);
    expected
}

struct Reading<'a> {
    config: &'a Config,
    may_compress: bool,
    rest: &'a [u8],
    unfinished: Option<Unfinished>,
}

#[derive(Default)]
struct Unfinished {
    is_text: bool,
    is_compressed: bool,
    payload: Vec<u8>,
}

enum Stop {
    Incomplete,
    End(End),
}

const PROTOCOL: Stop = Stop::End(End::Violated(1002));
const UNSUPPORTED: Stop = Stop::End(End::Violated(1003));
const INVALID: Stop = Stop::End(End::Violated(1007));
const TOO_BIG: Stop = Stop::End(End::Violated(1009));

impl Reading<'_> {
    fn frame(&mut self, expected: &mut Expected) -> Result<(), Stop> {
        let first = self.byte()?;
        let (fin, opcode) = (first & 0x80 != 0, first & 0xf);
        let is_control = opcode & 0x8 != 0;
        let is_compressed = self.may_compress && first & 0x70 == 0x40 && matches!(opcode, 1 | 2);
        let is_reserved = first & 0x70 != 0 && !is_compressed;
        if is_reserved || matches!(opcode, 3..=7 | 11..=15) || is_control && !fin {
            return Err(PROTOCOL);
        }
        match (opcode, &self.unfinished) {
            (0, None) | (1 | 2, Some(_)) => return Err(PROTOCOL),
            (2, None) if self.config.text_only => return Err(UNSUPPORTED),
            _ => {}
        }
        let second = self.byte()?;
        let short = second & 0x7f;
        if second & 0x80 == 0 || is_control && short > 125 || opcode == 8 && short == 1 {
            return Err(PROTOCOL);
        }
        let len = match short {
            126 => self.long(2)?,
            127 => self.long(8)?,
            len => len.into(),
        };
        let begun = self.unfinished.as_ref();
        let before = begun.map_or(0, |message| message.payload.len() as u64);
        let is_plain = !is_compressed && begun.is_none_or(|message| !message.is_compressed);
        let fits = len <= self.config.max_frame_size as u64
            && (!is_plain || len.saturating_add(before) <= self.config.max_msg_size as u64);
        if !is_control && !fits {
            return Err(TOO_BIG);
        }
        let key = [self.byte()?, self.byte()?, self.byte()?, self.byte()?];
        expected.frames += 1;

        let here = usize::try_from(len).map_or(self.rest.len(), |len| len.min(self.rest.len()));
        let (masked, rest) = self.rest.split_at(here);
        self.rest = rest;
        let payload = masked.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]);
        let is_here = here as u64 == len;
        if is_control {
            if !is_here {
                return Err(Stop::Incomplete);
            }
            return control(opcode, payload.collect(), expected);
        }
        let is_text = opcode == 1;
        let new = || Unfinished { is_text, is_compressed, payload: Vec::new() };
        let message = self.unfinished.get_or_insert_with(new);
        message.payload.extend(payload);
        let is_whole = fin && is_here;
        if message.is_text && is_plain && self.config.validate_utf8 {
            match std::str::from_utf8(&message.payload) {
                Err(error) if is_whole || error.error_len().is_some() => return Err(INVALID),
                _ => {}
            }
        }
        if !is_here {
            return Err(Stop::Incomplete);
        }
        if is_whole {
            let message = self.unfinished.take().unwrap_or_default();
            expected.messages.push((message.is_text, is_plain.then_some(message.payload)));
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        let (&byte, rest) = self.rest.split_first().ok_or(Stop::Incomplete)?;
        self.rest = rest;
        Ok(byte)
    }

    /// An extended length. It is wrong as soon as the bytes that are here rule a legal one out.
    fn long(&mut self, size: usize) -> Result<u64, Stop> {
        let here = &self.rest[..size.min(self.rest.len())];
        let filled = |with: u8| {
            let bytes = (0..size).map(|i| here.get(i).copied().unwrap_or(with));
            bytes.fold(0_u64, |len, byte| len << 8 | u64::from(byte))
        };
        let (least, most) = if size == 2 { (126, 0xffff) } else { (0x1_0000, u64::MAX >> 1) };
        if filled(0xff) < least || filled(0) > most {
            return Err(PROTOCOL);
        }
        if here.len() < size {
            return Err(Stop::Incomplete);
        }
        self.rest = &self.rest[size..];
        Ok(filled(0))
    }
}

fn control(opcode: u8, payload: Vec<u8>, expected: &mut Expected) -> Result<(), Stop> {
    match opcode {
        9 => expected.pings.push(payload),
        8 => {
            if let Some((code, reason)) = payload.split_first_chunk() {
                let code = u16::from_be_bytes(*code);
                if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                    return Err(PROTOCOL);
                }
                if std::str::from_utf8(reason).is_err() {
                    return Err(INVALID);
                }
            }
            return Err(Stop::End(End::Closed(payload)));
        }
        _ => {}
    }
    Ok(())
}
