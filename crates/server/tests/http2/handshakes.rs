//! Who is let in by an extended CONNECT, and what else is answered.

use std::sync::Arc;

use aerys::{
    Accepted, Client, Compression, Failure, Handshake, Host, Listener, Message, Options, Refusal,
    Server, Websocket,
};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, StatusCode, Version, header};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

use crate::{
    Stage,
    client::{self, Ws, extended, handshake},
    frames::{deflated, masked},
    soon,
};

#[tokio::test]
async fn a_websocket_is_opened_by_an_extended_connect() {
    let stage = Stage::usual().await;
    let mut client = stage.client().await;
    let (response, tunnel) = client.try_open(handshake("/echo").body(()).unwrap()).await;
    assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_2));
    for name in [header::UPGRADE, header::CONNECTION, header::SEC_WEBSOCKET_ACCEPT] {
        assert!(!response.headers().contains_key(&name), "{name}");
    }
    let mut socket = Ws::on(tunnel).await;
    for size in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        let text = "a".repeat(size);
        socket.say(text.clone()).await;
        assert!(socket.hear_text().await == text, "{size} bytes");
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn what_is_no_websocket_s_handshake_is_refused_with_a_sentence() {
    let stage = Stage::usual().await;
    let mut client = stage.client().await;
    let foreign = handshake("/echo").header("origin", "https://evil.example");
    let elsewhere = handshake("/echo").header("host", "evil.example");
    for (request, status, sentence) in [
        (foreign, 403, "Pages of this origin may not connect."),
        (elsewhere, 400, "A request has one `Host` header"),
        (extended("websocket", "/echo"), 400, "Sec-WebSocket-Version: 13"),
        (extended("connect-udp", "/echo"), 501, "no `:protocol` but `websocket`"),
        (handshake("/nowhere"), 405, "Files are only read"),
    ] {
        let (response, tunnel) = client.try_open(request.body(()).unwrap()).await;
        let body = client::read(tunnel.receiving).await;
        let body = String::from_utf8_lossy(&body).into_owned();
        assert_eq!((response.status().as_u16(), body.contains(sentence)), (status, true), "{body}");
    }
    // The connection is as good as ever.
    client.open("/echo").await.say("still here").await;
    stage.server.stop().await;
}

#[tokio::test]
async fn a_get_is_told_how_a_websocket_is_opened() {
    let stage = Stage::usual().await;
    let (response, body) = stage.client().await.get("/echo").await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "CONNECT");
    assert!(String::from_utf8_lossy(&body).contains("RFC 8441"), "{body:?}");
    stage.server.stop().await;
}

#[tokio::test]
async fn subprotocols_and_compression_are_agreed_upon_as_ever() {
    let options = Options::new()
        .subprotocols(["chat.v2", "chat.v1"])
        .compression(Compression::new().threshold(0));
    let stage = Stage::set(options, |server| server).await;
    let mut client = stage.client().await;
    let request = handshake("/echo")
        .header(header::SEC_WEBSOCKET_PROTOCOL, "chat.v1, chat.v2")
        .header(header::SEC_WEBSOCKET_EXTENSIONS, "permessage-deflate");
    let (response, mut tunnel) = client.try_open(request.body(()).unwrap()).await;
    let headers = response.headers();
    assert_eq!(headers[header::SEC_WEBSOCKET_PROTOCOL], "chat.v1", "the client's first");
    let extensions = headers[header::SEC_WEBSOCKET_EXTENSIONS].to_str().unwrap();
    assert!(extensions.starts_with("permessage-deflate"), "{extensions}");
    // A masked text of 1,000 times the same letter, deflated, as RFC 7692 §7.2.3.1 has it.
    let frame = masked(0xc1, &deflated(&[b'a'; 1000]));
    tunnel.write_all(&frame).await.unwrap();
    let mut head = [0; 2];
    soon(tunnel.read_exact(&mut head)).await.unwrap();
    assert_eq!(head[0], 0xc1, "the answer is compressed");
    assert!(head[1] < 100, "{} bytes", head[1]);
    stage.server.stop().await;
}

/// Says something before it has decided to return.
struct Greeting(Arc<Notify>);

impl Websocket for Greeting {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        if handshake.request().headers.contains_key("x-refuse") {
            return Err(handshake.refuse(aerys::Status::UNAUTHORIZED).reason("Who are you?"));
        }
        let client = handshake.accept();
        let _ = client.send("welcome").await;
        self.0.notified().await;
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        Ok(client.send(message).await?)
    }
}

#[tokio::test]
async fn the_200_leaves_with_the_first_thing_said_and_not_before_on_open_has_decided() {
    let go_on = Arc::new(Notify::new());
    let host = Host::new("localhost").websocket("/", Greeting(Arc::clone(&go_on)));
    let listener = Listener::from(([127, 0, 0, 1], 0)).http2_prior_knowledge();
    let server = Server::new().host(host).listen(listener).workers(1).start().await.unwrap();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let mut client = client::Client::on(stream).await;
    let mut socket = client.open("/").await;
    assert_eq!(socket.hear_text().await, "welcome");
    go_on.notify_one();
    socket.say("and now").await;
    assert_eq!(socket.hear_text().await, "and now");
    // A reason has no place but the body.
    let request = handshake("/").header("x-refuse", HeaderValue::from_static("1"));
    let (response, tunnel) = client.try_open(request.body(()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(client::read(tunnel.receiving).await, "Who are you?\n");
    server.stop().await;
}

#[tokio::test]
async fn who_knows_nothing_beforehand_speaks_http_1_1_on_the_same_listener() {
    let stage = Stage::usual().await;
    let url = format!("ws://{}/echo", stage.server.address());
    let (mut socket, response) = soon(tokio_tungstenite::connect_async(url)).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    socket.send("hello".into()).await.unwrap();
    let answer = soon(socket.next()).await.unwrap().unwrap();
    assert_eq!(answer.to_text().unwrap(), "hello");
    stage.server.stop().await;
}

#[tokio::test]
async fn an_application_sees_the_request_as_it_is() {
    struct Seeing;
    impl Websocket for Seeing {
        async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
            let request = handshake.request();
            let (method, path, version) = (&request.method, &request.uri, request.version);
            let cookies = (handshake.cookie("a"), handshake.cookie("b"));
            let seen = format!("{method} {path} {version:?} {cookies:?}");
            let client = handshake.accept();
            client.send(seen).nowait();
            Ok(client)
        }

        async fn on_data(&self, _: &Client, _: Message) -> Result<(), Failure> {
            Ok(())
        }
    }
    let host = Host::new("localhost").websocket("/see", Seeing);
    let listener = Listener::from(([127, 0, 0, 1], 0)).http2_prior_knowledge();
    let server = Server::new().host(host).listen(listener).workers(1).start().await.unwrap();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let mut client = client::Client::on(stream).await;
    let request =
        handshake("/see?x=1").header("cookie", "a=1").header("cookie", "b=2").body(()).unwrap();
    let (_, tunnel) = client.try_open(request).await;
    let seen = Ws::on(tunnel).await.hear_text().await;
    assert_eq!(seen, r#"CONNECT http://localhost/see?x=1 HTTP/2.0 (Some("1"), Some("2"))"#);
    server.stop().await;
}
