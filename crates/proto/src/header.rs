//! The first bytes of a frame: RFC 6455 §5.2, the rules of §5.1 and §5.5 included.
//!
//! A header is read in the order in which its bytes arrive, and each rule is applied with the
//! first byte that decides it. Rules that depend on earlier frames are the assembler's.

use crate::error::PeerError;

const RSV1: u8 = 0b100;

/// A frame's header, complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) start: Start,
    pub(crate) len: u64,
    pub(crate) key: [u8; 4],
}

impl Header {
    /// The length of the header itself, in bytes.
    pub(crate) fn size(&self) -> usize {
        let extended_len = match self.len {
            ..=125 => 0,
            126..=0xffff => 2,
            _ => 8,
        };
        2 + extended_len + self.key.len()
    }
}

/// What the first byte of a frame says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) fin: bool,
    /// RFC 7692 §6: RSV1, "a bit that indicates whether the message is compressed or not".
    pub(crate) compressed: bool,
    pub(crate) opcode: Opcode,
}

impl Start {
    /// Reads the first byte; `deflate` if compressed messages were agreed on.
    pub(crate) fn parse(byte: u8, deflate: bool) -> Result<Self, PeerError> {
        let bits = byte >> 4 & 0b111;
        let compressed = deflate && bits == RSV1;
        // RFC 6455 §5.2: RSV1 to RSV3 "MUST be 0 unless an extension is negotiated that defines
        // meanings for non-zero values".
        if bits != 0 && !compressed {
            return Err(PeerError::ReservedBits { bits });
        }
        let opcode = Opcode::parse(byte & 0xf)?;
        // RFC 7692 §6.1: RSV1 is for "the first frame of a message", "this bit MUST NOT be set" on
        // others; §5: not on control frames either.
        if compressed && !matches!(opcode, Opcode::Text | Opcode::Binary) {
            return Err(PeerError::ReservedBits { bits });
        }
        let fin = byte & 0x80 != 0;
        // RFC 6455 §5.5: control frames "MUST NOT be fragmented".
        if opcode.is_control() && !fin {
            return Err(PeerError::ControlFragmented);
        }
        Ok(Self { fin, compressed, opcode })
    }

    /// The first byte itself.
    pub(crate) fn byte(self) -> u8 {
        u8::from(self.fin) << 7 | u8::from(self.compressed) << 6 | self.opcode as u8
    }

    /// Reads the payload length from `bytes`, the header without its first byte; the length, and
    /// the bytes that follow it. `None` if more must arrive, and nothing is wrong so far.
    pub(crate) fn parse_len(self, bytes: &[u8]) -> Result<Option<(u64, &[u8])>, PeerError> {
        let Some((&byte, bytes)) = bytes.split_first() else {
            return Ok(None);
        };
        // RFC 6455 §5.1: "The server MUST close the connection upon receiving a frame that is not
        // masked."
        if byte & 0x80 == 0 {
            return Err(PeerError::Unmasked);
        }
        let short = byte & 0x7f;
        // RFC 6455 §5.5: control frames "MUST have a payload length of 125 bytes or less".
        if self.opcode.is_control() && short > 125 {
            return Err(PeerError::ControlTooLong);
        }
        // RFC 6455 §5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte
        // unsigned integer".
        if self.opcode == Opcode::Close && short == 1 {
            return Err(PeerError::CloseTooShort);
        }
        match short {
            126 => parse_len_16(bytes),
            127 => parse_len_64(bytes),
            len => Ok(Some((len.into(), bytes))),
        }
    }
}

/// RFC 6455 §11.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
}

impl Opcode {
    fn parse(opcode: u8) -> Result<Self, PeerError> {
        Ok(match opcode {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            // RFC 6455 §5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail
            // the WebSocket Connection_."
            _ => return Err(PeerError::ReservedOpcode { opcode }),
        })
    }

    pub(crate) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

// RFC 6455 §5.2: "Note that in all cases, the minimal number of bytes MUST be used to encode the
// length".

fn parse_len_16(bytes: &[u8]) -> Result<Option<(u64, &[u8])>, PeerError> {
    let Some((len, bytes)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    match u16::from_be_bytes(*len) {
        ..126 => Err(PeerError::LengthNotMinimal),
        len => Ok(Some((len.into(), bytes))),
    }
}

fn parse_len_64(bytes: &[u8]) -> Result<Option<(u64, &[u8])>, PeerError> {
    // RFC 6455 §5.2: "the most significant bit MUST be 0".
    if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        return Err(PeerError::LengthTooLong);
    }
    if bytes.starts_with(&[0; 6]) {
        return Err(PeerError::LengthNotMinimal);
    }
    let Some((len, bytes)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    Ok(Some((u64::from_be_bytes(*len), bytes)))
}
