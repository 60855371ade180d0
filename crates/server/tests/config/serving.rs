//! Files, redirects, limits and options, as the file has them.

use std::time::Duration;

use aerys::{Config, ConfigError, ServerError};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use super::{Folder, ask, open, soon};

const SITE: &str = r#"
    workers = 1
    [limits]
    max_headers = 8
    [[listen]]
    address = "127.0.0.1:0"
    [[host]]
    name = "localhost"
    headers = { X-Frame-Options = "DENY" }
    redirects = { "/old" = "/new?a=b" }
    [host.root]
    folder = "public"
    fallback = "index.html"
    cache_control = { "*.css" = "no-cache" }
    [[host.websocket]]
    path = "/rooms/{room}"
    application = "echo"
    max_msg_size = "1 KiB"
    heartbeat_period = "50 ms"
    queued_ping_limit = 1000
    [[host.websocket]]
    path = "/listed"
    application = "echo"
    allowed_origins = ["https://a.example"]
    subprotocols = ["v2", "v1"]
    max_clients = 1
"#;

fn site() -> Folder {
    Folder::new(SITE).with("public/index.html", "<h1>Home").with("public/a.css", "body {}")
}

#[tokio::test]
async fn pages_are_those_of_the_file() {
    let folder = site();
    let server = folder.start().await;
    let address = server.address();
    for (head, parts) in [
        ("GET / HTTP/1.1\r\n", &["200 OK", "<h1>Home", "x-frame-options: DENY"][..]),
        ("GET /a.css HTTP/1.1\r\n", &["200 OK", "cache-control: no-cache", "body {}"]),
        ("GET /gone HTTP/1.1\r\nAccept: text/html\r\n", &["200 OK", "<h1>Home"]),
        ("GET /old HTTP/1.1\r\n", &["301 ", "location: /new?a=b"]),
        ("GET / HTTP/1.1\r\nA: a\r\nA: a\r\nA: a\r\nA: a\r\nA: a\r\nA: a\r\nA: a\r\n", &["431 "]),
    ] {
        let answer = ask(address, head).await;
        for part in parts {
            assert!(answer.contains(part), "{head}{answer}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn endpoints_have_the_options_of_their_sections() {
    let folder = site();
    let server = folder.start().await;
    let address = server.address();
    let mut socket = open(address, "/rooms/7").await.expect("it is let in");
    soon(socket.send(Message::text("hello"))).await.unwrap();
    // Its heartbeat comes as soon as the file says.
    let (mut echoed, mut pinged) = (false, false);
    while !(echoed && pinged) {
        match soon(socket.next()).await.unwrap().unwrap() {
            Message::Text(text) => echoed = text == "hello",
            message => pinged |= message.is_ping(),
        }
    }
    soon(socket.send(Message::text("x".repeat(1025)))).await.unwrap();
    let close = loop {
        match soon(socket.next()).await.unwrap().unwrap() {
            Message::Close(close) => break close.expect("there is a code"),
            message => assert!(message.is_ping(), "{message:?}"),
        }
    };
    assert_eq!(close.code, CloseCode::Size);

    let handshake = "GET /listed HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let foreign = ask(address, &format!("{handshake}Origin: https://b.example\r\n")).await;
    assert!(foreign.starts_with("HTTP/1.1 403 "), "{foreign}");
    let first = open(address, "/listed").await.expect("one is let in");
    assert!(open(address, "/listed").await.is_none(), "a second one is let in");
    drop(first);
    assert!(open(address, "/elsewhere").await.is_none());
    server.stop().await;
}

#[tokio::test]
async fn without_a_listener_it_would_be_the_usual_address_and_a_stop_has_the_files_time() {
    let text = "[limits]\nstop_period = \"100 ms\"\n[[listen]]\naddress = \"127.0.0.1:0\"\n\
                [[host]]\nany = true\n[[host.websocket]]\npath = \"/\"\napplication = \"echo\"\n";
    let folder = Folder::new(text);
    let server = folder.start().await;
    let socket = open(server.address(), "/").await.expect("it is let in");
    // It does not answer the CLOSE.
    let began = tokio::time::Instant::now();
    soon(server.stop()).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    drop(socket);
    let usual = Config::parse("[[host]]\nany = true\n").unwrap().to_toml().unwrap();
    assert!(usual.contains("address = \"127.0.0.1:1337\""), "{usual}");
}

#[tokio::test]
async fn serving_blocks_and_so_is_refused_inside_a_runtime() {
    let error = site().config().serve().unwrap_err();
    assert!(matches!(error, ConfigError::Server(ServerError::InsideRuntime)), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_where_the_file_is_and_has_its_mode() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new(
        "[[listen]]\naddress = \"unix:run.sock\"\nmode = 0o600\n[[listen]]\naddress = \"127.0.0.1:0\"\n\
         [[host]]\nname = \"localhost\"\n",
    );
    let config = folder.config();
    let server = super::start(&config).await;
    let path = folder.path("run.sock");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let expected = [format!("unix:{}", path.display()), format!("http://{}", server.address())];
    assert_eq!(config.listening(&server), expected);
    server.stop().await;
}
