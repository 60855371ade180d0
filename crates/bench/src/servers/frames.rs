//! A client's frames made into a server's where they lie (RFC 6455 §5.2): their echo.
//!
//! A reply is its frame without the mask, four bytes shorter. Payloads pass through as they come, so
//! that nothing is kept between two reads but an unfinished head. What a client may not send is not
//! looked for: this is the least that an echo can do.

use std::ops::Range;

/// How many bytes of a buffer lie before what is read into it, to put an unfinished head there.
pub(super) const MARGIN: usize = 14;

/// The bit of a head's second byte that says there is a mask.
pub(super) const MASKED: u8 = 0x80;

pub(super) const OPCODE: u8 = 0x0f;

/// The bit of an opcode that tells a control frame's.
pub(super) const CONTROL: u8 = 0x08;

pub(super) const CLOSE: u8 = 0x8;

const PING: u8 = 0x9;

const PONG: u8 = 0xa;

/// One connection's frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The first bytes of a head.
    Head {
        bytes: [u8; MARGIN],
        len: usize,
    },
    Payload {
        left: u64,
        mask: [u8; 4],
        closes: bool,
    },
    /// After a close frame.
    Over,
}

impl Frames {
    /// Makes what was read, which begins at [`MARGIN`] and ends at `end`, into its echo, and tells
    /// where in the buffer that lies.
    pub(super) fn echo(&mut self, buffer: &mut [u8], end: usize) -> Range<usize> {
        let mut start = MARGIN;
        if let State::Head { bytes, len } = self.state {
            start -= len;
            buffer[start..MARGIN].copy_from_slice(&bytes[..len]);
        }
        let (mut from, mut to) = (start, start);
        while from < end {
            match self.state {
                State::Head { .. } => {
                    let Some(head) = Head::parse(&buffer[from..end]) else {
                        self.state = State::unfinished(&buffer[from..end]);
                        break;
                    };
                    if to == start {
                        // Nothing precedes it, so its payload can stay where it is.
                        (start, to) = (start + 4, to + 4);
                    }
                    buffer.copy_within(from..from + head.len - 4, to);
                    buffer[to] = head.reply;
                    buffer[to + 1] &= !MASKED;
                    from += head.len;
                    to += head.len - 4;
                    self.state = State::payload(head);
                }
                State::Payload { left, mask, closes } => {
                    let len = left.min((end - from) as u64) as usize;
                    unmask(&mut buffer[from..from + len], mask);
                    if from != to {
                        buffer.copy_within(from..from + len, to);
                    }
                    from += len;
                    to += len;
                    self.state = State::after(len, left, mask, closes);
                }
                State::Over => break,
            }
        }
        start..to
    }

    /// Whether a close frame has been echoed, and the connection may end.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }
}

impl State {
    fn unfinished(head: &[u8]) -> Self {
        let mut bytes = [0; MARGIN];
        bytes[..head.len()].copy_from_slice(head);
        Self::Head { bytes, len: head.len() }
    }

    fn payload(head: Head) -> Self {
        Self::after(0, head.payload, head.mask, head.reply & OPCODE == CLOSE)
    }

    fn after(len: usize, left: u64, mut mask: [u8; 4], closes: bool) -> Self {
        match left - len as u64 {
            0 if closes => Self::Over,
            0 => Self::default(),
            left => {
                mask.rotate_left(len % 4);
                Self::Payload { left, mask, closes }
            }
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::Head { bytes: [0; MARGIN], len: 0 }
    }
}

/// The head of a client's frame.
pub(super) struct Head {
    /// The first byte of the reply.
    pub(super) reply: u8,
    /// How long the head is, mask and all.
    pub(super) len: usize,
    /// How long the payload is, in bytes.
    pub(super) payload: u64,
    pub(super) mask: [u8; 4],
}

impl Head {
    /// The head that bytes begin with; `None` if they have not all of it.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[first, second, ref rest @ ..] = bytes else { return None };
        let (payload, rest) = match second & !MASKED {
            126 => {
                let (len, rest) = rest.split_first_chunk()?;
                (u16::from_be_bytes(*len).into(), rest)
            }
            127 => {
                let (len, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*len), rest)
            }
            len => (len.into(), rest),
        };
        let (&mask, rest) = rest.split_first_chunk()?;
        let reply = if first & OPCODE == PING { first ^ PING ^ PONG } else { first };
        Some(Self { reply, len: bytes.len() - rest.len(), payload, mask })
    }
}

/// Undoes the mask, or does it (RFC 6455 §5.3).
pub(super) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = payload.as_chunks_mut();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [7, 99, 200, 255];

    fn sent(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = head(first, MASKED, payload.len());
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    fn replied(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = head(first, 0, payload.len());
        frame.extend(payload);
        frame
    }

    fn head(first: u8, masked: u8, len: usize) -> Vec<u8> {
        match len {
            0..126 => vec![first, masked | len as u8],
            126..65_536 => [&[first, masked | 126][..], &(len as u16).to_be_bytes()].concat(),
            _ => [&[first, masked | 127][..], &(len as u64).to_be_bytes()].concat(),
        }
    }

    /// What comes back when `input` is read `step` bytes at a time.
    fn echoed(input: &[u8], step: usize) -> (Vec<u8>, bool) {
        let mut frames = Frames::default();
        let mut output = Vec::new();
        for bytes in input.chunks(step) {
            let mut buffer = [&[0; MARGIN][..], bytes].concat();
            let end = buffer.len();
            let reply = frames.echo(&mut buffer, end);
            output.extend(&buffer[reply]);
        }
        (output, frames.is_over())
    }

    #[test]
    fn however_the_bytes_come_each_frame_comes_back() {
        let long: Vec<u8> = (0..70_000_u32).map(|at| (at % 251) as u8).collect();
        let (mut input, mut output) = (Vec::new(), Vec::new());
        for len in [0, 1, 20, 125, 126, 127, 4096, 65_535, 65_536, 70_000] {
            input.extend(sent(0x82, &long[..len]));
            input.extend(sent(0x89, &long[..len.min(125)]));
            output.extend(replied(0x82, &long[..len]));
            output.extend(replied(0x8a, &long[..len.min(125)]));
        }
        for step in [1, 2, 3, 5, 7, 13, 14, 1000, 4099, input.len()] {
            assert_eq!(echoed(&input, step), (output.clone(), false), "{step} bytes at a time");
        }
    }

    #[test]
    fn nothing_comes_back_after_a_close() {
        let input = [sent(0x81, b"a"), sent(0x88, &[3, 232]), sent(0x81, b"b")].concat();
        let output = [replied(0x81, b"a"), replied(0x88, &[3, 232])].concat();
        for step in [1, 4, input.len()] {
            assert_eq!(echoed(&input, step), (output.clone(), true), "{step} bytes at a time");
        }
    }
}
