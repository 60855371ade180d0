//! RFC 6455 §5.4: fragments and what may stand between them.

use aerys_proto::{CloseCode, Config, Event, Message, SendError};

use crate::client::{
    BINARY, CONTINUATION, FIN, PING, PONG, Session, TEXT, frame, outcome, refused_after, text,
};

#[test]
fn fragments_make_one_message_of_the_first_ones_kind() {
    let cases: &[(&[Vec<u8>], Event)] = &[
        (&[frame(TEXT, "Hel"), frame(FIN | CONTINUATION, "lo")], text("Hello")),
        (
            &[frame(TEXT, "a"), frame(CONTINUATION, "b"), frame(FIN | CONTINUATION, "c")],
            text("abc"),
        ),
        (&[frame(TEXT, ""), frame(CONTINUATION, ""), frame(FIN | CONTINUATION, "")], text("")),
        (&[frame(TEXT, ""), frame(FIN | CONTINUATION, "all")], text("all")),
        (&[frame(TEXT, "all"), frame(FIN | CONTINUATION, "")], text("all")),
        (
            &[frame(BINARY, [1]), frame(FIN | CONTINUATION, [0xff])],
            Event::Message(Message::binary(vec![1, 0xff])),
        ),
    ];
    for (frames, message) in cases {
        let twice = [frames.concat(), frames.concat()].concat();
        let outcome = outcome(&Config::default(), &twice);
        assert_eq!(outcome.events, [message.clone(), message.clone()]);
    }
}

#[test]
fn control_frames_may_stand_between_fragments() {
    let bytes = [
        frame(TEXT, "Hel"),
        frame(PING, "a"),
        frame(PONG, "unsolicited"),
        frame(CONTINUATION, "lo"),
        frame(PING, "b"),
        frame(FIN | CONTINUATION, "!"),
    ];
    let outcome = outcome(&Config::default(), &bytes.concat());
    assert_eq!(outcome.events, [text("Hello!")]);
    assert_eq!(outcome.sent, [(PONG, b"a".to_vec()), (PONG, b"b".to_vec())]);
}

#[test]
fn messages_are_not_interleaved() {
    let config = Config::default();
    for first in [TEXT, BINARY, FIN | TEXT, FIN | BINARY] {
        let start = frame(TEXT, "a");
        let bytes = [start.clone(), frame(first, "b")].concat();
        outcome(&config, &bytes).assert_refused(CloseCode::PROTOCOL, &[], "interleaved");
        assert_eq!(refused_after(&config, &bytes), Some(start.len() + 1));
    }
}

#[test]
fn a_message_ends_with_its_last_fragment() {
    let bytes =
        [frame(TEXT, "a"), frame(FIN | CONTINUATION, "b"), frame(FIN | CONTINUATION, "c")].concat();
    let outcome = outcome(&Config::default(), &bytes);
    outcome.assert_refused(CloseCode::PROTOCOL, &[text("ab")], "nothing to continue");
}

#[test]
fn a_pong_goes_between_the_fragments_of_a_message_being_sent() {
    let mut session = Session::new(Config { auto_frame_size: 2, ..Config::default() });
    session.connection.send(Message::text("abcd")).expect("it is idle");
    let first = session.connection.poll_transmit().expect("the first fragment");
    assert_eq!((first.header()[0], &first.payload()[..]), (TEXT, &b"ab"[..]));
    session.receive(frame(PING, "now"));
    let rest = [(PONG, b"now".to_vec()), (FIN | CONTINUATION, b"cd".to_vec())];
    assert_eq!(session.transmit(), rest);
}

#[test]
fn a_message_is_sent_when_the_one_before_is_out() {
    let mut session = Session::new(Config { auto_frame_size: 2, ..Config::default() });
    let next = Message::text("next");
    session.connection.send(Message::text("abcd")).expect("it is idle");
    for _ in 0..2 {
        let busy = session.connection.send(next.clone());
        assert_eq!(busy, Err(SendError::Busy(next.clone())));
        assert!(session.connection.poll_transmit().is_some());
    }
    assert_eq!(session.connection.send(next), Ok(()));
}
