//! What breaks the protocol is answered with a CLOSE that arrives, and then a clean end.

use std::future::pending;

use aerys::{Accepted, Client, Failure, Handshake, Message, Options, Refusal, Websocket};

use crate::common::{Echo, Lobby, PATIENCE, Raw, frame, serve};

#[tokio::test]
async fn a_violation_is_told_its_code_whatever_comes_behind_it() {
    let fragment = |opcode, payload: &[u8]| {
        let mut frame = frame(opcode, payload);
        frame[0] &= 0x7F;
        frame
    };
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("not masked", vec![0x81, 2, b'h', b'i'], 1002),
        ("a reserved bit", vec![0xC1, 0x80, 0, 0, 0, 0], 1002),
        ("a reserved data opcode", frame(3, b""), 1002),
        ("a reserved control opcode", frame(0xB, b""), 1002),
        ("a ping in fragments", fragment(9, b""), 1002),
        ("a close in fragments", fragment(8, b""), 1002),
        ("a ping of 126 bytes", frame(9, &[0; 126]), 1002),
        ("a length in too many bytes", vec![0x82, 0xFE, 0, 5, 0, 0, 0, 0], 1002),
        ("a continuation of nothing", frame(0, b"x"), 1002),
        ("a message within a message", [fragment(1, b"x"), frame(1, b"y")].concat(), 1002),
        ("a close with half a code", frame(8, b"x"), 1002),
        ("a close with a code nobody may send", frame(8, &1005_u16.to_be_bytes()), 1002),
        ("a close whose reason is no text", frame(8, b"\x03\xE8\xFF"), 1007),
        ("a text that is none", frame(1, b"\xFF"), 1007),
        ("a frame too big", frame(2, &[0; 2001])[..8].to_vec(), 1009),
    ];
    let options = Options::new().max_frame_size(2000).close_period(PATIENCE);
    let (server, guests) = Lobby::serve(options).await;
    for (number, (what, violation, code)) in cases.into_iter().enumerate() {
        let mut raw = Raw::open(&server).await;
        raw.write(violation).await;
        // Much that nobody will read; a socket dropped with it would be reset.
        raw.write(vec![0x55; 1 << 20]).await;
        assert_eq!(raw.hear_close().await.0, code, "{what}");
        assert_eq!(raw.rest().await, b"", "{what}");
        let gone = &guests.journal.until(number + 1).await[number];
        assert!(gone.starts_with(&format!("gone {code}")), "{what}: {gone}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_came_before_a_violation_is_delivered() {
    let (server, guests) = Lobby::serve(Options::new()).await;
    let mut raw = Raw::open(&server).await;
    raw.write([frame(1, b"a"), frame(1, b"b"), vec![0xFF; 8], frame(1, b"c")].concat()).await;
    assert_eq!(raw.hear_close().await.0, 1002);
    assert_eq!(raw.rest().await, b"");
    server.stop().await;
    let lines = guests.journal.lines();
    assert_eq!(lines[..2], ["a", "b"]);
    assert!(lines[2].starts_with("gone 1002"), "{lines:?}");
    assert_eq!(lines[3..], ["stopped"]);
}

#[tokio::test]
async fn what_came_before_an_end_is_answered_before_it() {
    for waits in [false, true] {
        let server = serve(Echo { waits }).await;
        for (what, end, code) in [
            ("a CLOSE", frame(8, &4000_u16.to_be_bytes()), 4000),
            ("a violation", frame(3, b""), 1002),
            ("a continuation of nothing", frame(0, b""), 1002),
        ] {
            let mut raw = Raw::open(&server).await;
            raw.write([frame(1, b"hello"), end, frame(1, b"unheard")].concat()).await;
            assert_eq!(raw.frame().await, (0x81, b"hello".to_vec()), "{what}");
            assert_eq!(raw.hear_close().await.0, code, "{what}");
            assert_eq!(raw.rest().await, b"", "{what}");
        }
        server.stop().await;
    }
}

/// Never comes back from its first message.
struct Stuck;

impl Websocket for Stuck {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, _: &Client, _: Message) -> Result<(), Failure> {
        pending().await
    }
}

#[tokio::test]
async fn an_end_is_not_put_off_for_a_handler_that_is_busy() {
    let server = serve(Stuck).await;
    let mut raw = Raw::open(&server).await;
    // The second waits behind the first, which never ends.
    raw.write([frame(1, b"a"), frame(1, b"b"), frame(8, &1000_u16.to_be_bytes())].concat()).await;
    assert_eq!(raw.hear_close().await.0, 1000);
    assert_eq!(raw.rest().await, b"");
}
