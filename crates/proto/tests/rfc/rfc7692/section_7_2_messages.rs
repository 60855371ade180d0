//! §7.2: what becomes of messages.

use aerys_proto::{CloseCode, Config, Event, Message, deflate::Compression};

use super::{
    no_takeover,
    peer::{Peer, RSV1, deflate, noise},
    takeover,
};
use crate::client::{BINARY, CONTINUATION, FIN, PING, PONG, Session, TEXT, frame, text};

const OFFER: &str = "permessage-deflate";

fn words() -> String {
    "so much text that it is worth the work. ".repeat(50)
}

#[test]
fn messages_below_the_threshold_go_plain() {
    let compression = Compression::new().threshold(100);
    let config = Config { compression: Some(compression), ..Config::default() };
    let mut session = Session::compressed(config, OFFER);
    for (len, first) in [(0, FIN | TEXT), (99, FIN | TEXT), (100, FIN | TEXT | RSV1)] {
        session.connection.send(Message::text("x".repeat(len))).unwrap();
        assert_eq!(session.transmit()[0].0, first, "{len} bytes");
    }
}

#[test]
fn what_would_become_longer_goes_plain() {
    let mut session = Session::compressed(no_takeover(), OFFER);
    for payload in [vec![b'x'], noise(100_000)] {
        session.connection.send(Message::binary(payload.clone())).unwrap();
        let frames = session.transmit();
        assert_eq!(frames[0].0 & RSV1, 0);
        assert_eq!(Peer::new().read(&frames), payload);
    }
}

/// The compressor that gave up on one message is lent for the next.
#[test]
fn what_was_given_up_does_not_hurt_what_comes_after() {
    for len in [16_370, 16_376, 16_378, 16_380, 32_740, 32_764, 65_530, 200_000] {
        let noise = noise(len);
        for (level, bits) in [(0, 15), (1, 15), (6, 9), (6, 12), (6, 15), (9, 9), (9, 15)] {
            let compression = Compression::new().level(level).server_max_window_bits(bits);
            let config = Config { compression: Some(compression), ..Config::default() };
            let mut session = Session::compressed(config, OFFER);
            for _ in 0..8 {
                session.connection.send(Message::binary(noise.clone())).unwrap();
                assert_eq!(Peer::new().read(&session.transmit()), noise);
            }
            session.connection.send(Message::text(words())).unwrap();
            assert_eq!(Peer::new().read(&session.transmit()), words().as_bytes());
        }
    }
}

#[test]
fn without_takeover_each_message_stands_by_itself() {
    let mut session = Session::compressed(no_takeover(), OFFER);
    let mut sizes = Vec::new();
    for _ in 0..3 {
        session.connection.send(Message::text(words())).unwrap();
        let frames = session.transmit();
        assert_eq!(Peer::new().read(&frames), words().as_bytes());
        sizes.push(frames[0].1.len());
    }
    assert!(sizes[0] < 100 && sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");

    let bytes = frame(FIN | TEXT | RSV1, deflate(words()));
    assert_eq!(session.receive(bytes.repeat(2)), [text(&words()), text(&words())]);
}

#[test]
fn with_takeover_a_message_refers_to_those_before_it() {
    let mut session = Session::compressed(takeover(), OFFER);
    let mut peer = Peer::new();
    let mut sizes = Vec::new();
    for _ in 0..2 {
        session.connection.send(Message::text(words())).unwrap();
        let frames = session.transmit();
        assert_eq!(peer.read(&frames), words().as_bytes());
        sizes.push(frames[0].1.len());

        let bytes = frame(FIN | TEXT | RSV1, peer.deflate(words().as_bytes()));
        assert_eq!(session.receive(bytes), [text(&words())]);
    }
    assert!(sizes[1] < sizes[0] / 2, "{sizes:?}");
}

#[test]
fn a_message_for_many_is_compressed_once() {
    let message = Message::text(words()).for_many(&no_takeover());
    let payload_of = |offer| {
        let mut session = Session::compressed(no_takeover(), offer);
        session.connection.send(message.clone()).unwrap();
        std::iter::from_fn(|| session.connection.poll_transmit()).next().unwrap().into_payload()
    };
    let narrow = "permessage-deflate; server_max_window_bits=9";
    let (first, second) = (payload_of(OFFER), payload_of(OFFER));
    assert_eq!(first.as_ptr(), second.as_ptr());
    assert_ne!(first.as_ptr(), payload_of(narrow).as_ptr());
    assert_eq!(payload_of(narrow).as_ptr(), payload_of(narrow).as_ptr());
    // One that keeps its own context, and one that has none, are not served from it.
    let mut alone = Session::compressed(takeover(), OFFER);
    alone.connection.send(message.clone()).unwrap();
    assert_eq!(Peer::new().read(&alone.transmit()), words().as_bytes());
    let mut plain = Session::new(no_takeover());
    plain.connection.send(message).unwrap();
    assert_eq!(plain.transmit(), [(FIN | TEXT, words().into_bytes())]);
}

#[test]
fn what_is_not_deflate_is_refused_with_1007() {
    for (rule, frames) in [
        ("a reserved kind of block", frame(FIN | BINARY | RSV1, [0x07])),
        ("a length and its complement differ", frame(FIN | BINARY | RSV1, [0, 1, 0, 1, 0])),
        ("a distance beyond the beginning", frame(FIN | TEXT | RSV1, [0xf2, 0, 0x11, 0, 0])),
        (
            "in a fragment",
            [frame(TEXT | RSV1, [0, 1]), frame(FIN | CONTINUATION, [0, 1, 0])].concat(),
        ),
    ] {
        let mut session = Session::compressed(takeover(), OFFER);
        let events = session.receive([frames, frame(FIN | TEXT, "more")].concat());
        let [Event::Closed(close)] = &events[..] else { panic!("{rule}: {events:?}") };
        assert_eq!(
            (close.code, &*close.reason),
            (CloseCode::INVALID, "compressed data is not DEFLATE")
        );
    }
}

#[test]
fn a_compressed_text_must_be_utf8() {
    for bytes in [&b"abc\xff"[..], b"\xe2\x82"] {
        let mut session = Session::compressed(no_takeover(), OFFER);
        let events = session.receive(frame(FIN | TEXT | RSV1, deflate(bytes)));
        let [Event::Closed(close)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(close.code, CloseCode::INVALID);
    }
    let euro = deflate("€".repeat(9_000));
    let mut session = Session::compressed(no_takeover(), OFFER);
    assert_eq!(session.receive(frame(FIN | TEXT | RSV1, euro)), [text(&"€".repeat(9_000))]);
}

/// Half of it can be made shorter, and the other not.
fn large() -> Vec<u8> {
    [vec![7; 1 << 20], noise(1 << 20)].concat()
}

#[test]
fn a_large_message_is_compressed_as_it_is_sent() {
    let message = Message::binary(large());
    for (name, config) in [("lent", no_takeover()), ("own", takeover())] {
        for auto_frame_size in [1000, 32 << 10, usize::MAX] {
            let config = Config { auto_frame_size, ..config.clone() };
            let for_many = message.clone().for_many(&config);
            for message in [message.clone(), for_many] {
                let mut session = Session::compressed(config.clone(), OFFER);
                let mut peer = Peer::new();
                for _ in 0..2 {
                    session.connection.send(message.clone()).unwrap();
                    let (mut frames, mut work) = (Vec::new(), 0);
                    while let Some(frame) = session.connection.poll_transmit() {
                        let compressed = session.connection.take_compressed();
                        assert!(compressed <= 64 << 10, "{name}: {compressed} for one frame");
                        assert!(frame.payload().len() <= auto_frame_size);
                        work += compressed;
                        frames.push((frame.header()[0], frame.into_payload().to_vec()));
                        let is_last = frames.last().unwrap().0 & FIN != 0;
                        assert_eq!(session.connection.is_sending(), !is_last);
                    }
                    assert!(work == message.len() || work == 0, "{name}: {work}");
                    assert_eq!(frames[0].0 & 0x7F, BINARY | RSV1);
                    assert!(frames[1..].iter().all(|frame| frame.0 & 0x7F == CONTINUATION));
                    let size: usize = frames.iter().map(|(_, payload)| payload.len()).sum();
                    assert!(size < (1 << 20) + (20 << 10), "{name}: {size}");
                    assert!(peer.read(&frames) == large(), "{name}, frames of {auto_frame_size}");
                    if name == "lent" {
                        peer = Peer::new();
                    }
                }
            }
        }
    }
}

#[test]
fn a_large_message_becomes_hardly_longer_though_only_its_beginning_was_worth_it() {
    let payload = [vec![7; 100], noise(4 << 20)].concat();
    for config in [no_takeover(), takeover()] {
        let mut session = Session::compressed(config, OFFER);
        session.connection.send(Message::binary(payload.clone())).unwrap();
        let frames = session.transmit();
        let size: usize = frames.iter().map(|(_, payload)| payload.len()).sum();
        let longer = size as isize - payload.len() as isize;
        assert!((1..4 << 10).contains(&longer), "{longer} bytes longer");
    }
}

#[test]
fn a_large_message_for_many_is_compressed_once() {
    let message = Message::binary(large()).for_many(&no_takeover());
    let offers = [OFFER, OFFER, "permessage-deflate; server_max_window_bits=9"];
    let mut sessions = offers.map(|offer| Session::compressed(no_takeover(), offer));
    let mut heard = [const { Vec::new() }; 3];
    for session in &mut sessions {
        session.connection.send(message.clone()).unwrap();
    }
    let mut work = [0; 3];
    // One is ahead of the others.
    for step in 0..1000 {
        for (index, session) in sessions.iter_mut().enumerate() {
            if (index > 0 && step < 20) || (index == 0 && step >= 20 && step % 3 > 0) {
                continue;
            }
            heard[index].extend(
                session
                    .connection
                    .poll_transmit()
                    .map(|frame| (frame.header()[0], frame.into_payload().to_vec())),
            );
            work[index] += session.connection.take_compressed();
        }
    }
    assert_eq!(work[0] + work[1], message.len());
    assert_eq!(work[2], message.len());
    for (index, frames) in heard.iter().enumerate() {
        assert!(Peer::new().read(frames) == large(), "{index}");
    }
}

#[test]
fn a_control_frame_goes_between_what_is_compressed() {
    let mut session = Session::compressed(no_takeover(), OFFER);
    session.connection.send(Message::binary(large())).unwrap();
    let mut frames = vec![session.connection.poll_transmit().unwrap()];
    session.receive(frame(PING, "now"));
    frames.extend(std::iter::from_fn(|| session.connection.poll_transmit()));
    let firsts: Vec<_> = frames.iter().map(|frame| frame.header()[0]).collect();
    assert_eq!(firsts[..3], [BINARY | RSV1, PONG, CONTINUATION]);
}
