//! The client's side of the wire, by hand, and a connection to put it to.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aerys_proto::{Close, CloseCode, Config, Connection, Event, Message, deflate};
use http::HeaderMap;

pub(crate) const FIN: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = FIN | 0x8;
pub(crate) const PING: u8 = FIN | 0x9;
pub(crate) const PONG: u8 = FIN | 0xa;

/// A frame of the server: its first byte and its payload.
pub(crate) type Sent = (u8, Vec<u8>);

/// The header of a frame that claims `len` bytes of payload.
pub(crate) fn header(first: u8, len: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match len {
        0..=125 => bytes.push(0x80 | len as u8),
        126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend(len.to_be_bytes());
        }
    }
    bytes.extend(KEY);
    bytes
}

/// A masked frame.
pub(crate) fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut bytes = header(first, payload.len() as u64);
    bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// The payload of a CLOSE frame.
pub(crate) fn close_payload(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason.as_ref()].concat()
}

pub(crate) fn text(text: &str) -> Event {
    Event::Message(Message::text(text))
}

pub(crate) fn closed(code: CloseCode, reason: &'static str) -> Event {
    Event::Closed(Close::new(code, reason))
}

/// A connection on a clock of its own.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    pub(crate) now: Instant,
}

impl Session {
    pub(crate) fn new(config: Config) -> Self {
        let now = Instant::now();
        Self { connection: Connection::new(Arc::new(config), now), now }
    }

    /// With the compression that comes of `offer`.
    #[track_caller]
    pub(crate) fn compressed(config: Config, offer: &str) -> Self {
        let compression = config.compression.as_ref().expect("it is on");
        let agreement = deflate::negotiate(&extensions([offer]), compression).expect(offer);
        let now = Instant::now();
        Self { connection: Connection::with_compression(Arc::new(config), agreement, now), now }
    }

    /// Gives `bytes` to the connection in one piece.
    pub(crate) fn receive(&mut self, bytes: impl AsRef<[u8]>) -> Vec<Event> {
        let mut bytes = bytes.as_ref().to_vec();
        let mut input = &mut bytes[..];
        let mut events = Vec::new();
        while let Some(event) = self.connection.receive(&mut input, self.now) {
            events.push(event);
        }
        assert!(input.is_empty(), "all of the input is taken in");
        events
    }

    /// Everything that is to be written.
    pub(crate) fn transmit(&mut self) -> Vec<Sent> {
        let frames = std::iter::from_fn(|| self.connection.poll_transmit());
        frames
            .map(|frame| {
                let bytes = [frame.header(), frame.payload()].concat();
                assert_eq!(bytes.len(), frame.len());
                assert_eq!(bytes[1] & 0x80, 0, "a server does not mask");
                (bytes[0], frame.into_payload().to_vec())
            })
            .collect()
    }

    /// Lets time pass, and the connection know.
    pub(crate) fn after(&mut self, period: Duration) -> Option<Event> {
        self.now += period;
        self.connection.handle_timeout(self.now)
    }

    /// How long until the connection wants to be woken.
    pub(crate) fn wakes_in(&self) -> Option<Duration> {
        self.connection.poll_timeout().map(|at| at - self.now)
    }
}

/// A handshake with these lines of `Sec-WebSocket-Extensions`.
pub(crate) fn extensions<'l>(lines: impl IntoIterator<Item = &'l str>) -> HeaderMap {
    let name = http::header::SEC_WEBSOCKET_EXTENSIONS;
    lines.into_iter().map(|line| (name.clone(), line.parse().expect(line))).collect()
}

/// What a connection makes of some bytes.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Event>,
    pub(crate) sent: Vec<Sent>,
}

impl Outcome {
    /// Asserts that the last bytes were answered with a CLOSE of that code, after `events`.
    #[track_caller]
    pub(crate) fn assert_refused(&self, code: CloseCode, before: &[Event], rule: &str) {
        let (last, events) = self.events.split_last().expect(rule);
        assert_eq!(events, before, "{rule}");
        let Event::Closed(close) = last else {
            panic!("{rule}: {last:?}");
        };
        assert_eq!(close.code, code, "{rule}: {close}");
        assert!(!close.reason.is_empty(), "{rule}: the peer is told why");
        let payload = close_payload(code.as_u16(), &*close.reason);
        assert_eq!(self.sent.last(), Some(&(CLOSE, payload)), "{rule}");
    }
}

/// What a new connection makes of `bytes`, however they are cut into reads.
#[track_caller]
pub(crate) fn outcome(config: &Config, bytes: &[u8]) -> Outcome {
    let at_once = outcome_of(config, [bytes]);
    assert_eq!(outcome_of(config, bytes.chunks(1)), at_once, "byte by byte");
    // Headers are what a cut can hurt most; far into a payload one cut is like another.
    let cuts = (1..bytes.len()).filter(|at| *at < 300 || bytes.len() - at < 20);
    for at in cuts {
        let (first, second) = bytes.split_at(at);
        assert_eq!(outcome_of(config, [first, second]), at_once, "cut at {at}");
    }
    at_once
}

/// How many of `bytes` a new connection needs to see to close.
pub(crate) fn refused_after(config: &Config, bytes: &[u8]) -> Option<usize> {
    let mut session = Session::new(config.clone());
    let at = bytes
        .iter()
        .position(|byte| matches!(session.receive([*byte])[..], [.., Event::Closed(_)]))?;
    Some(at + 1)
}

fn outcome_of<'a>(config: &Config, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut session = Session::new(config.clone());
    let mut outcome = Outcome { events: Vec::new(), sent: Vec::new() };
    for piece in pieces {
        outcome.events.extend(session.receive(piece));
        outcome.sent.extend(session.transmit());
    }
    outcome
}

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
