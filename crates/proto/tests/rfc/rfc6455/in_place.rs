//! Payloads that are read to where they belong: RFC 6455 §5.6.

use std::time::Duration;

use aerys_proto::{CloseCode, Config, Event};
use bytes::BufMut;
use proptest::{collection::vec, prelude::*};

use crate::client::{
    BINARY, CLOSE, CONTINUATION, FIN, PING, Session, TEXT, close_payload, frame, header, text,
};

#[test]
fn there_is_room_for_what_has_begun_to_arrive_of_a_message_and_for_nothing_else() {
    let long = |first| frame(first, "x".repeat(200));
    let half = |first| long(first)[..100].to_vec();
    let rows: [(&str, Vec<u8>, usize); 10] = [
        ("nothing has come", vec![], 0),
        ("a message that is whole", long(FIN | TEXT), 0),
        ("a header that is not complete", header(FIN | TEXT, 200)[..7].to_vec(), 0),
        ("a header alone", header(FIN | TEXT, 200), 0),
        ("a part of a text", half(FIN | TEXT), 92),
        ("a part of a first fragment", half(BINARY), 92),
        ("most of a message", long(FIN | BINARY)[..200].to_vec(), 8),
        ("between fragments", long(TEXT), 0),
        ("a part of a last fragment", [long(TEXT), half(FIN | CONTINUATION)].concat(), 108),
        ("a part of a ping", [long(TEXT), frame(PING, "ping")[..8].to_vec()].concat(), 0),
    ];
    for (row, bytes, room) in rows {
        let mut session = Session::new(Config::default());
        session.receive(&bytes);
        assert_eq!(session.connection.room(), room, "{row}");
        let called = session.connection.receive_in_place(session.now, |_| ());
        assert_eq!(called, (room > 0).then_some(((), None)), "{row}");
        session.connection.close(CloseCode::NORMAL.into(), session.now);
        assert_eq!(session.connection.room(), 0, "{row}, and then it is closed");
        session.connection.receive_end();
        assert_eq!(session.connection.room(), 0, "{row}, and then it ends");
    }
}

#[test]
fn what_arrives_of_a_message_is_told_until_it_is_whole() {
    let long = |first| frame(first, "x".repeat(200));
    let mut session = Session::new(Config::default());
    let pieces = [
        (header(FIN | TEXT, 200), 0),
        (long(FIN | TEXT)[8..108].to_vec(), 100),
        (long(FIN | TEXT)[108..].to_vec(), 0),
        (long(BINARY), 200),
        (frame(PING, "ping"), 200),
        (frame(CONTINUATION, "five!"), 205),
        (frame(FIN | CONTINUATION, ""), 0),
    ];
    for (piece, arriving) in pieces {
        session.receive(&piece);
        assert_eq!(session.connection.arriving(), arriving, "after {} bytes", piece.len());
    }
    session.receive(long(TEXT));
    session.connection.close(CloseCode::NORMAL.into(), session.now);
    assert_eq!(session.connection.arriving(), 0);
}

#[test]
fn compressed_payloads_have_no_room() {
    let mut session = Session::compressed(Config::default(), "permessage-deflate");
    session.receive(&frame(FIN | 0x40 | TEXT, "not deflate, but that is not known yet")[..9]);
    assert_eq!(session.connection.room(), 0);
}

#[test]
fn what_is_put_in_place_counts_as_heard_and_nothing_does_not() {
    let second = Duration::from_secs(1);
    let mut session = Session::new(Config::default());
    session.receive(&frame(FIN | TEXT, "some text")[..10]);
    let ping_in = session.wakes_in();
    session.now += second;
    assert_eq!(session.connection.receive_in_place(session.now, |_| ()), Some(((), None)));
    assert_eq!(session.wakes_in(), ping_in.map(|due| due - second));
    let bytes = frame(FIN | TEXT, "some text");
    let received =
        session.connection.receive_in_place(session.now, |room| room.put_slice(&bytes[10..12]));
    assert_eq!(received, Some(((), None)));
    assert_eq!(session.wakes_in(), ping_in);
    assert_eq!(session.connection.traffic().read.messages, 0);
    assert_eq!(session.receive(&bytes[12..]), [text("some text")]);
    assert_eq!(session.connection.traffic().read.messages, 1);
}

#[test]
fn a_text_is_checked_as_it_is_put_in_place() {
    let bytes = frame(FIN | TEXT, [&b"fine, until here: "[..], b"\xe2\x82", b"and on"].concat());
    // 6 of header, 18 of text, 2 of a character.
    for (from, refused) in [(16, 27), (24, 27), (25, 27), (26, 27)] {
        let mut session = Session::new(Config::default());
        assert_eq!(session.receive(&bytes[..from]), []);
        for (at, &byte) in bytes.iter().enumerate().take(refused).skip(from) {
            let put = |room: &mut dyn BufMut| room.put_u8(byte);
            let (_, event) = session.connection.receive_in_place(session.now, put).expect("room");
            assert_eq!(event.is_some(), at + 1 == refused, "{at}");
            if let Some(Event::Closed(close)) = event {
                assert_eq!(close.code, CloseCode::INVALID);
            }
        }
        assert!(session.connection.is_draining());
        assert_eq!(session.connection.room(), 0);
    }
}

proptest! {
    #[test]
    fn it_changes_nothing_what_is_put_in_place(
        frames in vec(any_frame(), 1..8),
        reads in vec((1..300_usize, any::<bool>()), 1..20),
        is_small: bool,
        deflates: bool,
    ) {
        same(&frames.concat(), &reads, is_small, deflates)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn large_messages_come_to_the_same(
        frames in vec(large_frame(), 1..4),
        reads in vec((1..100_000_usize, prop::bool::weighted(0.7)), 1..10),
    ) {
        same(&frames.concat(), &reads, false, false)?;
    }
}

/// Asserts that `bytes` come to the same in these reads whether or not some go in place where there
/// is room; and in one read, but for what is compressed: of several faults it may show another first.
fn same(
    bytes: &[u8],
    reads: &[(usize, bool)],
    is_small: bool,
    deflates: bool,
) -> Result<(), TestCaseError> {
    let session = || {
        let max_msg_size = if is_small { 400 } else { 10 << 20 };
        let config = Config { max_msg_size, ..Config::default() };
        match deflates {
            true => Session::compressed(config, "permessage-deflate"),
            false => Session::new(config),
        }
    };
    let (mut copied, mut mixed) = (session(), session());
    let (mut expected, mut events) = (Vec::new(), Vec::new());
    let mut rest = bytes;
    for (size, in_place) in reads.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let room = mixed.connection.room();
        let size = rest.len().min(*size).min(if *in_place && room > 0 { room } else { usize::MAX });
        let (read, after) = rest.split_at(size);
        rest = after;
        expected.extend(copied.receive(read));
        if *in_place && room > 0 {
            let put = |given: &mut dyn BufMut| {
                assert_eq!(given.remaining_mut(), room);
                given.put_slice(read);
            };
            let received = mixed.connection.receive_in_place(mixed.now, put);
            events.extend(received.expect("there is room").1);
        } else {
            events.extend(mixed.receive(read));
        }
    }
    prop_assert!(events == expected, "{events:.200?} instead of {expected:.200?}");
    let answers = mixed.transmit();
    prop_assert_eq!(&answers, &copied.transmit());
    prop_assert_eq!(mixed.connection.traffic(), copied.connection.traffic());
    if !deflates {
        let mut at_once = session();
        let expected = at_once.receive(bytes);
        prop_assert!(events == expected, "{events:.200?} instead of {expected:.200?}");
        prop_assert_eq!(answers, at_once.transmit());
        prop_assert_eq!(mixed.connection.traffic(), at_once.connection.traffic());
    }
    Ok(())
}

/// Of messages, whole and in fragments, of control frames, and of what is against some rule.
pub(super) fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop::sample::select(vec![FIN | TEXT, FIN | BINARY]);
    let rest = prop::sample::select(vec![TEXT, BINARY, CONTINUATION, FIN | CONTINUATION]);
    let deflated = prop::sample::select(vec![0x40 | FIN | TEXT, 0x40 | BINARY]);
    prop_oneof![
        4 => (whole.clone(), ".{0,200}").prop_map(|(first, payload)| frame(first, payload)),
        2 => (".{0,100}", ".{0,100}").prop_map(|(front, back)| {
            [frame(TEXT, front), frame(PING, "ping"), frame(FIN | CONTINUATION, back)].concat()
        }),
        1 => (whole, vec(any::<u8>(), 0..300)).prop_map(|(first, payload)| frame(first, payload)),
        1 => (rest, ".{0,60}").prop_map(|(first, payload)| frame(first, payload)),
        1 => (deflated, vec(any::<u8>(), 0..60)).prop_map(|(first, payload)| frame(first, payload)),
        1 => Just(frame(PING, "ping")),
        1 => Just(frame(CLOSE, close_payload(1000, "bye"))),
    ]
}

/// Of texts of up to 300,000 bytes, of which few are not UTF-8.
fn large_frame() -> impl Strategy<Value = Vec<u8>> {
    (1..60_000_usize, "[aé€😀]{1,9}", prop::option::weighted(0.2, any::<prop::sample::Index>()))
        .prop_flat_map(|(times, text, broken)| {
            let mut payload = text.repeat(times.min(300_000 / text.len())).into_bytes();
            if let Some(at) = broken {
                let at = at.index(payload.len());
                payload[at] ^= 0x80;
            }
            any::<prop::sample::Index>().prop_map(move |cut| {
                let (front, back) = payload.split_at(cut.index(payload.len()));
                match front.len() % 2 {
                    0 => frame(FIN | TEXT, &payload),
                    _ => [frame(TEXT, front), frame(PING, ""), frame(FIN | CONTINUATION, back)]
                        .concat(),
                }
            })
        })
}
