//! The client's ears: reads the server's frames, strictly.

use aerys_proto::{CloseCode, Frame};

use crate::wire::{BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT};

/// What a server has said so far. Whatever a server must not say is a panic.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Whether RSV1 was agreed on: RFC 7692 §6.
    pub(crate) may_compress: bool,
    pub(crate) messages: Vec<Heard>,
    pub(crate) unfinished: Option<Heard>,
    pub(crate) pings: Vec<Vec<u8>>,
    pub(crate) pongs: Vec<Vec<u8>>,
    pub(crate) close: Option<Vec<u8>>,
    pub(crate) frames: u64,
}

/// A message as it was on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) is_text: bool,
    pub(crate) compressed: bool,
    pub(crate) payload: Vec<u8>,
    pub(crate) frames: usize,
}

impl Peer {
    pub(crate) fn hear(&mut self, frame: &Frame) {
        let bytes = [frame.header(), frame.payload()].concat();
        assert_eq!(bytes.len(), frame.len());
        let (first, payload) = parse(&bytes);
        assert_eq!(self.close, None, "nothing follows a CLOSE: RFC 6455 §5.5.1");
        self.frames += 1;
        let (fin, rsv, opcode) = (first & 0x80 != 0, first >> 4 & 0b111, first & 0xf);
        let payload = payload.to_vec();
        match opcode {
            TEXT | BINARY => {
                let compressed = rsv == 0b100 && self.may_compress;
                assert!(rsv == 0 || compressed, "reserved bits: {first:#x}");
                assert_eq!(self.unfinished, None, "messages are not interleaved");
                let heard = Heard { is_text: opcode == TEXT, compressed, payload, frames: 1 };
                self.end_of(heard, fin);
            }
            CONTINUATION => {
                assert_eq!(rsv, 0, "reserved bits of a continuation");
                let mut heard = self.unfinished.take().expect("a continuation continues something");
                heard.payload.extend(payload);
                heard.frames += 1;
                self.end_of(heard, fin);
            }
            CLOSE | PING | PONG => {
                assert_eq!(rsv, 0, "reserved bits of a control frame");
                assert!(fin, "a control frame is whole");
                assert!(payload.len() <= 125, "a control frame is short");
                match opcode {
                    CLOSE => {
                        check_close(&payload);
                        self.close = Some(payload);
                    }
                    PING => self.pings.push(payload),
                    _ => self.pongs.push(payload),
                }
            }
            _ => panic!("opcode {opcode:#x} is reserved"),
        }
    }

    /// The code in the CLOSE, 1005 if it has none: RFC 6455 §7.1.5.
    pub(crate) fn close_code(&self) -> Option<u16> {
        let payload = self.close.as_ref()?;
        Some(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code)))
    }

    fn end_of(&mut self, heard: Heard, fin: bool) {
        if fin {
            self.messages.push(heard);
        } else {
            self.unfinished = Some(heard);
        }
    }
}

/// The first byte and the payload of the one frame that is all of `bytes`: RFC 6455 §5.2.
fn parse(bytes: &[u8]) -> (u8, &[u8]) {
    let (&[first, second], rest) =
        bytes.split_first_chunk().expect("a frame is two bytes at least");
    assert_eq!(second & 0x80, 0, "a server does not mask: RFC 6455 §5.1");
    let (len, payload) = match second {
        126 => {
            let (len, rest) = rest.split_first_chunk().expect("16 bits of length");
            let len = u64::from(u16::from_be_bytes(*len));
            assert!(len > 125, "lengths are minimal");
            (len, rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk().expect("64 bits of length");
            let len = u64::from_be_bytes(*len);
            assert!(len > 0xffff && len >> 63 == 0, "lengths are minimal");
            (len, rest)
        }
        len => (len.into(), rest),
    };
    assert_eq!(len, payload.len() as u64, "the payload is as long as the header says");
    (first, payload)
}

/// RFC 6455 §5.5.1, §7.4.
fn check_close(payload: &[u8]) {
    match payload.split_first_chunk() {
        Some((code, reason)) => {
            let code = u16::from_be_bytes(*code);
            assert!(CloseCode::new(code).is_some(), "{code} is sent");
            assert!(
                !matches!(code, 0..=999 | 1004..=1006 | 1015..=2999 | 5000..),
                "{code} is sent"
            );
            assert!(std::str::from_utf8(reason).is_ok(), "the reason is UTF-8");
        }
        None => assert!(payload.is_empty(), "half a code is sent"),
    }
}
