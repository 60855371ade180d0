//! What the server says: its side of the beginning, events, and what came of commands.

use std::borrow::Cow;

use aerys::{CloseCode, Message};
use bytes::{Bytes, BytesMut};
use serde::Serialize;

use super::{FRAME_HEAD, Head, Kind};

/// Payloads from this length on are not copied into what is written, but written from where they are.
const SHARED: usize = 16 << 10;

/// What is served, in START.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Start {
    /// The version that both speak.
    pub version: u32,
    /// Who the server is.
    pub server: String,
    /// Which of the processes this one is, from 0.
    pub process: u16,
    /// How many there are.
    pub processes: u16,
    /// How long a frame may be.
    pub max_frame: usize,
    /// The endpoints that it is for.
    pub endpoints: Vec<EndpointPlace>,
}

impl Start {
    /// For one of several processes.
    pub fn new(
        process: u16,
        processes: u16,
        max_frame: usize,
        endpoints: Vec<EndpointPlace>,
    ) -> Self {
        let server = concat!("aerys ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { version: super::VERSION, server, process, processes, max_frame, endpoints }
    }
}

/// Where an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndpointPlace {
    /// Its number.
    pub endpoint: u16,
    /// The host's name; `*` for any.
    pub host: String,
    /// The path, with parameters.
    pub path: String,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, and this is what it has given, as JSON.
    Done(Option<String>),
    /// The client has gone.
    Gone,
    /// It is refused, and why.
    Refused(Cow<'static, str>),
    /// A later message with the same key has taken its place.
    Superseded,
}

/// A frame for a process.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ToProcess<'a> {
    /// What is served.
    Start(&'a Start),
    /// Whether it is there.
    Ping(u32),
    /// The server is.
    Pong(u32),
    /// No new clients come.
    Stop,
    /// A client asks to be let in, by this request, as JSON.
    Open(&'a str),
    /// A message of a client.
    Data(&'a Message),
    /// A client has gone.
    Closed(CloseCode, &'a str),
    /// What came of a command.
    Result(&'a Outcome),
}

impl ToProcess<'_> {
    /// How long the frame is at most, its head included.
    pub fn max_len(&self) -> usize {
        FRAME_HEAD
            + match self {
                Self::Start(_) => 0,
                Self::Ping(_) | Self::Pong(_) | Self::Stop => 0,
                Self::Open(request) => request.len(),
                Self::Data(message) => 1 + message.len(),
                Self::Closed(_, reason) => 2 + reason.len(),
                Self::Result(_) => 0,
            }
    }

    /// Writes the frame. What is given back is the rest of it, which is to be written after it.
    pub fn put(&self, endpoint: u16, client: u64, seq: u32, out: &mut BytesMut) -> Option<Bytes> {
        let head = |kind| Head { kind, endpoint, client, seq };
        match self {
            Self::Start(start) => {
                // A struct of texts and numbers is JSON always.
                let json = serde_json::to_vec(start).unwrap_or_default();
                Head::new(Kind::Start, 0).put(&[&json], out);
            }
            Self::Ping(seq) => Head::new(Kind::Ping, *seq).put(&[], out),
            Self::Pong(seq) => Head::new(Kind::Pong, *seq).put(&[], out),
            Self::Stop => Head::new(Kind::Stop, 0).put(&[], out),
            Self::Open(request) => head(Kind::Open).put(&[request.as_bytes()], out),
            Self::Data(message) => {
                let (head, kind) = (head(Kind::Data), u8::from(message.is_text()));
                if message.len() < SHARED {
                    head.put(&[&[kind], message.as_bytes()], out);
                } else {
                    head.put_alone(1 + message.len(), out);
                    out.extend_from_slice(&[kind]);
                    return Some(message.bytes().clone());
                }
            }
            Self::Closed(code, reason) => {
                head(Kind::Closed).put(&[&code.as_u16().to_be_bytes(), reason.as_bytes()], out);
            }
            Self::Result(outcome) => {
                let (number, value) = match outcome {
                    Outcome::Done(value) => (0, value.as_deref().unwrap_or_default()),
                    Outcome::Gone => (1, ""),
                    Outcome::Refused(sentence) => (2, &**sentence),
                    Outcome::Superseded => (3, ""),
                };
                head(Kind::Result).put(&[&[number], value.as_bytes()], out);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Decoder, *};

    proptest! {
        // Nothing that a client says becomes a frame of its own.
        #[test]
        fn what_a_client_says_is_one_frame_and_stays_in_it(
            text in any::<bool>(),
            payload in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..100),
                Just(b"\0\0\0\x0f\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0".repeat(1000)),
            ],
            reason in ".{0,40}",
            (endpoint, client, seq) in (any::<u16>(), any::<u64>(), any::<u32>()),
        ) {
            let text = text.then(|| Message::from_utf8(payload.clone().into())).flatten();
            let message = text.unwrap_or_else(|| Message::binary(payload.clone()));
            let mut decoder = Decoder::new(1 << 20);
            for event in [
                ToProcess::Open(&reason),
                ToProcess::Data(&message),
                ToProcess::Closed(CloseCode::AWAY, &reason),
            ] {
                let before = decoder.buffer().len();
                let rest = event.put(endpoint, client, seq, decoder.buffer());
                decoder.buffer().extend_from_slice(&rest.unwrap_or_default());
                prop_assert_eq!(decoder.buffer().len() - before, event.max_len());
            }
            let kind = [u8::from(message.is_text())];
            for (expected, parts) in [
                (Kind::Open, [&b""[..], reason.as_bytes()]),
                (Kind::Data, [&kind, message.as_bytes()]),
                (Kind::Closed, [&1001_u16.to_be_bytes(), reason.as_bytes()]),
            ] {
                let frame = decoder.poll_frame().unwrap().unwrap();
                prop_assert_eq!(frame.head, Head { kind: expected, endpoint, client, seq });
                prop_assert_eq!(&frame.payload[..], &parts.concat());
            }
            prop_assert_eq!(decoder.poll_frame(), Ok(None));
            prop_assert!(decoder.buffer().is_empty());
        }
    }
}
