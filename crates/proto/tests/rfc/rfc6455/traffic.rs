//! What a connection says of the traffic that it has seen.

use aerys_proto::{Config, Count, Message};

use crate::client::{BINARY, CONTINUATION, FIN, PING, Session, TEXT, frame};

#[test]
fn frames_count_with_their_header_and_messages_when_they_are_whole() {
    let mut session = Session::new(Config::default());
    let count = |frames, data_frames, messages| Count { frames, data_frames, messages };
    let last = frame(FIN | CONTINUATION, "llo");
    for (bytes, expected) in [
        (frame(TEXT, "he"), count(1, 1, 0)),
        (frame(PING, "x"), count(2, 1, 0)),
        (last[..7].to_vec(), count(3, 2, 0)),
        (last[7..].to_vec(), count(3, 2, 1)),
        (frame(FIN | BINARY, "whole"), count(4, 3, 2)),
    ] {
        session.receive(&bytes);
        assert_eq!(session.connection.traffic().read, expected, "after {bytes:02x?}");
    }
}

#[test]
fn what_is_sent_counts_frame_by_frame() {
    let mut session = Session::new(Config { auto_frame_size: 4, ..Config::default() });
    session.receive(frame(PING, ""));
    session.connection.send(Message::text("fragments")).unwrap();
    let mut counts = Vec::new();
    while session.connection.poll_transmit().is_some() {
        let Count { frames, data_frames, messages } = session.connection.traffic().sent;
        counts.push((frames, data_frames, messages));
    }
    assert_eq!(counts, [(1, 0, 0), (2, 1, 0), (3, 2, 0), (4, 3, 1)]);
}
