//! RFC 6455 §5.7: its examples, byte for byte. Those that are unmasked are a server's.

use aerys_proto::{CloseCode, Config, Event, Message};

use crate::client::{CONTINUATION, FIN, PONG, Session, TEXT, outcome, text};

#[test]
fn a_single_frame_unmasked_text_message() {
    let bytes = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(written(Config::default(), Message::text("Hello")), bytes);
    let outcome = outcome(&Config::default(), &bytes);
    outcome.assert_refused(CloseCode::PROTOCOL, &[], "a client must mask");
}

#[test]
fn a_single_frame_masked_text_message() {
    let bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(outcome(&Config::default(), &bytes).events, [text("Hello")]);
}

#[test]
fn a_fragmented_unmasked_text_message() {
    let bytes = [&[0x01, 0x03, 0x48, 0x65, 0x6c][..], &[0x80, 0x02, 0x6c, 0x6f]].concat();
    let config = Config { auto_frame_size: 3, ..Config::default() };
    assert_eq!(written(config.clone(), Message::text("Hello")), bytes);
    let mut session = Session::new(config);
    session.connection.send(Message::text("Hello")).expect("it is idle");
    let frames = [(TEXT, b"Hel".to_vec()), (FIN | CONTINUATION, b"lo".to_vec())];
    assert_eq!(session.transmit(), frames);
}

#[test]
fn a_masked_ping_request_and_its_response() {
    // The RFC has the ping unmasked and its masked response; here the client is the one that asks.
    let ping = [0x89, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    let outcome = outcome(&Config::default(), &ping);
    assert_eq!(outcome.sent, [(PONG, b"Hello".to_vec())]);
    // A client's response to a ping that it was never sent is ignored.
    let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(Session::new(Config::default()).receive(pong), []);
}

#[test]
fn a_binary_message_of_256_bytes_in_a_single_frame() {
    let bytes = written(Config::default(), Message::binary(vec![7; 256]));
    assert_eq!(bytes[..4], [0x82, 0x7e, 0x01, 0x00]);
    assert_eq!(bytes[4..], [7; 256]);
}

#[test]
fn a_binary_message_of_64_kib_in_a_single_frame() {
    let config = Config { auto_frame_size: 1 << 16, ..Config::default() };
    let bytes = written(config, Message::binary(vec![7; 1 << 16]));
    assert_eq!(bytes[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!(bytes.len(), 10 + (1 << 16));
}

#[test]
fn the_same_lengths_arrive_from_a_client() {
    for (header, len) in
        [(&[0x82, 0xfe, 0x01, 0x00][..], 256), (&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0][..], 1 << 16)]
    {
        // A key of zeros leaves the payload as it is.
        let bytes = [header, &[0; 4], &vec![7; len]].concat();
        let events = Session::new(Config::default()).receive(bytes);
        assert_eq!(events, [Event::Message(Message::binary(vec![7; len]))]);
    }
}

fn written(config: Config, message: Message) -> Vec<u8> {
    let mut session = Session::new(config);
    session.connection.send(message).expect("it is idle");
    std::iter::from_fn(|| session.connection.poll_transmit())
        .flat_map(|frame| [frame.header(), frame.payload()].concat())
        .collect()
}
