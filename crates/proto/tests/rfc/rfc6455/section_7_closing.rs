//! RFC 6455 §7: who says CLOSE, who answers, and who waits for how long.

use std::time::{Duration, Instant};

use aerys_proto::{Close, CloseCode, Config, Connection, Event, Message, SendError};

use crate::client::{
    BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, Session, TEXT, close_payload, closed, frame,
    header, outcome, text,
};

const CLOSE_PERIOD: Duration = Duration::from_secs(3);

#[test]
fn a_peers_close_is_answered_with_its_code() {
    let cases: &[(Vec<u8>, Event, Vec<u8>)] = &[
        (vec![], closed(CloseCode::NO_STATUS, ""), vec![]),
        (close_payload(1000, ""), closed(CloseCode::NORMAL, ""), close_payload(1000, "")),
        (close_payload(1001, "bye"), closed(CloseCode::AWAY, "bye"), close_payload(1001, "")),
        (
            close_payload(4999, "é".repeat(61)),
            Event::Closed(Close::new(CloseCode::new(4999).unwrap(), "é".repeat(61))),
            close_payload(4999, ""),
        ),
    ];
    for (payload, event, answer) in cases {
        let bytes = [frame(CLOSE, payload), frame(FIN | TEXT, "late"), frame(PING, "late")];
        let outcome = outcome(&Config::default(), &bytes.concat());
        assert_eq!(outcome.events.first(), Some(event));
        assert_eq!(outcome.events.len(), 1);
        assert_eq!(outcome.sent, [(CLOSE, answer.clone())]);
    }
}

#[test]
fn after_a_peers_close_the_connection_drains_until_the_socket_ends() {
    let mut session = Session::new(Config::default());
    session.receive(frame(CLOSE, close_payload(1000, "")));
    assert!(session.connection.is_draining() && !session.connection.is_open());
    assert_eq!(session.wakes_in(), Some(CLOSE_PERIOD));
    assert_eq!(session.transmit().len(), 1);
    assert_eq!(session.receive(frame(FIN | TEXT, "late")), []);
    assert_eq!(session.connection.receive_end(), None);
    assert!(session.connection.is_over());
    assert_eq!(session.wakes_in(), None);
}

#[test]
fn draining_has_an_end() {
    let mut session = Session::new(Config::default());
    session.receive(frame(CLOSE, []));
    assert_eq!(session.after(CLOSE_PERIOD - Duration::from_millis(1)), None);
    assert!(session.connection.is_draining());
    assert_eq!(session.after(Duration::from_millis(1)), None);
    assert!(session.connection.is_over());
}

#[test]
fn a_close_is_answered_even_if_the_peer_hangs_up_with_it() {
    let mut session = Session::new(Config::default());
    session.receive(frame(CLOSE, close_payload(1000, "")));
    session.connection.receive_end();
    assert!(session.connection.is_over());
    assert_eq!(session.transmit(), [(CLOSE, close_payload(1000, ""))]);
}

#[test]
fn our_close_waits_for_the_peers() {
    let ours = Close::new(CloseCode::AWAY, "restarting");
    let mut session = Session::new(Config::default());
    session.connection.close(ours.clone(), session.now);
    assert!(!session.connection.is_open() && !session.connection.is_draining());
    assert_eq!(session.transmit(), [(CLOSE, close_payload(1001, "restarting"))]);
    assert_eq!(session.wakes_in(), Some(CLOSE_PERIOD));
    assert_eq!(session.after(Duration::from_secs(1)), None);

    let theirs = frame(CLOSE, close_payload(1000, "as you wish"));
    assert_eq!(session.receive(theirs), [Event::Closed(ours)]);
    assert!(session.connection.is_draining());
    assert_eq!(session.transmit(), []);
    assert_eq!(session.wakes_in(), Some(CLOSE_PERIOD - Duration::from_secs(1)));
}

#[test]
fn our_close_is_over_without_an_answer() {
    let ours = Close::new(CloseCode::NORMAL, "");
    let mut session = Session::new(Config::default());
    session.connection.close(ours.clone(), session.now);
    assert_eq!(session.after(CLOSE_PERIOD - Duration::from_millis(1)), None);
    assert_eq!(session.after(Duration::from_millis(1)), Some(Event::Closed(ours)));
    assert!(session.connection.is_over());
    assert_eq!(session.after(CLOSE_PERIOD), None);
    assert_eq!(session.connection.receive_end(), None);
}

#[test]
fn our_close_is_over_when_the_socket_ends() {
    let ours = Close::new(CloseCode::NORMAL, "done");
    let mut session = Session::new(Config::default());
    session.connection.close(ours.clone(), session.now);
    assert_eq!(session.connection.receive_end(), Some(Event::Closed(ours)));
    assert!(session.connection.is_over());
}

#[test]
fn a_close_follows_the_message_before_it() {
    let mut session = Session::new(Config { auto_frame_size: 2, ..Config::default() });
    session.connection.send(Message::text("abcd")).expect("it is idle");
    session.connection.close(Close::new(CloseCode::NORMAL, ""), session.now);
    session.receive(frame(PING, "still here?"));
    let sent = [
        (PONG, b"still here?".to_vec()),
        (TEXT, b"ab".to_vec()),
        (FIN | CONTINUATION, b"cd".to_vec()),
        (CLOSE, close_payload(1000, "")),
    ];
    assert_eq!(session.transmit(), sent);
}

#[test]
fn nothing_follows_our_close() {
    let mut session = Session::new(Config::default());
    session.connection.close(CloseCode::NORMAL.into(), session.now);
    assert_eq!(session.transmit().len(), 1);
    assert_eq!(session.receive(frame(PING, "late")), []);
    assert_eq!(session.transmit(), []);
    let message = Message::text("late");
    let refused = session.connection.send(message.clone());
    assert_eq!(refused, Err(SendError::Closing(message)));
    session.connection.close(CloseCode::AWAY.into(), session.now);
    session.connection.fail(CloseCode::POLICY.into(), session.now);
    assert_eq!(session.transmit(), []);
}

#[test]
fn data_after_our_close_is_skipped_in_search_of_the_peers() {
    let ours = Close::new(CloseCode::NORMAL, "");
    let skipped: &[Vec<u8>] = &[
        frame(FIN | TEXT, "late"),
        frame(FIN | TEXT, b"\xff not UTF-8"),
        [frame(TEXT, "a"), frame(PING, "b"), frame(FIN | CONTINUATION, "c")].concat(),
        // It continues a message that began before.
        frame(FIN | CONTINUATION, "c"),
        frame(FIN | BINARY, [0; 4000]),
    ];
    let config = Config { max_frame_size: 1000, ..Config::default() };
    for bytes in skipped {
        for size in [1, 7, bytes.len()] {
            let mut session = Session::new(config.clone());
            session.connection.close(ours.clone(), session.now);
            for piece in [&bytes[..], &frame(CLOSE, [])].concat().chunks(size) {
                let events = session.receive(piece);
                assert!(events.is_empty() || events == [Event::Closed(ours.clone())]);
            }
            assert!(session.connection.is_draining(), "{bytes:x?}");
        }
    }
}

#[test]
fn a_message_half_arrived_at_our_close_is_dropped() {
    let ours = Close::new(CloseCode::NORMAL, "");
    let bytes = [frame(TEXT, "abc"), frame(FIN | CONTINUATION, "def")].concat();
    for at in 0..bytes.len() {
        let mut session = Session::new(Config::default());
        assert_eq!(session.receive(&bytes[..at]), []);
        session.connection.close(ours.clone(), session.now);
        assert_eq!(session.receive(&bytes[at..]), []);
        assert_eq!(session.receive(frame(CLOSE, [])), [Event::Closed(ours.clone())]);
    }
}

#[test]
fn a_violation_after_our_close_ends_the_wait_for_the_peers() {
    let ours = Close::new(CloseCode::NORMAL, "");
    let mut session = Session::new(Config::default());
    session.connection.close(ours.clone(), session.now);
    let bytes = [frame(FIN | 0x3, ""), frame(CLOSE, [])].concat();
    assert_eq!(session.receive(bytes), [Event::Closed(ours)]);
    assert!(session.connection.is_draining());
    assert_eq!(session.transmit(), [(CLOSE, close_payload(1000, ""))]);
}

#[test]
fn both_may_close_at_the_same_time() {
    let ours = Close::new(CloseCode::AWAY, "");
    let mut session = Session::new(Config { auto_frame_size: 1, ..Config::default() });
    session.connection.send(Message::text("abc")).expect("it is idle");
    assert!(session.connection.poll_transmit().is_some());
    session.connection.close(ours.clone(), session.now);
    // The peer's is there before ours has left; the rest of the message is for nobody.
    let theirs = frame(CLOSE, close_payload(1000, ""));
    assert_eq!(session.receive(theirs), [Event::Closed(ours)]);
    assert_eq!(session.transmit(), [(CLOSE, close_payload(1001, ""))]);
}

#[test]
fn a_peers_close_drops_the_rest_of_the_message_being_sent() {
    let mut session = Session::new(Config { auto_frame_size: 2, ..Config::default() });
    session.connection.send(Message::text("abcd")).expect("it is idle");
    assert!(session.connection.poll_transmit().is_some());
    session.receive(frame(CLOSE, []));
    assert_eq!(session.transmit(), [(CLOSE, vec![])]);
}

#[test]
fn a_violation_is_answered_and_drained() {
    let mut session = Session::new(Config::default());
    session.connection.send(Message::text("never")).expect("it is idle");
    let events = session.receive(frame(FIN | 0x3, ""));
    let reason = "opcode 0x3 is reserved";
    assert_eq!(events, [closed(CloseCode::PROTOCOL, reason)]);
    assert_eq!(session.transmit(), [(CLOSE, close_payload(1002, reason))]);
    assert!(session.connection.is_draining());
    assert_eq!(session.wakes_in(), Some(CLOSE_PERIOD));
    assert_eq!(session.receive(header(FIN | BINARY, 1 << 62)), []);
    assert_eq!(session.receive([0xff; 1000]), []);
    assert_eq!(session.after(CLOSE_PERIOD), None);
    assert!(session.connection.is_over());
}

#[test]
fn a_socket_that_ends_without_a_word_is_abnormal() {
    let mut session = Session::new(Config::default());
    session.receive(frame(PING, "unanswered"));
    session.receive(&frame(FIN | TEXT, "half a frame")[..9]);
    assert_eq!(session.connection.receive_end(), Some(closed(CloseCode::ABNORMAL, "")));
    assert!(session.connection.is_over());
    assert_eq!(session.transmit(), []);
    assert_eq!(session.connection.receive_end(), None);
    assert_eq!(session.connection.fail(CloseCode::POLICY.into(), session.now), None);
    assert_eq!(session.transmit(), []);
    assert_eq!(session.receive(frame(FIN | TEXT, "late")), []);
}

#[test]
fn a_peer_that_is_given_up_is_told_so_next() {
    let policy = Close::new(CloseCode::POLICY, "too slow");
    let mut session = Session::new(Config { auto_frame_size: 2, ..Config::default() });
    session.receive(frame(PING, "unanswered"));
    session.connection.send(Message::text("abcd")).expect("it is idle");
    let event = session.connection.fail(policy.clone(), session.now);
    assert_eq!(event, Some(Event::Closed(policy.clone())));
    assert_eq!(session.connection.fail(policy, session.now), None);
    assert_eq!(session.transmit(), [(CLOSE, close_payload(1008, "too slow"))]);
    assert!(session.connection.is_draining());
    assert_eq!(session.receive(frame(FIN | TEXT, "late")), []);
}

#[test]
fn a_peer_given_up_while_closing_hears_what_was_said_first() {
    let ours = Close::new(CloseCode::AWAY, "");
    let mut session = Session::new(Config { auto_frame_size: 2, ..Config::default() });
    session.connection.send(Message::text("abcd")).expect("it is idle");
    session.connection.close(ours.clone(), session.now);
    let event = session.connection.fail(CloseCode::POLICY.into(), session.now);
    assert_eq!(event, Some(Event::Closed(ours)));
    assert_eq!(session.transmit(), [(CLOSE, close_payload(1001, ""))]);
}

#[test]
fn codes_that_are_never_sent_close_without_a_code() {
    for code in [CloseCode::NO_STATUS, CloseCode::ABNORMAL] {
        let mut session = Session::new(Config::default());
        session.connection.close(code.into(), session.now);
        assert_eq!(session.transmit(), [(CLOSE, vec![])]);
    }
}

#[test]
fn a_period_longer_than_time_itself_never_ends() {
    let mut session = Session::new(Config { close_period: Duration::MAX, ..Config::default() });
    session.connection.close(CloseCode::NORMAL.into(), session.now);
    assert_eq!(session.wakes_in(), None);
    assert_eq!(session.after(Duration::from_secs(1 << 30)), None);
}

#[test]
fn what_came_before_a_close_is_delivered() {
    let bytes = [frame(FIN | TEXT, "a"), frame(PING, "b"), frame(CLOSE, [])].concat();
    let outcome = outcome(&Config::default(), &bytes);
    assert_eq!(outcome.events, [text("a"), closed(CloseCode::NO_STATUS, "")]);
    assert_eq!(outcome.sent, [(PONG, b"b".to_vec()), (CLOSE, vec![])]);
}

/// What a peer sends to end a connection, and what that is to the application.
fn ends() -> [(Vec<u8>, Event); 5] {
    [
        (frame(CLOSE, ""), closed(CloseCode::NO_STATUS, "")),
        (frame(CLOSE, close_payload(1000, "bye")), closed(CloseCode::NORMAL, "bye")),
        (frame(FIN | 0x3, ""), closed(CloseCode::PROTOCOL, "opcode 0x3 is reserved")),
        (frame(FIN | CONTINUATION, "x"), closed(CloseCode::PROTOCOL, "continuation of no message")),
        (frame(FIN | TEXT, [0xFF; 3]), closed(CloseCode::INVALID, "text is not UTF-8")),
    ]
}

fn holding() -> Session {
    let mut session = Session::new(Config::default());
    session.connection = session.connection.holding_ends();
    session
}

#[test]
fn an_end_that_is_held_is_answered_when_it_is_released() {
    for (end, reported) in ends() {
        for size in [1, 2, usize::MAX] {
            let mut session = holding();
            let bytes = [frame(FIN | TEXT, "a"), end.clone(), frame(FIN | TEXT, "b")].concat();
            let events: Vec<_> =
                bytes.chunks(size.min(bytes.len())).flat_map(|it| session.receive(it)).collect();
            assert_eq!(events, [text("a")], "{end:02x?}");
            assert!(session.connection.holds_end() && session.connection.is_open());
            // It is not pinged meanwhile, and what is said goes first.
            assert_eq!((session.wakes_in(), session.after(Duration::from_secs(60))), (None, None));
            session.connection.send(Message::text("answer")).unwrap();
            assert_eq!(session.transmit(), [(FIN | TEXT, b"answer".to_vec())]);
            let now = session.now;
            assert_eq!(session.connection.release_end(now), Some(reported.clone()));
            assert_eq!(session.connection.release_end(now), None);
            assert!(session.connection.is_draining());
            assert_eq!(session.transmit().len(), 1);
        }
    }
}

#[test]
fn whatever_comes_after_an_end_that_is_held_the_end_is_what_is_reported() {
    type Then = fn(&mut Connection, Instant) -> Option<Event>;
    let then: [Then; 2] = [
        |connection, _| connection.receive_end(),
        |connection, now| connection.fail(CloseCode::POLICY.into(), now),
    ];
    for ((end, reported), then) in
        ends().into_iter().flat_map(|end| then.map(|it| (end.clone(), it)))
    {
        let mut session = holding();
        session.receive(&end);
        assert_eq!(then(&mut session.connection, session.now), Some(reported));
        assert!(!session.connection.holds_end());
    }
    // Who closes while it is held was first.
    let mut session = holding();
    session.receive(frame(CLOSE, ""));
    session.connection.close(CloseCode::AWAY.into(), session.now);
    let event = session.connection.release_end(session.now);
    assert_eq!(event, Some(closed(CloseCode::AWAY, "")));
    assert_eq!(session.transmit(), [(CLOSE, close_payload(1001, ""))]);
}

#[test]
fn one_that_still_takes_what_it_is_sent_is_waited_for_unless_it_was_given_up() {
    let period = Config::default().close_period;
    type Ask = fn(&mut Session);
    let asks: [(Ask, bool); 4] = [
        (|it| it.connection.close(CloseCode::NORMAL.into(), it.now), true),
        (|it| drop(it.receive(frame(CLOSE, ""))), true),
        (|it| drop(it.receive(frame(FIN | 0x3, ""))), false),
        (|it| drop(it.connection.fail(CloseCode::POLICY.into(), it.now)), false),
    ];
    for (number, (ask, is_waited_for)) in asks.into_iter().enumerate() {
        let mut session = Session::new(Config::default());
        ask(&mut session);
        session.after(period / 2);
        session.connection.handle_progress(session.now);
        session.after(period * 3 / 4);
        assert_eq!(!session.connection.is_over(), is_waited_for, "{number}");
        session.after(period);
        assert!(session.connection.is_over(), "{number}");
    }
}
