//! A service may switch protocols: an axum `WebSocketUpgrade` in a `Router`, for one.

use aerys::Host;
use axum::{
    Router,
    extract::{
        Request,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    middleware::map_response,
    response::Response,
    routing::{any, get as on_get},
};
use http::{HeaderValue, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, copy, split};

use crate::common::{Raw, connect_to, frame, get, handshake, serve_host};

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn upgrade(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(echo)
}

/// A router with a websocket of axum's own, and a layer around it.
fn router() -> Router {
    let marked = async |mut response: Response| {
        response.headers_mut().insert("x-layer", HeaderValue::from_static("seen"));
        response
    };
    Router::new()
        .route("/ws", any(upgrade))
        .route("/page", on_get(async || "a page"))
        .route("/large", on_get(async || "x".repeat(512 * 1024)))
        .layer(map_response(marked))
}

#[tokio::test]
async fn a_websocket_of_axums_own_speaks_behind_a_host() {
    let server = serve_host(Host::new("localhost").service(router())).await;
    let mut ws = connect_to(&server, "/ws").await;
    for text in ["one", "two", &"x".repeat(100_000)] {
        ws.say(text).await;
        assert_eq!(ws.hear().await.into_text().unwrap(), text);
    }
    ws.0.close(None).await.unwrap();
    drop(ws);
    server.stop().await;
}

#[tokio::test]
async fn what_comes_before_and_behind_the_handshake_in_one_packet_is_heard() {
    let server = serve_host(Host::new("localhost").service(router())).await;
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.ask(get("/page", "")).await.text(), "a page");
    let mut packet =
        [get("/page", ""), get("/page", ""), handshake("/ws", "")].concat().into_bytes();
    packet.extend(frame(1, b"early"));
    raw.write(packet).await;
    for _ in 0..2 {
        assert_eq!(raw.answer().await.text(), "a page");
    }
    let answer = raw.answer().await;
    assert_eq!((answer.status(), answer.header("x-layer")), (101, Some("seen")));
    assert_eq!(raw.frame().await, (0x81, b"early".to_vec()));
    raw.write(frame(1, b"late")).await;
    assert_eq!(raw.frame().await, (0x81, b"late".to_vec()));
    server.stop().await;
}

#[tokio::test]
async fn a_handshake_behind_more_than_the_kernel_takes_is_answered_in_its_turn() {
    const LARGE: usize = 8;
    const SMALL: usize = 16;
    let server = serve_host(Host::new("localhost").service(router())).await;
    for first in [&b"first"[..], b""] {
        let mut raw = Raw::connect_narrow(&server).await;
        // More than the kernel takes ahead, and behind it what hyper does, with the 101.
        let mut packet = get("/large", "").repeat(LARGE) + &get("/page", "").repeat(SMALL);
        packet += &handshake("/ws", "");
        let mut packet = packet.into_bytes();
        if !first.is_empty() {
            packet.extend(frame(1, first));
        }
        raw.write(packet).await;
        for _ in 0..LARGE {
            assert_eq!(raw.answer().await.body.len(), 512 * 1024);
        }
        for _ in 0..SMALL {
            assert_eq!(raw.answer().await.text(), "a page");
        }
        assert_eq!(raw.answer().await.status(), 101);
        if !first.is_empty() {
            assert_eq!(raw.frame().await, (0x81, first.to_vec()));
        }
        raw.write(frame(1, b"more")).await;
        assert_eq!(raw.frame().await, (0x81, b"more".to_vec()));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_handshake_that_the_service_refuses_leaves_the_connection_as_it_was() {
    let server = serve_host(Host::new("localhost").service(router())).await;
    let mut raw = Raw::connect(&server).await;
    let unfit = handshake("/ws", "").replacen("Version: 13", "Version: 12", 1);
    assert_eq!(raw.ask(unfit).await.status(), 400);
    assert_eq!(raw.ask(handshake("/page", "")).await.text(), "a page");
    assert_eq!(raw.ask(handshake("/ws", "")).await.status(), 101);
    raw.write(frame(1, b"at last")).await;
    assert_eq!(raw.frame().await, (0x81, b"at last".to_vec()));
    server.stop().await;
}

#[tokio::test]
async fn a_service_may_make_a_tunnel_of_a_connection() {
    async fn tunnel(request: Request) -> StatusCode {
        let upgraded = hyper::upgrade::on(request);
        tokio::spawn(async move {
            let (mut from, mut to) = split(TokioIo::new(upgraded.await.expect("it is upgraded")));
            let _ = copy(&mut from, &mut to).await;
            let _ = to.shutdown().await;
        });
        StatusCode::OK
    }
    // What it is asked for is where the tunnel is to lead.
    let server = serve_host(Host::any().service(Router::new().fallback(tunnel))).await;
    let mut raw = Raw::connect(&server).await;
    raw.write("CONNECT example:80 HTTP/1.1\r\nHost: localhost\r\n\r\nthere").await;
    assert!(raw.head().await.starts_with("HTTP/1.1 200 "));
    assert_eq!(raw.bytes(5).await, b"there");
    raw.write(" and back").await;
    raw.stream.shutdown().await.unwrap();
    assert_eq!(raw.rest().await, b" and back");
    server.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_switched_and_not_wanted_is_closed() {
    let switching =
        async || (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "nil")]);
    let router = Router::new().fallback(switching);
    let server = serve_host(Host::new("localhost").service(router)).await;
    let mut raw = Raw::connect(&server).await;
    let asks = get("/", "Connection: upgrade\r\nUpgrade: nil\r\n");
    assert_eq!(raw.ask(asks).await.status(), 101);
    assert_eq!(raw.rest().await, b"");
    server.stop().await;
}
