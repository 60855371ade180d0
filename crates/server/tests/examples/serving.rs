//! `options` and `static_site`: what is set, and what is served.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

use crate::program::{Program, soon};

#[tokio::test]
async fn options_closes_what_is_too_much_or_of_the_wrong_kind() {
    let program = Program::start("options").await;
    for (message, code) in
        [(Message::binary(vec![1, 2, 3]), 1003), (Message::text("x".repeat(64 * 1024 + 1)), 1009)]
    {
        let mut visitor = program.visit().await;
        visitor.say("fine").await;
        assert_eq!(visitor.hear().await, "fine");
        visitor.say(message).await;
        assert_eq!(visitor.hear_close().await.0, code);
    }
    program.end().await;
}

#[tokio::test]
async fn axum_around_publishes_to_an_endpoint_what_it_is_posted() {
    let program = Program::start("axum_around").await;
    let mut visitors = [program.visit_at("/news").await, program.visit_at("/news").await];
    for visitor in &mut visitors {
        assert_eq!(visitor.hear().await, "These are the news.");
    }
    let post = "POST /news HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Content-Length: 12\r\n\r\nWe are open.";
    let mut stream = soon(TcpStream::connect(program.address())).await.unwrap();
    soon(stream.write_all(post.as_bytes())).await.unwrap();
    let mut response = String::new();
    soon(stream.read_to_string(&mut response)).await.unwrap();
    assert!(response.ends_with("\r\n\r\n2 have heard it.\n"), "{response}");
    for visitor in &mut visitors {
        assert_eq!(visitor.hear().await, "We are open.");
    }
    let closed = async {
        for visitor in visitors {
            assert_eq!(visitor.hear_close().await.0, 1001);
        }
    };
    tokio::join!(closed, program.end());
}

#[tokio::test]
async fn axum_within_has_websockets_of_both_kinds() {
    let program = Program::start("axum_within").await;
    for path in ["/ours", "/theirs"] {
        let mut visitor = program.visit_at(path).await;
        visitor.say("hello").await;
        assert_eq!(visitor.hear().await, "HELLO", "{path}");
    }
    program.end().await;
}

#[tokio::test]
async fn options_chooses_a_subprotocol_and_sends_frames_of_the_size_asked_for() {
    let program = Program::start("options").await;
    let mut stream = soon(TcpStream::connect(program.address())).await.unwrap();
    let handshake = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                     Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                     Sec-WebSocket-Protocol: echo.v0, echo.v1, echo.v2\r\n\
                     Origin: https://elsewhere.example\r\n\r\n";
    soon(stream.write_all(handshake.as_bytes())).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.expect("a whole head"));
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("\r\nsec-websocket-protocol: echo.v1\r\n"), "{head}");

    // One text frame of 40,000 bytes; the mask of zeros leaves it as it is.
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(40_000_u16.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend([b'x'; 40_000]);
    soon(stream.write_all(&frame)).await.unwrap();
    for (first, length) in [(0x01, 16_384), (0x00, 16_384), (0x80, 7_232)] {
        let mut header = [0; 4];
        soon(stream.read_exact(&mut header)).await.unwrap();
        assert_eq!(header[..2], [first, 126]);
        assert_eq!(u16::from_be_bytes([header[2], header[3]]), length);
        let mut payload = vec![0; length.into()];
        soon(stream.read_exact(&mut payload)).await.unwrap();
        assert!(payload.iter().all(|&byte| byte == b'x'));
    }
    drop(stream);
    program.end().await;
}

#[tokio::test]
async fn static_site_serves_a_page_that_asks_nobody_else() {
    let program = Program::start("static_site").await;
    for (path, kind, content) in [
        ("/", "text/html", include_str!("../../examples/public/index.html")),
        ("/pond.css", "text/css", include_str!("../../examples/public/pond.css")),
        ("/pond.js", "text/javascript", include_str!("../../examples/public/pond.js")),
    ] {
        let answer = program.get(path).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
        assert!(head.contains(&format!("\r\ncontent-type: {kind}")), "{path}: {head}");
        assert_eq!(body, content, "{path}");
        assert!(!body.contains("://"), "{path} asks somebody else");
    }
    assert!(program.get("/").await.contains("src=\"pond.js\""));
    assert!(program.get("/pond.js").await.contains("/pond`"));
    assert!(program.get("/nothing").await.starts_with("HTTP/1.1 404 "));
    program.end().await;
}

#[tokio::test]
async fn static_site_shows_everyone_where_the_water_was_touched() {
    let program = Program::start("static_site").await;
    let mut ann = program.visit_at("/pond").await;
    assert_eq!(ann.hear().await, "here 1");
    let mut bob = program.visit_at("/pond").await;
    assert_eq!(ann.hear().await, "here 2");
    assert_eq!(bob.hear().await, "here 2");
    bob.say("0.25 0.5").await;
    assert_eq!(ann.hear().await, "0.25 0.5");
    assert_eq!(bob.hear().await, "0.25 0.5");
    bob.leave().await;
    assert_eq!(ann.hear().await, "here 1");
    ann.leave().await;
    program.end().await;
}
