//! Checks what a server sends back, frame by frame (RFC 6455 §5), and keeps none of it.

use thiserror::Error;

use super::message::{Kind, Message, RSV1, inflate};

const FIN: u8 = 0x80;

/// The bit that tells a control frame's opcode.
const CONTROL: u8 = 0x08;

const CONTINUATION: u8 = 0x0;

const TEXT: u8 = Kind::Text as u8;

const BINARY: u8 = Kind::Binary as u8;

const CLOSE: u8 = 0x8;

const PING: u8 = 0x9;

const PONG: u8 = 0xa;

/// How far into the replies one connection is.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    stage: Stage,
    /// How much of the message that is arriving has been seen; `None` between two.
    message: Option<Arriving>,
    /// Payload that has to be kept: of a control frame, or of the first compressed message.
    kept: Vec<u8>,
    checked_deflate: bool,
}

#[derive(Debug)]
struct Arriving {
    offset: usize,
    compressed: bool,
}

#[derive(Debug)]
enum Stage {
    Header { bytes: [u8; 10], have: usize },
    Payload { first: u8, left: u64 },
}

/// What a piece of the stream held.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Messages that are complete and right.
    pub(crate) messages: usize,
    /// The payload of a ping that wants its pong.
    pub(crate) ping: Option<Vec<u8>>,
    /// Whether the server closed.
    pub(crate) close: bool,
}

/// What a server may not send.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Wrong {
    #[error("a frame that begins with {first:#04x} came where none may")]
    Frame { first: u8 },
    #[error("a masked frame came from the server")]
    Masked,
    #[error("a reply differs from what was sent, after {offset} bytes")]
    Content { offset: usize },
    #[error("a reply of {len} bytes came instead of one of {expected}")]
    Length { len: usize, expected: usize },
    #[error("a reply does not inflate")]
    Deflate,
}

impl Replies {
    /// Takes in what was read next.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], expected: &Message) -> Result<Heard, Wrong> {
        let mut heard = Heard::default();
        let reply = expected.reply();
        while !bytes.is_empty() {
            if self.is_between() && !reply.is_empty() && bytes.starts_with(reply) {
                heard.messages += 1;
                bytes = &bytes[reply.len()..];
                continue;
            }
            bytes = match self.stage {
                Stage::Header { .. } => self.header(bytes)?,
                Stage::Payload { first, left } => {
                    let len = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let (payload, rest) = bytes.split_at(len);
                    self.payload(first, payload, expected)?;
                    self.stage = Stage::Payload { first, left: left - len as u64 };
                    rest
                }
            };
            if let Stage::Payload { first, left: 0 } = self.stage {
                self.end(first, expected, &mut heard)?;
                self.stage = Stage::default();
            }
        }
        Ok(heard)
    }

    fn is_between(&self) -> bool {
        matches!(self.stage, Stage::Header { have: 0, .. }) && self.message.is_none()
    }

    /// Gathers the header's bytes, one at a time: it may be cut anywhere.
    fn header<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Wrong> {
        let Stage::Header { bytes: header, have } = &mut self.stage else { return Ok(bytes) };
        header[*have] = bytes[0];
        *have += 1;
        let [first, second, ..] = *header;
        let extended = match second & 0x7f {
            _ if *have < 2 => return Ok(&bytes[1..]),
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if second & 0x80 != 0 {
            return Err(Wrong::Masked);
        }
        if *have < 2 + extended {
            return Ok(&bytes[1..]);
        }
        let left = match extended {
            0 => u64::from(second),
            _ => header[2..2 + extended].iter().fold(0, |len, byte| len << 8 | u64::from(*byte)),
        };
        self.stage = Stage::Payload { first, left };
        self.begin(first)?;
        Ok(&bytes[1..])
    }

    fn begin(&mut self, first: u8) -> Result<(), Wrong> {
        match (first & 0x0f, &self.message) {
            (CONTINUATION, Some(_)) | (CLOSE | PING | PONG, _) => {}
            (TEXT | BINARY, None) => {
                let compressed = first & RSV1 != 0;
                self.message = Some(Arriving { offset: 0, compressed });
            }
            _ => return Err(Wrong::Frame { first }),
        }
        Ok(())
    }

    fn payload(&mut self, first: u8, payload: &[u8], expected: &Message) -> Result<(), Wrong> {
        if first & CONTROL != 0 {
            self.kept.extend_from_slice(payload);
            return Ok(());
        }
        let Some(arriving) = &mut self.message else { return Err(Wrong::Frame { first }) };
        if arriving.compressed {
            if !self.checked_deflate {
                self.kept.extend_from_slice(payload);
            }
            return Ok(());
        }
        let offset = arriving.offset;
        let content = expected.content();
        arriving.offset += payload.len();
        match content.get(offset..arriving.offset) {
            Some(due) if due == payload => Ok(()),
            Some(_) => Err(Wrong::Content { offset }),
            None => Err(Wrong::Length { len: arriving.offset, expected: content.len() }),
        }
    }

    /// Takes the end of a frame.
    fn end(&mut self, first: u8, expected: &Message, heard: &mut Heard) -> Result<(), Wrong> {
        match first & 0x0f {
            CLOSE => {
                heard.close = true;
                self.kept.clear();
            }
            PING => heard.ping = Some(std::mem::take(&mut self.kept)),
            PONG => self.kept.clear(),
            _ if first & FIN == 0 => {}
            _ => {
                let arriving = self.message.take();
                let (kind, content) = (expected.kind(), expected.content());
                if first & 0x0f != CONTINUATION && first & 0x0f != kind as u8 {
                    return Err(Wrong::Frame { first });
                }
                match arriving {
                    Some(Arriving { compressed: true, .. }) if self.checked_deflate => {}
                    Some(Arriving { compressed: true, .. }) if expected.is_deflated() => {
                        let inflated = inflate(&std::mem::take(&mut self.kept), content.len())
                            .map_err(|_| Wrong::Deflate)?;
                        if inflated != content {
                            return Err(Wrong::Content { offset: 0 });
                        }
                        self.checked_deflate = true;
                    }
                    Some(Arriving { compressed: false, offset }) if offset == content.len() => {}
                    Some(Arriving { offset: len, .. }) => {
                        return Err(Wrong::Length { len, expected: content.len() });
                    }
                    None => return Err(Wrong::Frame { first }),
                }
                heard.messages += 1;
            }
        }
        Ok(())
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::Header { bytes: [0; 10], have: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a stream cut at every place, and answers what was heard in all.
    fn each_cut(stream: &[u8], message: &Message) -> Vec<Result<usize, Wrong>> {
        let cut = |at| {
            let mut replies = Replies::default();
            let (left, right) = stream.split_at(at);
            let left = replies.feed(left, message)?;
            let right = replies.feed(right, message)?;
            Ok(left.messages + right.messages)
        };
        (0..=stream.len()).map(cut).collect()
    }

    #[test]
    fn replies_are_counted_wherever_the_stream_is_cut() {
        for size in [0, 20, 300, 70_000] {
            let message = Message::binary(size, 1);
            let stream = message.reply().repeat(2);
            let mut replies = Replies::default();
            let heard: usize =
                stream.chunks(7).map(|piece| replies.feed(piece, &message).unwrap().messages).sum();
            assert_eq!(heard, 2, "{size}");
        }
        let message = Message::binary(20, 1);
        for heard in each_cut(&message.reply().repeat(3), &message) {
            assert_eq!(heard, Ok(3));
        }
    }

    #[test]
    fn a_reply_may_come_in_fragments_with_a_ping_between() {
        let message = Message::binary(4, 1);
        let [a, b, c, d] = *message.content() else { unreachable!() };
        let stream = [0x02, 2, a, b, 0x89, 1, b'?', 0x80, 2, c, d];
        let mut replies = Replies::default();
        let heard = replies.feed(&stream, &message).unwrap();
        assert_eq!(heard, Heard { messages: 1, ping: Some(b"?".to_vec()), close: false });
        for heard in each_cut(&stream, &message) {
            assert_eq!(heard, Ok(1));
        }
    }

    #[test]
    fn what_is_not_the_reply_is_told_apart() {
        let message = Message::binary(4, 1);
        let [a, b, c, d] = *message.content() else { unreachable!() };
        for (stream, wrong) in [
            (vec![0x82, 4, a, b, c, d ^ 1], Wrong::Content { offset: 0 }),
            (vec![0x82, 3, a, b, c], Wrong::Length { len: 3, expected: 4 }),
            (vec![0x82, 5, a, b, c, d, 0], Wrong::Length { len: 5, expected: 4 }),
            (vec![0x81, 4, a, b, c, d], Wrong::Frame { first: 0x81 }),
            (vec![0x80, 4, a, b, c, d], Wrong::Frame { first: 0x80 }),
            (vec![0x82, 0x84, a, b, c, d], Wrong::Masked),
        ] {
            assert_eq!(Replies::default().feed(&stream, &message), Err(wrong));
        }
    }
}
