//! What holds for all messages, parameters and ways to cut them.

use aerys_proto::{Config, Event, Message, deflate::Compression};
use proptest::{collection::vec, prelude::*, sample::Index};

use super::peer::{Peer, RSV1};
use crate::client::{BINARY, CONTINUATION, FIN, Session, TEXT, frame};

proptest! {
    #[test]
    fn compressed_messages_arrive_however_they_are_cut(
        messages in vec((message(), any::<Index>(), any::<bool>()), 1..6),
        reads in vec(1..300_usize, 1..20),
        takeover: bool,
        bits in 9..=15_u8,
    ) {
        let config = config(takeover, 15, 6);
        let offer = format!("permessage-deflate; client_max_window_bits={bits}");
        let mut session = Session::compressed(config, &offer);
        let mut peer = Peer::with_bits(bits, 15);
        for (message, cut, compressed) in messages {
            if !takeover {
                peer.forget_sent();
            }
            let rsv1 = if compressed { RSV1 } else { 0 };
            let payload = match compressed {
                true => peer.deflate(message.as_bytes()),
                false => message.as_bytes().to_vec(),
            };
            let opcode = if message.is_text() { TEXT } else { BINARY };
            let (front, back) = payload.split_at(cut.index(payload.len() + 1));
            let bytes = [frame(opcode | rsv1, front), frame(FIN | CONTINUATION, back)].concat();
            let mut events = Vec::new();
            let mut rest = &bytes[..];
            for size in reads.iter().cycle() {
                let (read, after) = rest.split_at(rest.len().min(*size));
                events.extend(session.receive(read));
                rest = after;
                if rest.is_empty() { break; }
            }
            prop_assert_eq!(events, [Event::Message(message)]);
        }
    }

    #[test]
    fn what_is_sent_can_be_read_by_another(
        messages in vec(message(), 1..8),
        takeover: bool,
        bits in 9..=15_u8,
        level in 0..=9_u32,
        auto_frame_size in 1..2000_usize,
    ) {
        let config = Config { auto_frame_size, ..config(takeover, bits, level) };
        let mut session = Session::compressed(config, "permessage-deflate");
        let mut peer = Peer::with_bits(15, bits);
        for message in messages {
            session.connection.send(message.clone()).unwrap();
            let frames = session.transmit();
            if !takeover {
                peer = Peer::with_bits(15, bits);
            }
            prop_assert_eq!(peer.read(&frames), message.as_bytes());
        }
    }
}

fn config(takeover: bool, bits: u8, level: u32) -> Config {
    let compression = Compression::new()
        .threshold(0)
        .level(level)
        .server_max_window_bits(bits)
        .server_context_takeover(takeover)
        .client_context_takeover(takeover);
    Config { compression: Some(compression), ..Config::default() }
}

/// Some that can be compressed and some that cannot, shorter and longer than a small window.
fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        ".{0,200}".prop_map(Message::text),
        (".{0,40}", 1..100_usize).prop_map(|(text, times)| Message::text(text.repeat(times))),
        vec(any::<u8>(), 0..3000).prop_map(Message::from),
        (vec(0..4_u8, 0..3000), 1..10_usize).prop_map(|(bytes, times)| bytes.repeat(times).into()),
    ]
}
