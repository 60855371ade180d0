//! Any offers against RFC 7692 §7.1, stated a second time.

use std::{sync::Arc, time::Instant};

use aerys_proto::{
    Config, Connection, Message,
    deflate::{self, Compression},
};
use arbitrary::{Arbitrary, Result, Unstructured};
use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use crate::inflater::Inflater;

/// Settings, in range or not, and lines of offers, well-formed or not.
pub fn negotiate(data: &[u8]) {
    if let Ok((settings, lines)) = read(&mut Unstructured::new(data)) {
        check(&settings, &lines);
    }
}

#[derive(Arbitrary, Debug)]
struct Settings {
    /// The lowest two bits are for takeover; without the third, the rest is in range.
    flags: u8,
    level: u32,
    threshold: u8,
    server_bits: u8,
    client_bits: u8,
}

impl Settings {
    fn bits(&self, bits: u8) -> u8 {
        if self.flags & 4 == 0 { 9 + bits % 7 } else { bits }
    }

    fn server_takes_over(&self) -> bool {
        self.flags & 1 != 0
    }

    fn client_takes_over(&self) -> bool {
        self.flags & 2 != 0
    }

    fn level(&self) -> u32 {
        if self.flags & 4 == 0 { self.level % 10 } else { self.level }
    }

    fn compression(&self) -> Compression {
        Compression::new()
            .level(self.level())
            .threshold(self.threshold.into())
            .server_context_takeover(self.server_takes_over())
            .client_context_takeover(self.client_takes_over())
            .server_max_window_bits(self.bits(self.server_bits))
            .client_max_window_bits(self.bits(self.client_bits))
    }
}

fn read(input: &mut Unstructured<'_>) -> Result<(Settings, Vec<HeaderValue>)> {
    let settings = input.arbitrary()?;
    let mut lines = Vec::new();
    while !input.is_empty() && lines.len() < 4 {
        let mut line = Vec::new();
        loop {
            let word: u8 = input.arbitrary()?;
            match WORDS.get(usize::from(word)) {
                Some(word) => line.extend(word.as_bytes()),
                None if word == 0xff => break,
                None if word >= 0xf0 => {
                    let len = usize::from(word & 0xf).min(input.len());
                    line.extend(input.bytes(len)?);
                }
                None => line.push(word),
            }
            if input.is_empty() {
                break;
            }
        }
        lines.extend(HeaderValue::from_bytes(&line));
    }
    Ok((settings, lines))
}

/// What lines are made of. Bytes from the space on stand for themselves, so these are fewer.
const WORDS: [&str; 32] = [
    "permessage-deflate",
    "; server_no_context_takeover",
    "; client_no_context_takeover",
    "; server_max_window_bits",
    "; client_max_window_bits",
    "; server_max_window_bits=",
    "; client_max_window_bits=",
    ", ",
    "; ",
    "=",
    "8",
    "9",
    "10",
    "11",
    "12",
    "13",
    "14",
    "15",
    "16",
    "08",
    "\"",
    "\\",
    "\t",
    "permessage-deflate; client_max_window_bits",
    "permessage-bzip2",
    "; server_max_window_bits=\"1 0\"",
    "\"10\"",
    "\"1\\5\"",
    ", permessage-deflate",
    "; server_max_window_bits=10",
    "; client_max_window_bits=\"12\"",
    "; Server_no_context_takeover",
];

fn check(settings: &Settings, lines: &[HeaderValue]) {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(SEC_WEBSOCKET_EXTENSIONS, line.clone());
    }
    let offers: Vec<Params> = lines
        .iter()
        .filter_map(|line| list(line.as_bytes()))
        .flatten()
        .filter(|(name, _)| name == "permessage-deflate")
        .filter_map(|(_, params)| Params::of_offer(&params))
        // What cannot be compressed with.
        .filter(|offer| offer.server_bits != Some(8))
        .collect();
    let compression = settings.compression();
    let agreement = deflate::negotiate(&headers, &compression);
    let Some(agreement) = agreement else {
        assert!(offers.is_empty(), "one could be agreed to: {offers:?}, {settings:?}");
        return;
    };
    let answer = agreement.header_value();
    let listed = list(answer.as_bytes()).expect("the answer is of the grammar");
    let [(name, params)] = &listed[..] else {
        panic!("one extension is agreed on: {answer:?}");
    };
    assert_eq!(name, "permessage-deflate");
    let params = Params::of_answer(params).expect("the answer has the parameters of an answer");
    let offer = offers.first().expect("something was offered");
    params.check(offer, settings);
    exchange(settings, compression, agreement, &params);
}

/// The parameters of an offer or an answer: RFC 7692 §7.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Params {
    server_none: bool,
    client_none: bool,
    server_bits: Option<u8>,
    client_bits: Option<u8>,
    /// In an offer `client_max_window_bits` may be without a value.
    client_told: bool,
}

impl Params {
    fn of_offer(params: &[Param]) -> Option<Self> {
        Self::of(params, true)
    }

    fn of_answer(params: &[Param]) -> Option<Self> {
        Self::of(params, false)
    }

    fn of(params: &[Param], is_offer: bool) -> Option<Self> {
        let mut these = Self::default();
        for (at, (name, value)) in params.iter().enumerate() {
            if params[..at].iter().any(|(earlier, _)| earlier == name) {
                return None;
            }
            let bits = match value.as_deref() {
                None => None,
                Some(value) => Some((8..=15_u8).find(|bits| bits.to_string() == value)?),
            };
            match (name.as_str(), bits) {
                ("server_no_context_takeover", None) => these.server_none = true,
                ("client_no_context_takeover", None) => these.client_none = true,
                ("server_max_window_bits", Some(_)) => these.server_bits = bits,
                ("client_max_window_bits", Some(_)) => {
                    these.client_bits = bits;
                    these.client_told = true;
                }
                ("client_max_window_bits", None) if is_offer => these.client_told = true,
                _ => return None,
            }
        }
        Some(these)
    }

    /// Whether this answers `offer`, and keeps to our settings.
    fn check(&self, offer: &Self, settings: &Settings) {
        // §7.1.1.1: "A server accepts [...] by including the server_no_context_takeover".
        assert!(self.server_none || !offer.server_none);
        assert!(self.server_none || settings.server_takes_over());
        // §7.1.1.2: a client that takes nothing over needs no more room than one that is told so.
        assert!(self.client_none || settings.client_takes_over());
        assert!(self.client_none || !offer.client_none);
        // §7.1.2.1: "the same or smaller value as the offer".
        let server_bits = self.server_bits.unwrap_or(15);
        if let Some(asked) = offer.server_bits {
            assert!(self.server_bits.is_some_and(|bits| bits <= asked));
        }
        assert!((9..=15).contains(&server_bits));
        assert!(server_bits <= settings.bits(settings.server_bits).max(9));
        // §7.1.2.2: if it is not in the offer, it "MUST NOT" be in the answer.
        if let Some(bits) = self.client_bits {
            assert!(offer.client_told && bits <= offer.client_bits.unwrap_or(15));
        }
        let window = self.client_bits.unwrap_or(15);
        let is_free = self.client_none || !offer.client_told;
        assert!(is_free || window <= settings.bits(settings.client_bits).max(9));
    }
}

/// The agreement works with these settings, also where they are out of range.
fn exchange(
    settings: &Settings,
    compression: Compression,
    agreement: deflate::Agreement,
    params: &Params,
) {
    let config = Config { compression: Some(compression), ..Config::default() };
    let mut connection = Connection::with_compression(Arc::new(config), agreement, Instant::now());
    let mut client = Inflater::new(params.server_bits.unwrap_or(15));
    let payload = "a message, a message, a message, ".repeat(5);
    for _ in 0..2 {
        connection.send(Message::text(payload.clone())).expect("the one before is out");
        let frame = connection.poll_transmit().expect("it is short");
        if frame.header()[0] & 0x40 == 0 {
            assert!(payload.len() < settings.threshold.into() || settings.level() == 0);
            assert_eq!(frame.payload(), payload.as_bytes());
            continue;
        }
        if params.server_none {
            client.reset();
        }
        assert_eq!(client.inflate(frame.payload()), payload.as_bytes());
    }
}

/// An element of a list of extensions, and one of its parameters.
type Extension = (String, Vec<Param>);
type Param = (String, Option<String>);

/// The elements of a list of extensions with their parameters, unquoted: RFC 6455 §9.1. `None` if
/// it is not of that grammar.
fn list(line: &[u8]) -> Option<Vec<Extension>> {
    let elements = split(line, b',');
    let elements = elements.iter().filter(|element| !trim(element).is_empty());
    elements.map(|element| extension(element)).collect()
}

fn extension(element: &[u8]) -> Option<Extension> {
    let parts = split(element, b';');
    let (name, params) = parts.split_first()?;
    let params = params.iter().map(|param| {
        let mut halves = param.splitn(2, |byte| *byte == b'=');
        let name = token(trim(halves.next()?))?;
        match halves.next().map(trim) {
            None => Some((name, None)),
            Some([b'"', quoted @ .., b'"']) => Some((name, Some(unquoted(quoted)?))),
            Some(value) => Some((name, Some(token(value)?))),
        }
    });
    Some((token(trim(name))?, params.collect::<Option<_>>()?))
}

/// The parts between separators that are not in quotes.
fn split(bytes: &[u8], separator: u8) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for &byte in bytes {
        if byte == separator && !is_quoted {
            parts.push(Vec::new());
            continue;
        }
        if byte == b'"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = is_quoted && byte == b'\\' && !is_escaped;
        parts.last_mut().expect("there is one").push(byte);
    }
    parts
}

fn unquoted(quoted: &[u8]) -> Option<String> {
    let mut value = Vec::new();
    let mut bytes = quoted.iter();
    while let Some(byte) = bytes.next() {
        value.push(if *byte == b'\\' { *bytes.next()? } else { *byte });
    }
    // A quote within quotes is no token, escaped or not.
    token(&value)
}

/// RFC 9110 §5.6.2.
fn token(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_token = |char: char| char.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(char);
    (!text.is_empty() && text.chars().all(is_token)).then(|| text.to_owned())
}

fn trim(bytes: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let start = bytes.iter().take_while(|byte| is_blank(byte)).count();
    let end = bytes[start..].iter().rev().take_while(|byte| is_blank(byte)).count();
    &bytes[start..bytes.len() - end]
}
