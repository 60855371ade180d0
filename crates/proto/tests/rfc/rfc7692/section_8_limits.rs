//! §8: what a client may cost.

use aerys_proto::{CloseCode, Config, Event, Message};

use super::{
    no_takeover,
    peer::{Peer, RSV1, deflate},
    takeover,
};
use crate::client::{BINARY, CONTINUATION, FIN, Session, TEXT, frame, header};

const OFFER: &str = "permessage-deflate";

/// DEFLATE of very many zeros: the same block of them over and over.
fn bomb(len: usize) -> Vec<u8> {
    let mut peer = Peer::new();
    let zeros = vec![0; 1 << 20];
    let mut block = peer.deflate(&zeros);
    block.extend([0, 0, 0xff, 0xff]);
    peer.forget_sent();
    block.repeat(len.div_ceil(block.len()))
}

#[test]
fn a_bomb_is_refused_at_the_limit_and_not_after_it() {
    let max_msg_size = 10 << 20;
    let bytes = frame(FIN | BINARY | RSV1, bomb(1 << 20));
    for (name, config) in [("lent", no_takeover()), ("own", takeover())] {
        let config = Config { max_msg_size, ..config };
        let mut session = Session::compressed(config, OFFER);
        let mut taken = 0;
        let events = bytes.chunks(1024).find_map(|read| {
            taken += read.len();
            Some(session.receive(read)).filter(|events| !events.is_empty())
        });
        let Some([Event::Closed(close)]) = events.as_deref() else { panic!("{name}: {events:?}") };
        assert_eq!(close.code, CloseCode::TOO_BIG, "{name}: {close}");
        // A thousandth of what it becomes, and a read.
        assert!(taken <= max_msg_size / 1000 + 2 * 1024, "{name}: noticed after {taken} bytes");
    }
}

#[test]
fn the_limit_is_for_what_is_decompressed() {
    let config = Config { max_msg_size: 50_000, max_frame_size: 200, ..no_takeover() };
    for (len, fits) in [(50_000, true), (50_001, false)] {
        for cut in [0, 1, 30] {
            let payload = deflate(vec![7; len]);
            let frames =
                [frame(BINARY | RSV1, &payload[..cut]), frame(FIN | CONTINUATION, &payload[cut..])];
            let mut session = Session::compressed(config.clone(), OFFER);
            let events = session.receive(frames.concat());
            let message = Event::Message(Message::binary(vec![7; len]));
            assert_eq!(events == [message], fits, "{len} bytes cut at {cut}");
            assert_eq!(session.connection.is_open(), fits);
        }
    }
}

#[test]
fn a_frame_has_its_limit_as_it_is_on_the_wire() {
    let config = Config { max_frame_size: 100, ..no_takeover() };
    let mut session = Session::compressed(config, OFFER);
    let events = session.receive(header(FIN | BINARY | RSV1, 101));
    let [Event::Closed(close)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(close.code, CloseCode::TOO_BIG);
}

/// What comes of `bytes`, read in pieces of `size`, where each step may do so much work.
fn in_steps(config: &Config, bytes: &[u8], size: usize, most: usize) -> (Vec<Event>, usize) {
    let mut session = Session::compressed(config.clone(), OFFER);
    let (mut events, mut steps) = (Vec::new(), 0);
    for piece in bytes.chunks(size) {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        while !input.is_empty() || session.connection.is_behind() {
            let (mut work, arrived) = (most, session.connection.arriving());
            events.extend(session.connection.receive_some(&mut input, session.now, &mut work));
            let grown = session.connection.arriving().saturating_sub(arrived);
            assert!(grown <= most.saturating_add(CHUNK), "{grown} bytes of {most}");
            steps += 1;
        }
    }
    (events, steps)
}

/// What is decompressed in one go.
const CHUNK: usize = 16 * 1024;

#[test]
fn however_little_is_done_at_a_time_the_same_comes_of_it() {
    let last = deflate("last");
    let zeros = deflate(vec![0; 3 << 20]);
    let noise: Vec<u8> = (0..100_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    let noise_deflated = deflate(&noise);
    let (half, rest) = noise_deflated.split_at(noise_deflated.len() / 2);
    // A final block, behind which there is another.
    let bytes = [
        frame(FIN | BINARY | RSV1, &zeros),
        frame(BINARY | RSV1, half),
        frame(0x80 | 0x9, "ping"),
        frame(CONTINUATION, []),
        frame(FIN | CONTINUATION, rest),
        frame(BINARY | RSV1, &zeros),
        frame(FIN | CONTINUATION, []),
        frame(FIN | BINARY | RSV1, [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]),
        frame(FIN | BINARY | RSV1, last),
    ]
    .concat();
    let message = |payload: Vec<u8>| Event::Message(Message::binary(payload));
    let zeros = || message(vec![0; 3 << 20]);
    let [hello, last] = ["Hello", "last"].map(|it| message(it.into()));
    let events = [zeros(), message(noise), zeros(), hello, last];
    for config in [no_takeover(), takeover()] {
        for (size, most) in [(usize::MAX, usize::MAX), (CHUNK, 32 * 1024), (977, 1), (1, 40_000)] {
            let (came, steps) = in_steps(&config, &bytes, size.min(bytes.len()), most);
            assert!(came == events, "in pieces of {size}, {most} at a time: {} events", came.len());
            assert!(steps >= (6 << 20) / most.max(CHUNK), "{steps} steps");
        }
    }
}

#[test]
fn a_large_text_is_checked_wherever_its_sequences_are_cut() {
    for text in ["aé€😀", "😀", "€"].map(|text| text.repeat((3 << 20) / text.len())) {
        let mut wrong = text.clone().into_bytes();
        wrong.pop();
        for config in [no_takeover(), takeover()] {
            let bytes = frame(FIN | TEXT | RSV1, deflate(&text));
            let (events, _) = in_steps(&config, &bytes, CHUNK, 32 * 1024);
            assert!(events == [Event::Message(Message::text(text.clone()))]);
            let bytes = frame(FIN | TEXT | RSV1, deflate(&wrong));
            let (events, _) = in_steps(&config, &bytes, CHUNK, 32 * 1024);
            let [Event::Closed(close)] = &events[..] else { panic!("{} events", events.len()) };
            assert_eq!(close.code, CloseCode::INVALID);
        }
    }
}

#[test]
fn frames_are_work_too() {
    let most = 64 * 100;
    for (what, bytes) in [
        ("messages", frame(FIN | BINARY, []).repeat(1000)),
        ("pings", frame(0x80 | 0x9, []).repeat(1000)),
        ("fragments", [frame(BINARY, []), frame(CONTINUATION, []).repeat(999)].concat()),
    ] {
        let mut session = Session::compressed(no_takeover(), OFFER);
        let (mut bytes, mut work) = (bytes, most);
        let mut input = &mut bytes[..];
        while work > 0 {
            session.connection.receive_some(&mut input, session.now, &mut work);
        }
        assert_eq!(session.connection.traffic().read.frames, 100, "{what}");
        assert_eq!(input.len(), 900 * frame(0x80 | 0x9, []).len(), "{what}");
    }
}

#[test]
fn no_decompressor_is_borrowed_for_what_is_too_little() {
    let payload = deflate((0..20_000_u32).flat_map(u32::to_be_bytes).collect::<Vec<_>>());
    for (arrived, most) in [(1, 600), (100, 800), (4000, 9000)] {
        let mut session = Session::compressed(no_takeover(), OFFER);
        session.receive(frame(BINARY | RSV1, &payload[..arrived]));
        assert!(session.connection.is_within_message());
        let memory = session.connection.arriving_memory();
        assert!((arrived..most).contains(&memory), "{memory} for {arrived} bytes");
        // It can be decompressed all the same.
        let events = session.receive(frame(FIN | CONTINUATION, &payload[arrived..]));
        assert!(matches!(&events[..], [Event::Message(message)] if message.len() == 80_000));
        assert_eq!(session.connection.arriving_memory(), 0);
    }
}

#[test]
fn blocks_of_nothing_are_work_too() {
    // Final and empty, each of them.
    let bytes = frame(FIN | BINARY | RSV1, [0x03, 0x00].repeat(8000));
    let (events, steps) = in_steps(&no_takeover(), &bytes, bytes.len(), 32 * 1024);
    assert_eq!(events, [Event::Message(Message::binary(""))]);
    assert!(steps >= 15, "{steps} steps");
}
