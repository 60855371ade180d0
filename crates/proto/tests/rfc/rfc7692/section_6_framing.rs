//! §6: which frames may have RSV1.

use aerys_proto::{CloseCode, Config, Event, Message};

use super::{
    no_takeover,
    peer::{RSV1, deflate},
    takeover,
};
use crate::client::{
    BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, Session, TEXT, frame, outcome, text,
};

const OFFER: &str = "permessage-deflate";

fn code_of(event: Option<&Event>) -> Option<CloseCode> {
    match event {
        Some(Event::Closed(close)) => Some(close.code),
        _ => None,
    }
}

#[test]
fn only_the_first_frame_of_a_message_may_be_marked() {
    let hello = deflate("Hello");
    let first = frame(TEXT | RSV1, &hello[..3]);
    let whole = frame(FIN | TEXT | RSV1, &hello);
    for (rule, bytes, before) in [
        ("continuation", [&first[..], &frame(FIN | CONTINUATION | RSV1, &hello[3..])].concat(), 0),
        ("ping", frame(PING | RSV1, ""), 0),
        ("pong", [&whole[..], &frame(PONG | RSV1, "")].concat(), 1),
        ("close", frame(CLOSE | RSV1, ""), 0),
        ("RSV2 too", frame(FIN | TEXT | RSV1 | 0x20, &hello), 0),
        ("RSV3 too", frame(FIN | TEXT | RSV1 | 0x10, &hello), 0),
        ("reserved opcode", frame(FIN | 0x3 | RSV1, &hello), 0),
        ("RSV2 alone", frame(FIN | TEXT | 0x20, &hello), 0),
    ] {
        let mut session = Session::compressed(takeover(), OFFER);
        let events = session.receive(&bytes);
        assert_eq!(events.len(), before + 1, "{rule}");
        assert_eq!(code_of(events.last()), Some(CloseCode::PROTOCOL), "{rule}");
    }
}

#[test]
fn without_an_agreement_nothing_may_be_marked() {
    let bytes = frame(FIN | TEXT | RSV1, deflate("Hello"));
    let outcome = outcome(&Config::default(), &bytes);
    outcome.assert_refused(CloseCode::PROTOCOL, &[], "RSV1 was not agreed on");
}

#[test]
fn a_client_may_send_plain_messages_in_between() {
    let mut session = Session::compressed(no_takeover(), OFFER);
    let compressed = frame(FIN | BINARY | RSV1, deflate([7; 100]));
    let events = session.receive([frame(FIN | TEXT, "plain"), compressed].concat());
    assert_eq!(events, [text("plain"), Event::Message(Message::binary(vec![7; 100]))]);
}

#[test]
fn control_frames_may_come_between_the_fragments() {
    let payload = deflate("Hello");
    let mut session = Session::compressed(no_takeover(), OFFER);
    let mut events = session.receive(frame(TEXT | RSV1, &payload[..2]));
    events.extend(session.receive(frame(PING, "are you there?")));
    assert_eq!(session.transmit(), [(PONG, b"are you there?".to_vec())]);
    events.extend(session.receive(frame(CONTINUATION, "")));
    events.extend(session.receive(frame(PONG, "")));
    events.extend(session.receive(frame(FIN | CONTINUATION, &payload[2..])));
    assert_eq!(events, [text("Hello")]);
}

#[test]
fn of_what_is_sent_only_the_first_frame_is_marked() {
    let config = Config { auto_frame_size: 4, ..takeover() };
    let mut session = Session::compressed(config, OFFER);
    session.connection.send(Message::text("a long message of many words")).unwrap();
    session.receive(frame(PING, ""));
    let frames = session.transmit();
    let firsts: Vec<u8> = frames.iter().map(|(first, _)| *first).collect();
    let (last, middle) = firsts[2..].split_last().unwrap();
    assert_eq!(firsts[..2], [PONG, TEXT | RSV1]);
    assert!(middle.iter().all(|first| *first == CONTINUATION), "{firsts:x?}");
    assert_eq!(*last, FIN | CONTINUATION);
}

#[test]
fn a_closing_connection_skips_compressed_messages() {
    let mut session = Session::compressed(takeover(), OFFER);
    session.receive(frame(TEXT | RSV1, &deflate("Hello")[..3]));
    session.connection.close(CloseCode::NORMAL.into(), session.now);
    let rest = [frame(FIN | CONTINUATION, &deflate("Hello")[3..]), frame(FIN | BINARY | RSV1, "?")];
    assert_eq!(session.receive(rest.concat()), []);
    let events = session.receive(frame(CLOSE, 1000_u16.to_be_bytes()));
    assert_eq!(code_of(events.last()), Some(CloseCode::NORMAL));
}
