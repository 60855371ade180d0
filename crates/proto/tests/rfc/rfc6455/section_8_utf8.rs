//! RFC 6455 §5.6 and §8.1: texts are UTF-8, and those that are not are refused at once.

use aerys_proto::{CloseCode, Config, Event, Message};

use crate::client::{
    BINARY, CONTINUATION, FIN, PING, Session, TEXT, frame, header, outcome, refused_after, text,
};

const INVALID: &[(&[u8], usize)] = &[
    // The text, and how many bytes of it decide.
    (b"\x80", 1),
    (b"a\xbfb", 2),
    (b"\xc0\xaf", 1),
    (b"\xc1\x81", 1),
    (b"\xf5\x80\x80\x80", 1),
    (b"\xff", 1),
    (b"\xe0\x9f\xbf", 2),
    (b"\xed\xa0\x80\xed\xb0\x80", 2),
    (b"\xf0\x8f\xbf\xbf", 2),
    (b"\xf4\x90\x80\x80", 2),
    (b"\xe2\x28\xa1", 2),
    (b"\xe2\x82\x28", 3),
    (b"\xf0\x9f\x98\x28", 4),
    ("κόσμε\u{0}".as_bytes(), usize::MAX),
];

#[test]
fn a_text_is_refused_at_the_first_byte_that_spoils_it() {
    let config = Config::default();
    for (payload, decisive) in INVALID.iter().filter(|(_, decisive)| *decisive != usize::MAX) {
        let more = [payload, &b"and more of it"[..]].concat();
        let head = header(FIN | TEXT, more.len() as u64).len();
        let bytes = frame(FIN | TEXT, &more);
        outcome(&config, &bytes).assert_refused(CloseCode::INVALID, &[], &format!("{payload:x?}"));
        assert_eq!(refused_after(&config, &bytes), Some(head + decisive), "{payload:x?}");
    }
}

#[test]
fn a_fragmented_text_is_refused_before_its_last_fragment() {
    let config = Config::default();
    for (payload, decisive) in INVALID.iter().filter(|(_, decisive)| *decisive != usize::MAX) {
        // Each byte in a frame of its own, none of them the last.
        let bytes: Vec<u8> = [frame(TEXT, "")]
            .into_iter()
            .chain(payload.iter().map(|byte| frame(CONTINUATION, [*byte])))
            .flatten()
            .collect();
        outcome(&config, &bytes).assert_refused(CloseCode::INVALID, &[], &format!("{payload:x?}"));
        let each = frame(CONTINUATION, "a").len();
        let at = frame(TEXT, "").len() + each * decisive;
        assert_eq!(refused_after(&config, &bytes), Some(at), "{payload:x?}");
    }
}

#[test]
fn a_text_must_not_end_within_a_character() {
    for payload in [&b"\xc3"[..], b"a\xe2\x82", b"ab\xf0\x9f\x98"] {
        let single = frame(FIN | TEXT, payload);
        let fragmented = [frame(TEXT, payload), frame(FIN | CONTINUATION, "")].concat();
        for bytes in [single, fragmented] {
            let outcome = outcome(&Config::default(), &bytes);
            outcome.assert_refused(CloseCode::INVALID, &[], &format!("{payload:x?}"));
        }
    }
}

#[test]
fn a_character_may_be_split_over_frames() {
    let whole = "aé€😀 κόσμε \u{10ffff}";
    for at in 0..whole.len() {
        let (first, second) = whole.as_bytes().split_at(at);
        let bytes =
            [frame(TEXT, first), frame(PING, "\u{20ac}"), frame(FIN | CONTINUATION, second)];
        assert_eq!(outcome(&Config::default(), &bytes.concat()).events, [text(whole)]);
    }
}

#[test]
fn a_split_character_is_not_completed_by_the_next_message() {
    let bytes = [frame(FIN | TEXT, b"\xc3"), frame(FIN | TEXT, b"\xa9")].concat();
    outcome(&Config::default(), &bytes).assert_refused(CloseCode::INVALID, &[], "\\xc3");
}

#[test]
fn long_texts_are_checked_to_the_end() {
    for len in [63, 64, 65, 127, 128, 129, 1000] {
        let mut payload = vec![b'x'; len];
        let mut session = Session::new(Config::default());
        assert!(matches!(session.receive(frame(FIN | TEXT, &payload))[..], [Event::Message(_)]));
        payload[len - 1] = 0xff;
        let outcome = outcome(&Config::default(), &frame(FIN | TEXT, &payload));
        outcome.assert_refused(CloseCode::INVALID, &[], &len.to_string());
    }
}

#[test]
fn binary_may_be_anything() {
    for (payload, _) in INVALID {
        let message = Message::binary(payload.to_vec());
        let outcome = outcome(&Config::default(), &frame(FIN | BINARY, payload));
        assert_eq!(outcome.events, [Event::Message(message)]);
    }
}

#[test]
fn unchecked_texts_arrive_as_they_are_and_leave_as_what_they_are() {
    let config = Config { validate_utf8: false, ..Config::default() };
    for (payload, decisive) in INVALID {
        let (first, second) = payload.split_at(payload.len() / 2);
        let single = frame(FIN | TEXT, payload);
        let fragmented = [frame(TEXT, first), frame(FIN | CONTINUATION, second)].concat();
        for bytes in [single, fragmented] {
            let outcome = outcome(&config, &bytes);
            let [Event::Message(message)] = &outcome.events[..] else {
                panic!("{:?}", outcome.events);
            };
            let is_valid = *decisive == usize::MAX;
            assert!(message.is_text());
            assert_eq!(message.as_bytes(), *payload);
            assert_eq!(message.as_text().is_some(), is_valid);

            let mut session = Session::new(config.clone());
            session.connection.send(message.clone()).expect("it is idle");
            let opcode = if is_valid { TEXT } else { BINARY };
            assert_eq!(session.transmit(), [(FIN | opcode, payload.to_vec())]);
        }
    }
}
