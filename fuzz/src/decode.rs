//! Any bytes, in any pieces.

use std::{sync::Arc, time::Instant};

use aerys_proto::{Config, Connection, Event, Traffic};
use bytes::BufMut;

use crate::{
    oracle::{self, End},
    peer::Peer,
    wire::pieces,
};

/// The first byte chooses the settings, the second says how many sizes of pieces follow, and the
/// rest is what the client sends.
pub fn decode(data: &[u8]) {
    let Some((&[settings, sizes], rest)) = data.split_first_chunk() else {
        return;
    };
    let (sizes, bytes) = rest.split_at(usize::from(sizes % 16).min(rest.len()));
    let config = Arc::new(config(settings));

    let at_once = outcome(&config, [bytes]);
    at_once.check(bytes, &config);
    assert_eq!(outcome(&config, pieces(bytes, sizes)), at_once, "in pieces of {sizes:?}");
    assert_eq!(outcome(&config, bytes.chunks(1)), at_once, "byte by byte");
    assert_eq!(outcome_in_place(&config, bytes, sizes), at_once, "in place, by {sizes:?}");
    assert_eq!(outcome_held(&config, bytes), at_once, "with its end held");
}

fn config(settings: u8) -> Config {
    let (max_frame_size, max_msg_size) = match settings >> 2 & 0b11 {
        0 => (usize::MAX, usize::MAX),
        1 => (100, 150),
        2 => (300, 20),
        _ => (0x2_0000, 0x1_8000),
    };
    Config {
        max_frame_size,
        max_msg_size,
        validate_utf8: settings & 1 == 0,
        text_only: settings & 2 != 0,
        compression: None,
        ..Config::default()
    }
}

/// What a connection makes of some bytes.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event>,
    answered: Peer,
    traffic: Traffic,
    is_open: bool,
    is_draining: bool,
    pings_outstanding: u32,
}

fn outcome<'a>(config: &Arc<Config>, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let now = Instant::now();
    let mut connection = Connection::new(Arc::clone(config), now);
    let mut events = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        loop {
            let before = input.len();
            let Some(event) = connection.receive(&mut input, now) else {
                break;
            };
            let is_closed = matches!(event, Event::Closed(_));
            assert!(is_closed || input.len() < before, "a message takes in bytes");
            events.push(event);
        }
        assert!(input.is_empty(), "all of the input is taken in");
    }
    Outcome::of(connection, events)
}

/// The same, where the peer's end is held and released.
fn outcome_held(config: &Arc<Config>, bytes: &[u8]) -> Outcome {
    let now = Instant::now();
    let mut connection = Connection::new(Arc::clone(config), now).holding_ends();
    let mut bytes = bytes.to_vec();
    let mut input = &mut bytes[..];
    let mut events: Vec<Event> =
        std::iter::from_fn(|| connection.receive(&mut input, now)).collect();
    assert!(input.is_empty(), "all of the input is taken in");
    assert!(connection.is_open(), "an end is held");
    events.extend(connection.release_end(now));
    Outcome::of(connection, events)
}

/// The same, where bytes go where they belong as soon as there is room for them.
fn outcome_in_place(config: &Arc<Config>, mut bytes: &[u8], sizes: &[u8]) -> Outcome {
    let now = Instant::now();
    let mut connection = Connection::new(Arc::clone(config), now);
    let mut events = Vec::new();
    let mut sizes = sizes.iter().cycle();
    while !bytes.is_empty() {
        let most = sizes.next().map_or(bytes.len(), |size| usize::from(*size).max(1));
        let most = most.min(bytes.len());
        let room = connection.room();
        let received = connection.receive_in_place(now, |given| {
            assert_eq!(given.remaining_mut(), room, "there is as much room as it says");
            let (read, rest) = bytes.split_at(most.min(room));
            given.put_slice(read);
            bytes = rest;
        });
        assert_eq!(received.is_some(), room > 0);
        if let Some(((), event)) = received {
            events.extend(event);
        } else {
            let (read, rest) = bytes.split_at(most);
            let mut read = read.to_vec();
            let mut input = &mut read[..];
            events.extend(std::iter::from_fn(|| {
                let plain = connection.receive_plain(&mut input, now);
                plain.or_else(|| connection.receive(&mut input, now))
            }));
            bytes = rest;
        }
    }
    Outcome::of(connection, events)
}

impl Outcome {
    fn of(mut connection: Connection, events: Vec<Event>) -> Self {
        let mut answered = Peer::default();
        while let Some(frame) = connection.poll_transmit() {
            answered.hear(&frame);
        }
        Self {
            events,
            answered,
            traffic: connection.traffic(),
            is_open: connection.is_open(),
            is_draining: connection.is_draining(),
            pings_outstanding: connection.pings_outstanding(),
        }
    }

    /// Compares with what the oracle says of `bytes`.
    fn check(&self, bytes: &[u8], config: &Config) {
        let expected = oracle::expect(bytes, config, false);
        let mut events = self.events.iter();
        for (is_text, payload) in &expected.messages {
            let Some(Event::Message(message)) = events.next() else {
                panic!("a message is delivered: {:?}, {expected:?}", self.events);
            };
            assert_eq!(message.is_text(), *is_text);
            assert_eq!(Some(message.as_bytes()), payload.as_deref());
            assert!(message.len() <= config.max_msg_size);
        }
        match (events.next(), &expected.end) {
            (None, None) => {
                assert!(self.is_open && !self.is_draining);
                assert_eq!(self.answered.close, None);
            }
            (Some(Event::Closed(close)), Some(End::Closed(payload))) => {
                let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                assert_eq!(close.code.as_u16(), code);
                assert_eq!(close.reason.as_bytes(), payload.get(2..).unwrap_or_default());
                assert_eq!(self.answered.close_code(), Some(code), "a CLOSE is echoed");
            }
            (Some(Event::Closed(close)), Some(End::Violated(code))) => {
                assert_eq!(close.code.as_u16(), *code, "{close}");
                assert!(!close.reason.is_empty(), "the client is told why");
                assert_eq!(self.answered.close_code(), Some(*code));
            }
            (event, end) => panic!("expected {end:?}: {event:?}"),
        }
        assert_eq!(events.next(), None, "nothing follows the end");
        assert!(self.is_open || self.is_draining);

        // RFC 6455 §5.5.3: of too many pings the last is answered.
        let pings = &expected.pings;
        let kept = pings.len().min(MAX_PONGS - 1);
        assert_eq!(self.answered.pongs[..kept], pings[..kept]);
        assert_eq!(self.answered.pongs.last(), pings.last());
        assert_eq!(self.answered.pongs.len(), pings.len().min(MAX_PONGS));
        assert!(self.answered.messages.is_empty() && self.answered.pings.is_empty());

        assert_eq!(self.traffic.read.frames, expected.frames);
        assert_eq!(self.traffic.read.messages, expected.messages.len() as u64);
        assert_eq!(self.traffic.sent.frames, self.answered.frames);
    }
}

/// How many pongs wait at most.
const MAX_PONGS: usize = 128;
