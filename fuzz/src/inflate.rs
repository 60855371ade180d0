//! Compressed messages, in and out: RFC 7692 §7.2.

use std::{sync::Arc, time::Instant};

use aerys_proto::{
    Config, Connection, Event, Message,
    deflate::{self, Agreement, Compression},
};
use arbitrary::{Arbitrary, Result, Unstructured};
use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use crate::{
    client::{Compressor, Style, fragments},
    content,
    inflater::Inflater,
    peer::Peer,
    wire::{BINARY, CONTINUATION, FIN, PING, RSV1, TEXT, frame, pieces},
};

/// What is agreed on, then either what a client sends, valid or not, or what a server sends.
pub fn inflate(data: &[u8]) {
    // Where the input ends too early there is nothing to try.
    let _ = run(&mut Unstructured::new(data));
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let terms: Terms = input.arbitrary()?;
    match input.int_in_range(0..=3)? {
        0 => receive_anything(&terms, input),
        1 | 2 => receive_messages(&terms, input),
        _ => send_messages(&terms, input),
    }
}

/// Settings, and an offer that they meet.
#[derive(Arbitrary, Debug)]
struct Terms {
    level: u8,
    server_takes_over: bool,
    client_takes_over: bool,
    server_bits: u8,
    client_bits: u8,
    validate_utf8: bool,
    auto_frame_size: u16,
}

impl Terms {
    fn config(&self) -> Config {
        let compression = Compression::new()
            .level(self.level())
            .threshold(1)
            .server_context_takeover(self.server_takes_over)
            .client_context_takeover(self.client_takes_over)
            .server_max_window_bits(self.server_bits())
            .client_max_window_bits(self.client_bits());
        Config {
            max_msg_size: MAX_MESSAGE,
            validate_utf8: self.validate_utf8,
            auto_frame_size: usize::from(self.auto_frame_size),
            compression: Some(compression),
            ..Config::default()
        }
    }

    fn level(&self) -> u32 {
        u32::from(self.level % 10)
    }

    fn server_bits(&self) -> u8 {
        9 + self.server_bits % 7
    }

    fn client_bits(&self) -> u8 {
        9 + self.client_bits % 7
    }

    fn agreement(&self, config: &Config) -> Agreement {
        let mut headers = HeaderMap::new();
        let offer = HeaderValue::from_static("permessage-deflate; client_max_window_bits");
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, offer);
        let compression = config.compression.as_ref().expect("it is set");
        deflate::negotiate(&headers, compression).expect("all of it can be agreed to")
    }

    fn connection(&self) -> Connection {
        let config = self.config();
        let agreement = self.agreement(&config);
        Connection::with_compression(Arc::new(config), agreement, Instant::now())
    }
}

/// Frames with compressed payloads that may be anything: nothing panics, limits hold, and what
/// comes of a message depends on its payload alone, not on its frames or the pieces they arrive in.
fn receive_anything(terms: &Terms, input: &mut Unstructured<'_>) -> Result<()> {
    let sizes: [u8; 4] = input.arbitrary()?;
    let key = input.arbitrary()?;
    let mut bytes = Vec::new();
    let mut whole: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut misplaced = None;
    let mut within = false;
    while !input.is_empty() {
        let [kind, len]: [u8; 2] = input.arbitrary()?;
        let payload = input.bytes(usize::from(len).min(input.len()))?;
        let fin = if kind & 1 == 0 { FIN } else { 0 };
        let opcode = if kind & 2 == 0 { BINARY } else { TEXT };
        let rsv1 = if kind & 12 == 0 { 0 } else { RSV1 };
        if kind & 0xf0 == 0xf0 {
            // RFC 7692 §6.1: "An endpoint MUST NOT set the "Per-Message Compressed" bit of control
            // frames and non-first fragments of a data message."
            misplaced = Some(bytes.len());
            let opcode = if within { CONTINUATION } else { PING };
            let payload = &payload[..payload.len().min(125)];
            bytes.extend(frame(FIN | RSV1 | opcode, key, payload));
            whole.push((FIN | RSV1 | opcode, payload.to_vec()));
            break;
        }
        let first = if within { fin | CONTINUATION } else { fin | rsv1 | opcode };
        bytes.extend(frame(first, key, payload));
        match whole.last_mut().filter(|_| within) {
            Some(message) => {
                message.0 |= fin;
                message.1.extend(payload);
            }
            None => whole.push((first, payload.to_vec())),
        }
        within = fin == 0;
    }
    let whole: Vec<u8> =
        whole.iter().flat_map(|(first, payload)| frame(*first, key, payload)).collect();
    let at_once = receive(&mut terms.connection(), [&bytes[..]]);
    let in_pieces = receive(&mut terms.connection(), pieces(&bytes, &sizes));
    assert!(at_once.messages.iter().all(|message| message.len() <= MAX_MESSAGE));
    assert_eq!(at_once, in_pieces);
    assert_eq!(at_once, receive(&mut terms.connection(), [&whole[..]]));
    if let Some(before) = misplaced {
        let closed = receive(&mut terms.connection(), [&bytes[..before]]).end.is_some();
        assert!(closed || at_once.end == Some(End::Frames), "{at_once:?}");
    }
    Ok(())
}

/// Messages that a client has compressed by the rules arrive.
fn receive_messages(terms: &Terms, input: &mut Unstructured<'_>) -> Result<()> {
    let sizes: [u8; 3] = input.arbitrary()?;
    let sizes = &sizes[..usize::from(sizes[0] % 4)];
    let key = input.arbitrary()?;
    let mut connection = terms.connection();
    let mut client = Compressor::new(input.int_in_range(0..=9)?, terms.client_bits());
    for _ in 0..input.int_in_range(1..=5)? {
        let style: Style = input.arbitrary()?;
        let message = content::payload(input, MAX_MESSAGE)?;
        let mut payload = message.clone();
        if !style.plain {
            if !terms.client_takes_over {
                client.forget();
            }
            payload = style.compress(&mut client, &message);
        }
        let first = if style.plain { BINARY } else { BINARY | RSV1 };
        let bytes = fragments(first, key, &payload, &style.cuts);
        let received = receive(&mut connection, pieces(&bytes, sizes));
        assert_eq!(received.end, None, "{style:?}");
        assert_eq!(received.messages, [Message::from(message)], "{style:?}");
    }
    Ok(())
}

/// What came of some bytes.
#[derive(Debug, PartialEq)]
struct Received {
    messages: Vec<Message>,
    end: Option<End>,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// 1002: frames as they must not be.
    Frames,
    /// 1007 or 1009: what is in them. Which of these is said, if the DEFLATE, the size and the text
    /// of a message are all wrong, depends on how much of it is looked at together.
    Content,
}

fn receive<'a>(
    connection: &mut Connection,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Received {
    let now = Instant::now();
    let mut received = Received { messages: Vec::new(), end: None };
    let mut peer = Peer::default();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        while let Some(event) = connection.receive(&mut input, now) {
            assert_eq!(received.end, None, "nothing follows the end");
            match event {
                Event::Message(message) => received.messages.push(message),
                Event::Closed(close) => {
                    received.end = Some(match close.code.as_u16() {
                        1002 => End::Frames,
                        1007 | 1009 => End::Content,
                        _ => panic!("{close}"),
                    });
                }
            }
        }
        while let Some(frame) = connection.poll_transmit() {
            peer.hear(&frame);
        }
    }
    received
}

/// What a server compresses can be decompressed with what was agreed on and no more.
fn send_messages(terms: &Terms, input: &mut Unstructured<'_>) -> Result<()> {
    let mut connection = terms.connection();
    let mut others = Terms { server_takes_over: false, server_bits: 6, ..*terms }.connection();
    let mut peer = Peer { may_compress: true, ..Peer::default() };
    let mut client = Inflater::new(terms.server_bits());
    for _ in 0..input.int_in_range(1..=5)? {
        let payload = content::payload(input, MAX_MESSAGE)?;
        let mut message = Message::binary(payload.clone());
        if input.arbitrary()? {
            message = message.for_many(&terms.config());
            // Another client, which has more room, is not to be the measure.
            others.send(message.clone()).expect("the one before is out");
            while others.poll_transmit().is_some() {}
        }
        connection.send(message).expect("the one before is out");
        while let Some(frame) = connection.poll_transmit() {
            assert!(frame.payload().len() <= usize::from(terms.auto_frame_size).max(1));
            peer.hear(&frame);
        }
        let heard = peer.messages.pop().expect("it was sent");
        assert!(!heard.is_text);
        if !heard.compressed {
            assert_eq!(heard.payload, payload);
            continue;
        }
        if !terms.server_takes_over {
            // A large one is compressed in pieces, and the first of these decides.
            let is_large = payload.len() > 64 * 1024;
            let most = if is_large { payload.len() + payload.len() / 100 } else { payload.len() };
            assert!(heard.payload.len() < most, "what is no shorter is sent plain");
            client.reset();
        }
        assert_eq!(client.inflate(&heard.payload), payload, "{terms:?}");
    }
    assert!(peer.messages.is_empty() && peer.close.is_none());
    Ok(())
}

/// More than two of the largest windows.
const MAX_MESSAGE: usize = 70_000;
