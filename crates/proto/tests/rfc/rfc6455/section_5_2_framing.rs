//! RFC 6455 §5.1 and §5.2: what a frame may look like.

use aerys_proto::{CloseCode, Config, Event, Message};

use crate::client::{
    BINARY, CLOSE, CONTINUATION, FIN, PING, Session, TEXT, frame, header, outcome, refused_after,
    text,
};

#[test]
fn a_frame_that_breaks_a_rule_is_refused_at_the_first_byte_that_shows_it() {
    // The bytes, and how many of them decide.
    let mut cases: Vec<(String, Vec<u8>, usize)> = vec![
        ("unmasked".into(), vec![FIN | TEXT, 1, b'a'], 2),
        ("unmasked and empty".into(), vec![FIN | TEXT, 0], 2),
        ("unmasked, of 16 bits".into(), vec![FIN | TEXT, 126, 1, 0], 2),
        ("unmasked ping".into(), vec![PING, 0], 2),
        ("16 bits for 0".into(), vec![FIN | TEXT, 0xfe, 0, 0, 1, 2, 3, 4], 4),
        ("16 bits for 125".into(), vec![FIN | TEXT, 0xfe, 0, 125], 4),
        ("64 bits for 0".into(), vec![FIN | TEXT, 0xff, 0, 0, 0, 0, 0, 0, 0, 0], 8),
        ("64 bits for 65535".into(), vec![FIN | TEXT, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 8),
        ("a length with its top bit".into(), vec![FIN | TEXT, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], 3),
        ("continuation of nothing".into(), frame(CONTINUATION, "a"), 1),
        ("last continuation of nothing".into(), frame(FIN | CONTINUATION, "a"), 1),
    ];
    for bits in 1..8 {
        cases.push((format!("reserved bits {bits:03b}"), frame(FIN | bits << 4 | TEXT, "a"), 1));
        cases.push((
            format!("reserved bits {bits:03b} on a ping"),
            frame(PING | bits << 4, "a"),
            1,
        ));
    }
    for opcode in (0x3..=0x7).chain(0xb..=0xf) {
        cases.push((format!("opcode {opcode:#x}"), frame(FIN | opcode, "a"), 1));
        cases.push((format!("opcode {opcode:#x} without FIN"), frame(opcode, "a"), 1));
    }

    let config = Config::default();
    for (rule, bytes, decisive) in cases {
        outcome(&config, &bytes).assert_refused(CloseCode::PROTOCOL, &[], &rule);
        assert_eq!(refused_after(&config, &bytes), Some(decisive), "{rule}");
        // What came before is delivered, and what comes after is not.
        let around = [frame(FIN | TEXT, "before"), bytes, frame(FIN | TEXT, "after")].concat();
        outcome(&config, &around).assert_refused(CloseCode::PROTOCOL, &[text("before")], &rule);
    }
}

#[test]
fn every_length_encoding_arrives_at_its_bounds() {
    for len in [0, 1, 125, 126, 127, 0xffff, 0x10000, 0x10001] {
        let payload: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let bytes = frame(FIN | BINARY, &payload);
        let message = Message::binary(payload);
        for size in [bytes.len(), 1000] {
            let mut session = Session::new(Config::default());
            let events: Vec<_> =
                bytes.chunks(size).flat_map(|piece| session.receive(piece)).collect();
            assert_eq!(events, [Event::Message(message.clone())], "{len} in pieces of {size}");
        }
    }
}

#[test]
fn messages_in_one_read_come_out_one_by_one_and_in_order() {
    let bytes: Vec<u8> =
        ["one", "", "two", "three"].iter().flat_map(|text| frame(FIN | TEXT, text)).collect();
    let outcome = outcome(&Config::default(), &bytes);
    assert_eq!(outcome.events, [text("one"), text(""), text("two"), text("three")]);
    assert_eq!(outcome.sent, []);
}

#[test]
fn input_is_left_as_what_follows_an_event() {
    let mut session = Session::new(Config::default());
    let second = frame(FIN | TEXT, "two");
    let mut bytes = [frame(FIN | TEXT, "one"), second.clone()].concat();
    let mut input = &mut bytes[..];
    assert_eq!(session.connection.receive(&mut input, session.now), Some(text("one")));
    assert_eq!(input, &second[..]);
}

#[test]
fn binary_is_refused_where_only_text_is_accepted() {
    let config = Config { text_only: true, ..Config::default() };
    let fragments = [frame(TEXT, "a"), frame(FIN | CONTINUATION, "b")].concat();
    assert_eq!(outcome(&config, &fragments).events, [text("ab")]);
    for first in [BINARY, FIN | BINARY] {
        let bytes = frame(first, [1, 2, 3]);
        outcome(&config, &bytes).assert_refused(CloseCode::UNSUPPORTED, &[], "binary");
        assert_eq!(refused_after(&config, &bytes), Some(1));
    }
}

#[test]
fn nothing_is_processed_after_a_violation() {
    let bytes = [
        frame(FIN | 0x3, ""),
        frame(PING, "late"),
        header(FIN | BINARY, 1 << 62),
        frame(CLOSE, [0x03, 0xe8]),
    ];
    let outcome = outcome(&Config::default(), &bytes.concat());
    outcome.assert_refused(CloseCode::PROTOCOL, &[], "reserved opcode");
    assert_eq!(outcome.sent.len(), 1);
}

#[test]
fn long_messages_are_sent_in_fragments() {
    // The fragment size, and the first byte and length of each frame.
    let cases: &[(usize, &[(u8, usize)])] = &[
        (4, &[(FIN | TEXT, 0)]),
        (4, &[(FIN | TEXT, 3)]),
        (4, &[(FIN | TEXT, 4)]),
        (4, &[(TEXT, 4), (FIN | CONTINUATION, 1)]),
        (4, &[(TEXT, 4), (FIN | CONTINUATION, 4)]),
        (4, &[(TEXT, 4), (CONTINUATION, 4), (FIN | CONTINUATION, 1)]),
        (0, &[(TEXT, 1), (FIN | CONTINUATION, 1)]),
    ];
    for &(auto_frame_size, frames) in cases {
        let len = frames.iter().map(|(_, len)| len).sum();
        let text = &"abcdefghij"[..len];
        let mut session = Session::new(Config { auto_frame_size, ..Config::default() });
        session.connection.send(Message::text(text)).expect("it is idle");
        let sent = session.transmit();
        let shapes: Vec<_> = sent.iter().map(|(first, payload)| (*first, payload.len())).collect();
        assert_eq!(shapes, frames);
        let payload: Vec<u8> = sent.into_iter().flat_map(|(_, payload)| payload).collect();
        assert_eq!(payload, text.as_bytes());
    }
}

#[test]
fn fragments_share_the_message_that_they_are_of() {
    let mut session = Session::new(Config { auto_frame_size: 4, ..Config::default() });
    let message = Message::binary("abcdefghij");
    let start = message.as_bytes().as_ptr();
    session.connection.send(message).expect("it is idle");
    for offset in [0, 4, 8] {
        let frame = session.connection.poll_transmit().expect("a fragment");
        assert_eq!(frame.payload().as_ptr(), start.wrapping_add(offset));
    }
}
