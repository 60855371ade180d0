//! What holds for all messages, all fragmentations and all ways to cut them into reads.

use std::time::Duration;

use aerys_proto::{Close, CloseCode, Config, Event, Message};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::client::{BINARY, CONTINUATION, FIN, PING, PONG, Sent, Session, TEXT, frame};

proptest! {
    /// With pings between the fragments, for good measure.
    #[test]
    fn messages_arrive_however_they_are_cut(
        messages in vec((message(), vec(any::<Index>(), 0..4)), 0..5),
        reads in vec(1..200_usize, 1..50),
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|(message, cuts)| fragments(message, cuts)).collect();
        let expected: Vec<_> = messages.into_iter().map(|(message, _)| Event::Message(message)).collect();
        let mut session = Session::new(Config::default());
        let events = receive_in(&mut session, &bytes, &reads);
        prop_assert_eq!(events, expected);
        prop_assert!(session.transmit().iter().all(|sent| *sent == (PONG, b"ping".to_vec())));
    }

    #[test]
    fn what_one_connection_sends_another_receives(
        messages in vec(message(), 0..5),
        auto_frame_size in 1..100_usize,
        reads in vec(1..200_usize, 1..50),
    ) {
        let mut sender = Session::new(Config { auto_frame_size, ..Config::default() });
        let mut bytes = Vec::new();
        for message in &messages {
            sender.connection.send(message.clone()).expect("the one before is out");
            bytes.extend(in_transit(sender.transmit()));
        }
        let close = Close::new(CloseCode::AWAY, "bye");
        sender.connection.close(close.clone(), sender.now);
        bytes.extend(in_transit(sender.transmit()));

        let events = receive_in(&mut Session::new(Config::default()), &bytes, &reads);
        let expected: Vec<_> =
            messages.into_iter().map(Event::Message).chain([Event::Closed(close)]).collect();
        prop_assert_eq!(events, expected);
    }

    #[test]
    fn no_bytes_cause_a_panic_or_a_second_end(
        pieces in vec(prop_oneof![
            vec(any::<u8>(), 0..40),
            (any::<u8>(), vec(any::<u8>(), 0..140)).prop_map(|(first, payload)| frame(first, payload)),
            (frames_first_byte(), vec(any::<u8>(), 0..140)).prop_map(|(first, payload)| frame(first, payload)),
            (frames_first_byte(), ".{0,30}").prop_map(|(first, payload)| frame(first, payload)),
        ], 0..20),
        reads in vec(1..60_usize, 1..50),
        validate_utf8: bool,
        close_after in proptest::option::of(0..20_usize),
    ) {
        let config = Config { validate_utf8, max_msg_size: 500, ..Config::default() };
        let mut session = Session::new(config);
        let mut events = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            if Some(number) == close_after {
                session.connection.close(CloseCode::NORMAL.into(), session.now);
            }
            events.extend(receive_in(&mut session, piece, &reads));
            events.extend(session.after(Duration::from_millis(700)));
        }
        let sent = session.transmit();
        events.extend(session.connection.receive_end());
        events.extend(session.after(Duration::from_secs(100)));

        let closes = events.iter().filter(|event| matches!(event, Event::Closed(_))).count();
        prop_assert_eq!(closes, 1);
        prop_assert!(matches!(events.last(), Some(Event::Closed(_))));
        let closes = sent.iter().filter(|(first, _)| *first == FIN | 0x8).count();
        prop_assert!(closes <= 1);
        prop_assert!(session.connection.is_over());
    }

    #[test]
    fn no_cut_changes_what_comes_of_any_bytes(
        frames in vec((frames_first_byte(), vec(any::<u8>(), 0..30)), 1..6),
        reads in vec(1..20_usize, 1..20),
    ) {
        let bytes: Vec<u8> =
            frames.iter().flat_map(|(first, payload)| frame(*first, payload)).collect();
        let mut at_once = Session::new(Config::default());
        let mut cut = Session::new(Config::default());
        prop_assert_eq!(at_once.receive(&bytes), receive_in(&mut cut, &bytes, &reads));
        prop_assert_eq!(at_once.transmit(), cut.transmit());
    }
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        ".{0,200}".prop_map(Message::text),
        vec(any::<u8>(), 0..400).prop_map(Message::from),
    ]
}

/// The first byte of a frame that may be valid, in its place.
fn frames_first_byte() -> impl Strategy<Value = u8> {
    let opcode = prop::sample::select(vec![CONTINUATION, TEXT, BINARY, 0x8, 0x9, 0xa]);
    (opcode, prop::bool::weighted(0.7))
        .prop_map(|(opcode, fin)| if fin || opcode >= 0x8 { FIN | opcode } else { opcode })
}

/// A client's frames of `message`, cut at these places, with a ping after each but the last.
fn fragments(message: &Message, cuts: &[Index]) -> Vec<u8> {
    let payload = message.as_bytes();
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
    ends.sort_unstable();
    let mut bytes = Vec::new();
    let mut start = 0;
    let mut opcode = if message.is_text() { TEXT } else { BINARY };
    for end in ends {
        bytes.extend(frame(opcode, &payload[start..end]));
        bytes.extend(frame(PING, "ping"));
        start = end;
        opcode = CONTINUATION;
    }
    bytes.extend(frame(FIN | opcode, &payload[start..]));
    bytes
}

/// A server's frames as a client would have sent them.
fn in_transit(sent: Vec<Sent>) -> Vec<u8> {
    sent.into_iter().flat_map(|(first, payload)| frame(first, payload)).collect()
}

/// Receives `bytes` in reads of these sizes, over and over.
fn receive_in(session: &mut Session, bytes: &[u8], reads: &[usize]) -> Vec<Event> {
    let mut rest = bytes;
    let mut events = Vec::new();
    for size in reads.iter().cycle() {
        let (read, after) = rest.split_at(rest.len().min(*size));
        events.extend(session.receive(read));
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    events
}
