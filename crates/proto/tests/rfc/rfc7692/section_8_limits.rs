//! §8: what a client may cost.

use aerys_proto::{CloseCode, Config, Event, Message};

use super::{
    no_takeover,
    peer::{Peer, RSV1, deflate},
    takeover,
};
use crate::client::{BINARY, CONTINUATION, FIN, Session, frame, header};

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
