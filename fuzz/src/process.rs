//! What processes of applications say, in any pieces, and what is said to them.

use aerys_apps::protocol::{
    Decoder, Frame, FrameError, FromProcess, Head, Kind, Outcome, ToProcess,
};
use aerys_proto::{CloseCode, Message};
use bytes::BufMut;

use crate::wire::pieces;

/// The first byte chooses the direction and the longest frame, the second says how many sizes of pieces follow, and the
/// rest is what the process says, or what a client does.
pub fn process(data: &[u8]) {
    let Some((&[settings, sizes], rest)) = data.split_first_chunk() else {
        return;
    };
    let (sizes, bytes) = rest.split_at(usize::from(sizes % 16).min(rest.len()));
    if settings & 1 == 1 {
        return said_to_it(settings, bytes, sizes);
    }
    let max_frame = if settings & 2 == 0 { 64 } else { 100_000 };
    let at_once = heard([bytes], max_frame);
    at_once.check(bytes, max_frame);
    assert_eq!(heard(pieces(bytes, sizes), max_frame), at_once, "in pieces of {sizes:?}");
    assert_eq!(heard(bytes.chunks(1), max_frame), at_once, "byte by byte");
}

/// What is made of some bytes.
#[derive(Debug, PartialEq)]
struct Heard {
    frames: Vec<Frame>,
    error: Option<FrameError>,
}

fn heard<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, max_frame: usize) -> Heard {
    let mut decoder = Decoder::new(max_frame);
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.buffer().put_slice(piece);
        loop {
            match decoder.poll_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return Heard { frames, error: Some(error) },
            }
        }
        let most = 4 + max_frame + piece.len();
        assert!(decoder.buffer().len() < most, "no more is kept than a frame and what came last");
    }
    Heard { frames, error: None }
}

impl Heard {
    /// Compares with what the page says, read a second time.
    fn check(&self, mut bytes: &[u8], max_frame: usize) {
        let mut frames = self.frames.iter();
        loop {
            let length = bytes.first_chunk().map(|it| u32::from_be_bytes(*it) as usize);
            let is_wrong = length.is_some_and(|it| it < 15 || it > max_frame);
            let number = bytes.get(4).copied();
            let is_known = number.is_none_or(|it| matches!(it, 1..=6 | 16..=19 | 32..=43));
            if is_wrong || !is_known {
                assert!(self.error.is_some(), "what breaks a rule is told");
                break;
            }
            let Some(whole) = length.and_then(|length| bytes.get(..4 + length)) else {
                assert_eq!(self.error, None);
                break;
            };
            let frame = frames.next().expect("a frame that is whole is heard");
            assert_eq!(Some(frame.head.kind as u8), number);
            assert_eq!(frame.head.endpoint.to_be_bytes(), whole[5..7]);
            assert_eq!(frame.head.client.to_be_bytes(), whole[7..15]);
            assert_eq!(frame.head.seq.to_be_bytes(), whole[15..19]);
            assert_eq!(frame.payload, whole[19..]);
            bytes = &bytes[whole.len()..];
        }
        assert_eq!(frames.next(), None, "nothing is heard that was not said");
        for frame in &self.frames {
            // Whatever it is, it is found out without a panic, and what is wrong is told in a sentence.
            if let Err(error) = FromProcess::try_from(frame.clone()) {
                assert!(!error.to_string().is_empty());
            }
        }
    }
}

/// Whatever a client says is a frame, and stays in it.
fn said_to_it(settings: u8, bytes: &[u8], sizes: &[u8]) {
    let text = Message::from_utf8(bytes.to_vec().into()).filter(|_| settings & 2 == 0);
    let message = text.unwrap_or_else(|| Message::binary(bytes.to_vec()));
    let reason = String::from_utf8_lossy(bytes);
    let (endpoint, client) = (u16::from(settings), sizes.iter().map(|it| u64::from(*it)).sum());
    let refused = Outcome::Refused(reason.clone().into_owned().into());
    let mut decoder = Decoder::new(1 << 20);
    let said = [
        (Kind::Open, ToProcess::Open(&reason)),
        (Kind::Data, ToProcess::Data(&message)),
        (Kind::Closed, ToProcess::Closed(CloseCode::AWAY, &reason)),
        (Kind::Result, ToProcess::Result(&refused)),
    ];
    for (seq, (_, event)) in (1..).zip(&said) {
        let rest = event.put(endpoint, client, seq, decoder.buffer());
        decoder.buffer().put_slice(&rest.unwrap_or_default());
    }
    for (seq, (kind, _)) in (1..).zip(&said) {
        let frame = decoder.poll_frame().expect("no rule is broken").expect("it is whole");
        assert_eq!(frame.head, Head { kind: *kind, endpoint, client, seq });
        let payload = match kind {
            Kind::Data => &frame.payload[1..],
            Kind::Closed => &frame.payload[2..],
            Kind::Result => &frame.payload[1..],
            _ => &frame.payload[..],
        };
        let expected = if *kind == Kind::Data { message.as_bytes() } else { reason.as_bytes() };
        assert_eq!(payload, expected);
    }
    assert!(decoder.buffer().is_empty(), "nothing follows");
}
