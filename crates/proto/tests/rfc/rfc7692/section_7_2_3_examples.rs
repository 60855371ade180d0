//! §7.2.3: the RFC's own examples, byte by byte.

use aerys_proto::{Config, Message};

use super::{peer::RSV1, takeover};
use crate::client::{CONTINUATION, FIN, Session, TEXT, frame, text};

#[track_caller]
fn assert_hello(frames: &[(u8, &[u8])]) {
    let bytes: Vec<u8> =
        frames.iter().flat_map(|(first, payload)| frame(*first, payload)).collect();
    for size in 1..=bytes.len() {
        let mut session = Session::compressed(takeover(), "permessage-deflate");
        let events: Vec<_> = bytes.chunks(size).flat_map(|read| session.receive(read)).collect();
        assert_eq!(events, [text("Hello")], "in reads of {size}");
    }
}

#[test]
fn a_message_in_one_compressed_block() {
    assert_hello(&[(0xc1, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])]);
    assert_hello(&[(0x41, &[0xf2, 0x48, 0xcd]), (0x80, &[0xc9, 0xc9, 0x07, 0x00])]);
}

#[test]
fn a_window_that_is_shared_by_two_messages() {
    let mut session = Session::compressed(takeover(), "permessage-deflate");
    let first = frame(0xc1, [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    let second = frame(0xc1, [0xf2, 0x00, 0x11, 0x00, 0x00]);
    assert_eq!(session.receive([first, second].concat()), [text("Hello"), text("Hello")]);
}

#[test]
fn a_block_without_compression() {
    assert_hello(&[(0xc1, &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00])]);
}

#[test]
fn a_final_block() {
    assert_hello(&[(0xc1, &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00])]);
    // Some leave the last byte out.
    assert_hello(&[(0xc1, &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])]);
}

#[test]
fn what_follows_a_final_block_is_read() {
    let final_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    for offer in ["permessage-deflate", "permessage-deflate; client_max_window_bits=10"] {
        let mut session = Session::compressed(takeover(), offer);
        let twice = [&final_block[..], &final_block].concat();
        let frames = [
            frame(FIN | TEXT | RSV1, twice),
            frame(TEXT | RSV1, final_block),
            frame(FIN | CONTINUATION, ""),
            frame(FIN | TEXT | RSV1, final_block),
        ];
        let events = session.receive(frames.concat());
        assert_eq!(events, [text("HelloHello"), text("Hello"), text("Hello")]);
    }
}

#[test]
fn two_blocks() {
    assert_hello(&[(
        0xc1,
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
    )]);
}

#[test]
fn an_empty_message() {
    let mut session = Session::compressed(takeover(), "permessage-deflate");
    let frames = [frame(0xc1, [0x00]), frame(0x41, ""), frame(FIN | CONTINUATION, [0x00])];
    assert_eq!(session.receive(frames.concat()), [text(""), text("")]);
}

#[test]
fn what_is_sent_looks_like_the_examples() {
    let mut session = Session::compressed(takeover(), "permessage-deflate");
    session.connection.send(Message::text("Hello")).unwrap();
    assert_eq!(session.transmit(), [(0xc1, vec![0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])]);
    session.connection.send(Message::text("Hello")).unwrap();
    assert_eq!(session.transmit(), [(0xc1, vec![0xf2, 0x00, 0x11, 0x00, 0x00])]);

    let config = Config { auto_frame_size: 3, ..takeover() };
    let mut session = Session::compressed(config, "permessage-deflate");
    session.connection.send(Message::text("Hello")).unwrap();
    let fragments =
        [(0x41, vec![0xf2, 0x48, 0xcd]), (0x00, vec![0xc9, 0xc9, 0x07]), (0x80, vec![0x00])];
    assert_eq!(session.transmit(), fragments);
}
