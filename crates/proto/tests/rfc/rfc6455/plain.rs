//! What is plain, in one step: it comes to the same as what is not.

use aerys_proto::{CloseCode, Config, Event, Message};
use proptest::{collection::vec, prelude::*};

use super::in_place::any_frame;
use crate::client::{
    BINARY, CONTINUATION, FIN, PING, PONG, Session, TEXT, frame, header, outcome, text,
};

#[test]
fn a_message_that_is_there_whole_is_plain_and_nothing_else_is() {
    let long = |first, len| frame(first, "x".repeat(len));
    let rows: [(&str, Vec<u8>, Vec<u8>, bool); 15] = [
        ("a text", vec![], frame(FIN | TEXT, "text"), true),
        ("an empty one", vec![], frame(FIN | TEXT, ""), true),
        ("binary", vec![], frame(FIN | BINARY, "binary"), true),
        ("more than 125 bytes", vec![], long(FIN | TEXT, 126), true),
        ("65,535 bytes", vec![], long(FIN | BINARY, 0xffff), true),
        ("65,536 bytes", vec![], long(FIN | BINARY, 0x1_0000), false),
        (
            "what is followed by half of another",
            vec![],
            long(FIN | TEXT, 9).repeat(2)[..20].to_vec(),
            true,
        ),
        ("nothing", vec![], vec![], false),
        ("half of one", vec![], frame(FIN | TEXT, "text")[..9].to_vec(), false),
        ("a header", vec![], header(FIN | TEXT, 300)[..3].to_vec(), false),
        ("a fragment", vec![], frame(TEXT, "text"), false),
        ("the last fragment", frame(TEXT, "te"), frame(FIN | CONTINUATION, "xt"), false),
        ("a ping", vec![], frame(PING, "ping"), false),
        ("a compressed one", vec![], frame(FIN | 0x40 | TEXT, "text"), false),
        (
            "the rest of one",
            frame(FIN | TEXT, "text")[..8].to_vec(),
            frame(FIN | TEXT, "next"),
            false,
        ),
    ];
    for (row, before, mut bytes, is_plain) in rows {
        let mut session = Session::new(Config::default());
        session.receive(before);
        let mut input = &mut bytes[..];
        let len = input.len();
        let event = session.connection.receive_plain(&mut input, session.now);
        assert_eq!(matches!(event, Some(Event::Message(_))), is_plain, "{row}");
        assert_eq!(input.len() < len, is_plain, "{row}: what is not is left alone");
    }
}

#[test]
fn what_breaks_a_rule_is_not_plain() {
    let limited = Config { max_msg_size: 3, ..Config::default() };
    let text_only = Config { text_only: true, ..Config::default() };
    let rows: [(&str, &Config, Vec<u8>); 4] = [
        ("not masked", &limited, vec![FIN | TEXT, 4, b't', b'e', b'x', b't']),
        (
            "a longer length than it takes",
            &limited,
            [&[FIN | TEXT, 0xfe, 0, 1][..], &[0; 5]].concat(),
        ),
        ("too long", &limited, frame(FIN | TEXT, "text")),
        ("binary where it is refused", &text_only, frame(FIN | BINARY, "")),
    ];
    for (row, config, mut bytes) in rows {
        assert!(matches!(outcome(config, &bytes).events[..], [Event::Closed(_)]), "{row}");
        let mut session = Session::new(config.clone());
        let mut input = &mut bytes[..];
        assert_eq!(session.connection.receive_plain(&mut input, session.now), None, "{row}");
        assert!(!input.is_empty());
    }
}

#[test]
fn once_the_connection_is_ending_nothing_is_plain() {
    for row in ["closing", "given up", "over"] {
        let mut session = Session::new(Config::default());
        let connection = &mut session.connection;
        match row {
            "closing" => connection.close(CloseCode::NORMAL.into(), session.now),
            "given up" => drop(connection.fail(CloseCode::POLICY.into(), session.now)),
            _ => drop(connection.receive_end()),
        }
        let mut bytes = frame(FIN | TEXT, "text");
        assert_eq!(
            session.connection.receive_plain(&mut &mut bytes[..], session.now),
            None,
            "{row}"
        );
        let message = Message::text("text");
        assert_eq!(session.connection.transmit(message.clone()).unwrap_err(), message, "{row}");
    }
}

#[test]
fn what_has_to_wait_or_to_be_divided_is_not_transmitted_at_once() {
    let message = || Message::text("six ch");
    let config = || Config { auto_frame_size: 6, ..Config::default() };
    let mut session = Session::new(config());
    let frame_of = |it: &mut Session| it.connection.transmit(message()).map(|it| it.into_payload());
    assert_eq!(frame_of(&mut session).unwrap(), "six ch");
    assert!(session.connection.transmit(Message::text("seven c")).is_err());

    session.receive(frame(PING, ""));
    assert!(frame_of(&mut session).is_err(), "a pong goes first");
    assert_eq!(session.transmit(), [(PONG, vec![])]);
    session.connection.send(Message::text("seven c")).unwrap();
    assert!(frame_of(&mut session).is_err(), "one message at a time");
    session.transmit();
    assert!(frame_of(&mut session).is_ok());
    assert_eq!(session.connection.traffic().sent.messages, 3);

    let mut session = Session::compressed(config(), "permessage-deflate");
    assert!(frame_of(&mut session).is_err(), "it is to be compressed");
}

proptest! {
    #[test]
    fn it_changes_nothing_what_is_plain(
        frames in vec(any_frame(), 1..8),
        reads in vec(1..600_usize, 1..20),
        deflates: bool,
    ) {
        let session = || match deflates {
            true => Session::compressed(Config::default(), "permessage-deflate"),
            false => Session::new(Config::default()),
        };
        let (mut one, mut other) = (session(), session());
        let mut bytes = frames.concat();
        let (mut rest, mut read) = (&mut bytes[..], reads.iter().cycle());
        while !rest.is_empty() {
            let size = rest.len().min(*read.next().expect("there is one"));
            let (mut input, after) = rest.split_at_mut(size);
            rest = after;
            let expected = other.receive(&*input);
            let mut events = Vec::new();
            while !input.is_empty() {
                let plain = one.connection.receive_plain(&mut input, one.now);
                events.extend(plain.or_else(|| one.connection.receive(&mut input, one.now)));
            }
            prop_assert_eq!(&events, &expected);
            for event in events {
                let Event::Message(message) = event else { continue };
                let frame = one.connection.transmit(message.clone());
                let sent = match frame {
                    Ok(frame) => {
                        prop_assert_eq!(frame.len(), frame.header().len() + message.len());
                        vec![(frame.header()[0], frame.into_payload().to_vec())]
                    }
                    Err(message) => {
                        let _ = one.connection.send(message);
                        one.transmit()
                    }
                };
                let _ = other.connection.send(message);
                prop_assert_eq!(sent, other.transmit());
            }
            prop_assert_eq!(one.transmit(), other.transmit());
        }
        prop_assert_eq!(one.connection.traffic(), other.connection.traffic());
    }
}

#[test]
fn what_is_plain_counts_as_heard() {
    let mut session = Session::new(Config::default());
    let ping_in = session.wakes_in();
    session.now += ping_in.expect("there is a heartbeat") / 2;
    let mut bytes = frame(FIN | TEXT, "text");
    let event = session.connection.receive_plain(&mut &mut bytes[..], session.now);
    assert_eq!(event, Some(text("text")));
    assert_eq!(session.wakes_in(), ping_in);
}
