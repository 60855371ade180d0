//! RFC 6455 §10.4: limits on sizes, which are judged by the header alone.

use aerys_proto::{CloseCode, Config, Event};

use crate::client::{
    BINARY, CONTINUATION, FIN, PING, TEXT, frame, header, outcome, refused_after, text,
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
