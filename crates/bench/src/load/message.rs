//! One message as it travels: its masked frames, ready to be written, and the reply that it earns.
//!
//! Everything is laid out once, so that saying a message costs one `send` and checking a reply one
//! comparison of bytes.

use std::io::Write as _;

use anyhow::{Result, ensure};
use flate2::{Compression, Decompress, FlushDecompress, write::DeflateEncoder};

const FIN: u8 = 0x80;

pub(crate) const RSV1: u8 = 0x40;

const EMPTY_BLOCK: &[u8] = &[0x00, 0x00, 0xff, 0xff];

pub(crate) const JSON_SIZE: usize = 1024;

const JSON_ROWS: usize = 20;

/// What is said, over and over, and what has to come back.
#[derive(Debug)]
pub(crate) struct Message {
    kind: Kind,
    content: Vec<u8>,
    /// Copies of the masked frame, end to end: whoever says several says them in one write.
    frames: Vec<u8>,
    frame_len: usize,
    /// The reply as one frame; servers may also send it in several.
    reply: Vec<u8>,
    deflated: bool,
}

/// The opcodes of RFC 6455 §5.2 that carry a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text = 0x1,
    Binary = 0x2,
}

impl Message {
    /// A binary message of `size` bytes that no compressor shortens, in a run of `copies`.
    pub(crate) fn binary(size: usize, copies: usize) -> Self {
        Self::plain(Kind::Binary, noise(size), copies)
    }

    /// A text of 1 KiB as a server would broadcast it.
    pub(crate) fn json(copies: usize) -> Self {
        Self::plain(Kind::Text, json().into_bytes(), copies)
    }

    /// The same message from one that agreed to permessage-deflate. The frame is compressed as the
    /// first of its connection, which is right for any later one as well: it refers to no earlier.
    ///
    /// # Errors
    ///
    /// If it could not be compressed.
    pub(crate) fn deflated(self) -> Result<Self> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&self.content)?;
        encoder.flush()?;
        let mut compressed = encoder.get_ref().clone();
        // RFC 7692 §7.2.1: the empty block that a flush ends with is left out.
        ensure!(compressed.ends_with(EMPTY_BLOCK), "the compressor did not flush");
        compressed.truncate(compressed.len() - EMPTY_BLOCK.len());
        let copies = self.frames.len() / self.frame_len;
        let frame = masked(RSV1 | self.kind as u8, &compressed);
        Ok(Self {
            frame_len: frame.len(),
            frames: frame.repeat(copies),
            reply: Vec::new(),
            deflated: true,
            ..self
        })
    }

    fn plain(kind: Kind, content: Vec<u8>, copies: usize) -> Self {
        let frame = masked(kind as u8, &content);
        let mut reply = header(kind as u8, content.len(), false);
        reply.extend_from_slice(&content);
        Self {
            kind,
            frame_len: frame.len(),
            frames: frame.repeat(copies),
            reply,
            content,
            deflated: false,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The payload that has to come back.
    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    pub(crate) fn frames(&self) -> &[u8] {
        &self.frames
    }

    /// The length of one masked frame, in bytes.
    pub(crate) fn frame_len(&self) -> usize {
        self.frame_len
    }

    /// The whole reply if it comes as one frame; empty if it may be compressed.
    pub(crate) fn reply(&self) -> &[u8] {
        &self.reply
    }

    /// Whether replies may come compressed.
    pub(crate) fn is_deflated(&self) -> bool {
        self.deflated
    }
}

/// Undoes RFC 7692 §7.2.2 for the first message of a connection.
///
/// # Errors
///
/// If it is not a compressed message, or longer than `limit`.
pub(crate) fn inflate(payload: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut content = Vec::with_capacity(limit + 1);
    let mut inflater = Decompress::new(false);
    inflater.decompress_vec(
        &[payload, EMPTY_BLOCK].concat(),
        &mut content,
        FlushDecompress::Sync,
    )?;
    Ok(content)
}

/// A frame from a client to a server (RFC 6455 §5.3).
pub(crate) fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(opcode, payload.len(), true);
    frame.extend_from_slice(&KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// The header of an unfragmented frame, without its key (RFC 6455 §5.2).
fn header(opcode: u8, len: usize, masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut header = vec![FIN | opcode];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ 0..=125), _) => header.push(mask | len),
        (_, Ok(len)) => {
            header.push(mask | 126);
            header.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            header.push(mask | 127);
            header.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    header
}

/// Bytes in no order, the same in each run (a xorshift).
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(size);
    bytes.resize_with(size, || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    });
    bytes
}

/// Rows of an order book, and a remark that makes it 1 KiB.
fn json() -> String {
    let mut text = String::from(r#"{"type":"book","market":"EUR-USD","rows":["#);
    for (row, bytes) in noise(JSON_ROWS * 2).chunks_exact(2).enumerate() {
        let comma = if row == 0 { "" } else { "," };
        let side = if row % 2 == 0 { "buy" } else { "sell" };
        let (price, amount) = (u32::from(bytes[0]) + 10_000, bytes[1]);
        text.push_str(&format!(
            r#"{comma}{{"side":"{side}","price":1.{price},"amount":{amount}}}"#
        ));
    }
    text.push_str(r#"],"remark":""#);
    let remark = JSON_SIZE - text.len() - JSON_END.len();
    text.extend("lorem ipsum ".chars().cycle().take(remark));
    text + JSON_END
}

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const JSON_END: &str = r#""}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_message_is_framed_as_rfc_6455_says() {
        let message = Message::plain(Kind::Text, b"Hello".to_vec(), 2);
        let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(message.frames(), masked.repeat(2));
        assert_eq!(message.frame_len(), masked.len());
        assert_eq!(message.reply(), [0x81, 0x05, b'H', b'e', b'l', b'l', b'o']);
    }

    #[test]
    fn a_header_is_as_short_as_its_length_allows() {
        assert_eq!(header(2, 125, false), [0x82, 125]);
        assert_eq!(header(2, 126, false), [0x82, 126, 0, 126]);
        assert_eq!(header(2, 65_535, false), [0x82, 126, 0xff, 0xff]);
        assert_eq!(header(2, 65_536, true), [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_deflated_message_inflates_to_its_content() {
        let message = Message::json(1).deflated().unwrap();
        assert_eq!(message.content().len(), JSON_SIZE);
        let frame = message.frames();
        assert_eq!(frame[0], FIN | RSV1 | Kind::Text as u8);
        assert!(frame.len() < JSON_SIZE / 2, "{} bytes", frame.len());
        let (key, payload) = frame[frame.len() - message.frame_len() + 4..].split_at(4);
        let payload: Vec<u8> =
            payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        assert_eq!(inflate(&payload, JSON_SIZE).unwrap(), message.content());
    }
}
