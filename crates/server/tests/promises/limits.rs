//! What the options allow of a client's messages, and what comes of more.

use aerys::{Accepted, Client, Failure, Handshake, Message, Options, Refusal, Websocket};

use crate::common::{Echo, Raw, frame, serve_with};

/// One message in several frames.
fn fragments(opcode: u8, payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, payload) in payloads.iter().enumerate() {
        let mut fragment = frame(if index == 0 { opcode } else { 0 }, payload);
        if index + 1 < payloads.len() {
            fragment[0] &= 0x7F;
        }
        bytes.extend(fragment);
    }
    bytes
}

/// The options, what is fine and its echo, what is not, and the code.
type Case<'a> = (Options, Vec<u8>, &'a [u8], Vec<u8>, u16);

#[tokio::test]
async fn what_is_within_a_limit_is_echoed_and_what_is_not_closes_with_its_code() {
    let bytes = [b'x'; 1001];
    let (full, over) = (&bytes[..1000], &bytes[..]);
    let small_frames = || Options::new().max_frame_size(1000);
    let small_messages = || Options::new().max_msg_size(1000);
    let text_only = || Options::new().text_only(true);
    let cases: Vec<Case<'_>> = vec![
        (small_frames(), frame(2, full), full, frame(2, over), 1009),
        (small_frames(), frame(1, full), full, frame(1, over), 1009),
        (small_frames(), fragments(2, &[full, b"x"]), over, fragments(2, &[b"x", over]), 1009),
        (small_messages(), frame(2, full), full, frame(2, over), 1009),
        (
            small_messages(),
            fragments(2, &[&full[..500], b"", &full[500..]]),
            full,
            fragments(2, &[&full[..500], b"", &over[500..]]),
            1009,
        ),
        (text_only(), frame(1, b"text"), b"text", frame(2, b"text"), 1003),
        (text_only(), fragments(1, &[b"te", b"xt"]), b"text", fragments(2, &[b"te", b"xt"]), 1003),
        (
            Options::new(),
            frame(1, "né€😀".as_bytes()),
            "né€😀".as_bytes(),
            frame(1, b"n\xE9"),
            1007,
        ),
        (Options::new(), frame(2, b"\xFF"), b"\xFF", frame(1, b"\xED\xA0\x80"), 1007),
        (
            Options::new(),
            fragments(1, &[b"\xE2", b"\x82\xAC"]),
            "€".as_bytes(),
            fragments(1, &[b"\xE2\x82", b""]),
            1007,
        ),
    ];
    for (number, (options, fine, echo, broken, code)) in cases.into_iter().enumerate() {
        let server = serve_with(Echo { waits: true }, options).await;
        let mut raw = Raw::open(&server).await;
        for _ in 0..2 {
            raw.write(&fine).await;
            let (first, payload) = raw.frame().await;
            assert_eq!(first, 0x80 | fine[0] & 0x0F, "case {number}");
            assert!(payload == echo, "case {number}");
        }
        raw.write(broken).await;
        assert_eq!(raw.hear_close().await.0, code, "case {number}");
        raw.write(frame(8, &[])).await;
        assert_eq!(raw.rest().await, b"");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_frame_that_only_claims_too_much_is_refused_at_its_header() {
    let server = serve_with(Echo { waits: true }, Options::new().max_frame_size(1000)).await;
    let mut raw = Raw::open(&server).await;
    raw.write(&frame(2, &[0; 1001])[..8]).await;
    assert_eq!(raw.hear_close().await.0, 1009);
    drop(raw);
    server.stop().await;
}

/// Says whether it could read a message as text, and relays it.
struct Reader;

impl Websocket for Reader {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(format!("{} {:?}", message.is_text(), message.as_text())).await?;
        client.send(message).await?;
        Ok(())
    }
}

#[tokio::test]
async fn text_that_is_not_validated_is_checked_where_it_is_read_and_relayed_as_what_it_is() {
    let server = serve_with(Reader, Options::new().validate_utf8(false)).await;
    let mut raw = Raw::open(&server).await;
    // The message, what the application makes of it, and the opcode that it is relayed with.
    let cases: [(Vec<u8>, &str, u8); 4] = [
        (frame(1, b"fine"), "true Some(\"fine\")", 0x81),
        (frame(1, b"n\xE9"), "true None", 0x82),
        (fragments(1, &[b"\xE2", b"\x82\xAC"]), "true Some(\"€\")", 0x81),
        (frame(2, b"fine"), "false None", 0x82),
    ];
    for (message, reading, opcode) in cases {
        raw.write(message).await;
        assert_eq!(raw.frame().await, (0x81, reading.as_bytes().to_vec()));
        assert_eq!(raw.frame().await.0, opcode, "{reading}");
    }
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_long_message_is_sent_in_frames_of_the_size_asked_for() {
    let server = serve_with(Echo { waits: true }, Options::new().auto_frame_size(1000)).await;
    let mut raw = Raw::open(&server).await;
    for (len, lens) in [(0, &[0][..]), (1000, &[1000]), (1001, &[1000, 1]), (3000, &[1000; 3])] {
        let message: Vec<u8> = (0..len).map(|number| b'a' + (number % 23) as u8).collect();
        raw.write(frame(1, &message)).await;
        let mut heard = Vec::new();
        for (index, len) in lens.iter().enumerate() {
            let fin = if index + 1 == lens.len() { 0x80 } else { 0 };
            let (first, payload) = raw.frame().await;
            assert_eq!(first, fin | u8::from(index == 0));
            assert_eq!(payload.len(), *len);
            heard.extend(payload);
        }
        assert!(heard == message);
    }
    drop(raw);
    server.stop().await;
}

/// Answers each message with one that the kernel does not take at once.
struct Generous;

impl Websocket for Generous {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, _: Message) -> Result<(), Failure> {
        client.send(vec![7; 64 << 20]).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_ping_is_answered_between_the_frames_of_a_message() {
    let server = serve_with(Generous, Options::new()).await;
    let mut raw = Raw::open(&server).await;
    raw.write(frame(1, b"go")).await;
    assert_eq!(raw.frame().await.0, 0x02);
    raw.write(frame(9, b"?")).await;
    let (mut pongs, mut len) = (0, 32 << 10);
    loop {
        let (first, payload) = raw.frame().await;
        if first == 0x8A {
            assert_eq!(payload, b"?");
            pongs += 1;
            continue;
        }
        assert_eq!(first & 0x7F, 0);
        len += payload.len();
        if first & 0x80 != 0 {
            break;
        }
    }
    assert_eq!((pongs, len), (1, 64 << 20));
    drop(raw);
    server.stop().await;
}
