//! §7.2.3.4: blocks that are final, behind which the window goes on as it does behind any other.
//!
//! What is sent is made by hand: few libraries go on in the window of a stream that they have ended.

use aerys_proto::{CloseCode, Config, Event, Message};

use super::{
    no_takeover,
    peer::{RSV1, noise},
    takeover,
};
use crate::client::{BINARY, CONTINUATION, FIN, PING, Session, frame};

const OFFER: &str = "permessage-deflate";

/// What a flush ends with: RFC 7692 §7.2.1.
const TAIL: &[u8] = &[0, 0, 0xff, 0xff];

const ENDS: [End; 3] = [End::Flushed, End::Final, End::Bare];

/// How a block ends, and what comes of the message behind it if it is the last one.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It is not final.
    Flushed,
    /// "an empty DEFLATE block with no compression" is behind it, of which its first octet is sent.
    Final,
    /// It is final, and some leave the octet out.
    Bare,
}

impl End {
    fn is_final(self) -> bool {
        !matches!(self, Self::Flushed)
    }
}

/// A message, block by block, and what it says.
#[derive(Clone, Default)]
struct Sent {
    deflated: Vec<u8>,
    says: Vec<u8>,
}

impl Sent {
    /// Says `bytes`, in stored blocks.
    fn store(mut self, bytes: &[u8], end: End) -> Self {
        let mut pieces = bytes.chunks(0xffff).peekable();
        while let Some(piece) = pieces.next() {
            let is_last = pieces.peek().is_none();
            let len = piece.len() as u16;
            self.deflated.push(u8::from(is_last && end.is_final()));
            self.deflated.extend([len.to_le_bytes(), (!len).to_le_bytes()].concat());
            self.deflated.extend(piece);
        }
        if !end.is_final() {
            self.deflated.push(0);
            self.deflated.extend(TAIL);
        }
        self.says.extend(bytes);
        self
    }

    /// Says again three bytes, from `distance` bytes before in what was said, in other messages
    /// `window`: a block with fixed codes, RFC 1951 §3.2.6.
    fn refer(mut self, distance: usize, window: &[u8], end: End) -> Self {
        let mut bits = Bits::default();
        bits.number(end.is_final().into(), 1);
        bits.number(1, 2);
        bits.code(257 - 256, 7);
        let (code, extra, wide) = distance_code(distance);
        bits.code(code, 5);
        bits.number(extra, wide);
        bits.code(0, 7);
        if !end.is_final() {
            bits.number(0, 3);
        }
        self.deflated.extend(bits.0.chunks(8).map(byte));
        if !end.is_final() {
            self.deflated.extend(TAIL);
        }
        for _ in 0..3 {
            let said = [window, &self.says].concat();
            self.says.push(said[said.len() - distance]);
        }
        self
    }

    /// Its last block ended like this.
    fn end(mut self, end: End) -> Self {
        match end {
            End::Flushed => self.deflated.truncate(self.deflated.len() - TAIL.len()),
            End::Final => self.deflated.push(0),
            End::Bare => {}
        }
        self
    }
}

/// RFC 1951 §3.1.1.
#[derive(Default)]
struct Bits(Vec<u8>);

impl Bits {
    /// "starting with the least-significant bit"
    fn number(&mut self, value: usize, len: usize) {
        self.0.extend((0..len).map(|bit| (value >> bit & 1) as u8));
    }

    /// "Huffman codes are packed starting with the most-significant bit of the code."
    fn code(&mut self, value: usize, len: usize) {
        self.0.extend((0..len).rev().map(|bit| (value >> bit & 1) as u8));
    }
}

fn byte(bits: &[u8]) -> u8 {
    bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)
}

/// RFC 1951 §3.2.5: the code of a distance, and its extra bits and how many there are.
fn distance_code(distance: usize) -> (usize, usize, usize) {
    let from = distance - 1;
    if from < 4 {
        return (from, 0, 0);
    }
    let log = from.ilog2() as usize;
    let wide = log - 1;
    (2 * log + (from >> wide & 1), from & ((1 << wide) - 1), wide)
}

/// Whatever the reads and the frames are.
#[track_caller]
fn assert_heard(config: &Config, offer: &str, messages: &[Sent]) {
    let says = messages.iter().map(|it| Event::Message(Message::binary(it.says.clone())));
    let says: Vec<_> = says.collect();
    let whole = |it: &Sent| frame(FIN | BINARY | RSV1, &it.deflated);
    let bytes: Vec<u8> = messages.iter().flat_map(whole).collect();
    for size in (1..=bytes.len().min(80)).chain([bytes.len()]) {
        let mut session = Session::compressed(config.clone(), offer);
        let events: Vec<_> = bytes.chunks(size).flat_map(|read| session.receive(read)).collect();
        assert!(events == says, "in reads of {size}: {:?}", events.last());
    }
    for cut in 0..60 {
        let cut_in_two = |it: &Sent| {
            let (front, back) = it.deflated.split_at(cut.min(it.deflated.len()));
            let frames = [frame(BINARY | RSV1, front), frame(FIN | PING, "")];
            [frames.concat(), frame(FIN | CONTINUATION, back)].concat()
        };
        let bytes: Vec<u8> = messages.iter().flat_map(cut_in_two).collect();
        let mut session = Session::compressed(config.clone(), offer);
        let events = session.receive(bytes);
        assert!(events == says, "cut at {cut}: {:?}", events.last());
    }
}

#[track_caller]
fn assert_refused(config: &Config, offer: &str, messages: &[Sent]) {
    let mut session = Session::compressed(config.clone(), offer);
    let whole = |it: &Sent| frame(FIN | BINARY | RSV1, &it.deflated);
    let events = session.receive(messages.iter().flat_map(whole).collect::<Vec<_>>());
    let Some(Event::Closed(close)) = events.last() else { panic!("{} events", events.len()) };
    assert_eq!((events.len(), close.code), (messages.len(), CloseCode::INVALID), "{close}");
}

#[test]
fn the_next_message_refers_to_one_that_ended_in_a_final_block() {
    for end in ENDS {
        let first = Sent::default().store(b"Hello", end).end(end);
        let second = Sent::default().refer(5, b"Hello", end).end(end);
        let third = Sent::default().refer(8, b"HelloHel", end).end(end);
        assert_heard(&takeover(), OFFER, &[first, second, third]);
    }
}

#[test]
fn a_block_refers_to_what_is_before_a_final_one_in_its_message() {
    for config in [takeover(), no_takeover()] {
        for (one, two) in ENDS.iter().flat_map(|one| ENDS.map(|two| (*one, two))) {
            let message = Sent::default()
                .store(b"Hello", one)
                .refer(5, b"", two)
                .store(b", world", one)
                .refer(15, b"", two);
            assert_heard(&config, OFFER, &[message.end(two)]);
        }
    }
}

#[test]
fn messages_of_nothing_and_plain_ones_are_between_without_a_trace() {
    for end in ENDS {
        let first = Sent::default().store(b"Hello", end).end(end);
        let last = Sent::default().refer(5, b"Hello", end).end(end);
        // An empty block, a final one, and not even an octet.
        for nothing in [&[0][..], &[3, 0], &[]] {
            let nothing = Sent { deflated: nothing.to_vec(), says: vec![] };
            let messages = [first.clone(), nothing.clone(), nothing, last.clone()];
            assert_heard(&takeover(), OFFER, &messages);
        }

        let mut session = Session::compressed(takeover(), OFFER);
        let frames = [
            frame(FIN | BINARY | RSV1, first.deflated),
            frame(FIN | BINARY, "not in the window"),
            frame(FIN | BINARY | RSV1, last.deflated),
        ];
        let says = ["Hello", "not in the window", "Hel"];
        let says = says.map(|it| Event::Message(Message::binary(it)));
        assert_eq!(session.receive(frames.concat()), says, "{end:?}");
    }
}

#[test]
fn without_takeover_no_message_refers_to_another() {
    for end in ENDS {
        let first = Sent::default().store(b"Hello", end).end(end);
        let second = Sent::default().refer(5, b"Hello", end).end(end);
        assert_refused(&no_takeover(), OFFER, &[first, second]);
    }
}

/// Several messages make it up, and much more may have been before.
#[test]
fn a_window_of_any_size_is_whole_behind_a_final_block() {
    for bits in 9..=15 {
        let offer = format!("{OFFER}; client_max_window_bits={bits}");
        let size = 1 << bits;
        for end in ENDS {
            for lens in [&[size][..], &[1, size - 1], &[700_000], &[9_000, size - 300, 200, 100]] {
                let (mut messages, mut said) = (Vec::new(), Vec::new());
                for (index, len) in lens.iter().enumerate() {
                    let mut bytes = noise(*len);
                    bytes.iter_mut().for_each(|byte| *byte ^= index as u8);
                    said.extend(&bytes);
                    messages.push(Sent::default().store(&bytes, end).end(end));
                }
                let furthest = Sent::default().refer(size, &said, end).end(end);
                messages.push(furthest);
                let mut session = Session::compressed(takeover(), &offer);
                for (index, message) in messages.into_iter().enumerate() {
                    let events = session.receive(frame(FIN | BINARY | RSV1, message.deflated));
                    let says = [Event::Message(Message::binary(message.says))];
                    assert!(events == says, "{bits} bits, {end:?}, {lens:?}, message {index}");
                }
            }
        }
    }
}

#[test]
fn what_was_never_said_is_refused_behind_a_final_block_too() {
    for end in ENDS {
        let first = Sent::default().store(b"Hello", end).end(end);
        let mut beyond = Sent::default().refer(5, b"Hello", end);
        beyond.deflated = Sent::default().refer(6, b"?Hello", end).end(end).deflated;
        assert_refused(&takeover(), OFFER, &[first, beyond]);
        let beyond = Sent::default().store(b"Hello", end).refer(6, b"?", end).end(end);
        assert_refused(&no_takeover(), OFFER, &[beyond]);
    }
}

/// So much that it is not kept in one piece.
#[test]
fn a_large_message_goes_on_in_its_window_wherever_a_block_is_final() {
    for config in [takeover(), no_takeover()] {
        for len in [32_767, 32_768, 40_000, 524_287, 524_288, 530_000, 1_100_000] {
            let noise = noise(len);
            let distance = len.min(32_768);
            for end in [End::Final, End::Bare] {
                let message = Sent::default().store(&noise, end).refer(distance, b"", end).end(end);
                let mut session = Session::compressed(config.clone(), OFFER);
                let events = session.receive(frame(FIN | BINARY | RSV1, message.deflated));
                assert!(
                    events == [Event::Message(Message::binary(message.says))],
                    "{len}, {end:?}"
                );
            }
        }
    }
}
