//! RFC 6455 §10.4: limits on sizes, which are judged by the header alone.

use std::time::Duration;

use aerys_proto::{CloseCode, Config, Event};

use crate::client::{
    BINARY, CONTINUATION, FIN, PING, PONG, Session, TEXT, closed, frame, header, outcome,
    refused_after, text,
};

fn config() -> Config {
    Config { max_frame_size: 300, max_msg_size: 1000, ..Config::default() }
}

#[test]
fn a_frame_may_be_as_long_as_the_limit_and_no_longer() {
    let events = outcome(&config(), &frame(FIN | TEXT, "x".repeat(300))).events;
    assert_eq!(events, [text(&"x".repeat(300))]);
    for len in [301, 0xffff, 0x10000, 1 << 62, i64::MAX as u64] {
        for first in [FIN | TEXT, TEXT, FIN | BINARY, BINARY] {
            let bytes = header(first, len);
            outcome(&config(), &bytes).assert_refused(CloseCode::TOO_BIG, &[], "frame");
            // The masking key is not waited for.
            assert_eq!(refused_after(&config(), &bytes), Some(bytes.len() - 4));
        }
    }
}

#[test]
fn a_message_may_be_as_long_as_the_limit_and_no_longer() {
    let fragments = |last: usize| {
        let mut bytes = frame(TEXT, "x".repeat(300));
        bytes.extend(frame(CONTINUATION, "x".repeat(300)));
        bytes.extend(frame(PING, ""));
        bytes.extend(frame(CONTINUATION, "x".repeat(300)));
        bytes.extend(frame(FIN | CONTINUATION, "x".repeat(last)));
        bytes
    };
    assert_eq!(outcome(&config(), &fragments(100)).events, [text(&"x".repeat(1000))]);
    let bytes = fragments(101);
    outcome(&config(), &bytes).assert_refused(CloseCode::TOO_BIG, &[], "message");
    // Two bytes into the last frame, of 101 bytes, its mask and its header.
    assert_eq!(refused_after(&config(), &bytes), Some(bytes.len() - 101 - 4));
}

#[test]
fn a_message_in_one_frame_is_a_message_too() {
    let config = Config { max_frame_size: 1000, max_msg_size: 10, ..Config::default() };
    assert_eq!(outcome(&config, &frame(FIN | TEXT, "0123456789")).events, [text("0123456789")]);
    outcome(&config, &header(FIN | TEXT, 11)).assert_refused(CloseCode::TOO_BIG, &[], "message");
}

#[test]
fn the_limit_is_on_each_message() {
    let bytes = frame(FIN | TEXT, "x".repeat(300)).repeat(5);
    assert_eq!(outcome(&config(), &bytes).events.len(), 5);
}

#[test]
fn limits_of_zero_allow_empty_messages() {
    let config = Config { max_frame_size: 0, max_msg_size: 0, ..Config::default() };
    assert_eq!(outcome(&config, &frame(FIN | TEXT, "")).events, [text("")]);
    outcome(&config, &frame(FIN | TEXT, "a")).assert_refused(CloseCode::TOO_BIG, &[], "frame");
}

#[test]
fn the_largest_limits_overflow_nothing() {
    let config =
        Config { max_frame_size: usize::MAX, max_msg_size: usize::MAX, ..Config::default() };
    let start = frame(BINARY, "some");
    let claim = header(FIN | CONTINUATION, i64::MAX as u64);
    let bytes = [start, claim, b"a few bytes".to_vec()].concat();
    assert_eq!(outcome(&config, &bytes).events, Vec::<Event>::new());
}

/// Half a message, as it may stand for ever.
fn halves() -> [(&'static str, Vec<u8>); 4] {
    let half = &frame(FIN | BINARY, [7; 10])[..12];
    [
        ("a header's first byte", half[..1].to_vec()),
        ("a header", half[..6].to_vec()),
        ("half a frame", half.to_vec()),
        ("a fragment", frame(BINARY, [7; 10])),
    ]
}

#[test]
fn a_message_that_brings_nothing_new_has_its_time() {
    let period = Duration::from_secs(5);
    let given_up = Some(closed(CloseCode::POLICY, "a message was begun and not finished"));
    for (what, half) in halves() {
        for (message_period, heartbeat_period) in
            [(Some(period), None), (Some(period), Some(period / 2)), (None, None)]
        {
            let config = Config { message_period, heartbeat_period, ..Config::default() };
            let mut session = Session::new(config);
            session.receive(&half);
            let answer = |session: &mut Session| {
                // Whoever answers pings is alive, and no further with its message.
                for (_, payload) in session.transmit() {
                    let is_between = what == "a fragment";
                    session.receive(if is_between { frame(PONG, payload) } else { vec![] });
                }
            };
            for _ in 0..2 {
                assert_eq!(session.after(period / 2 - Duration::from_millis(1)), None, "{what}");
                answer(&mut session);
            }
            session.connection.excuse_unfinished(session.now);
            assert_eq!(session.after(period - Duration::from_millis(1)), None, "{what}");
            answer(&mut session);
            let ends = message_period.and(given_up.clone());
            assert_eq!(session.after(Duration::from_millis(1)), ends, "{what}");
        }
    }
}

#[test]
fn a_message_that_brings_something_now_and_then_is_waited_for() {
    let period = Duration::from_secs(5);
    let config =
        Config { message_period: Some(period), heartbeat_period: None, ..Config::default() };
    let mut session = Session::new(config);
    let bytes = [frame(BINARY, [7; 5]), frame(FIN | CONTINUATION, [7; 5])].concat();
    for byte in &bytes[..bytes.len() - 1] {
        session.receive([*byte]);
        assert_eq!(session.after(period / 12), None);
    }
    assert_eq!(session.receive(&bytes[bytes.len() - 1..]).len(), 1);
    assert_eq!(session.wakes_in(), None);
}
