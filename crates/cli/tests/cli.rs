//! The binary as a shell, a service manager and a browser meet it.

mod common;

use std::{fs, net::TcpListener, process::Stdio};

use common::{
    http,
    server::{Server, aerys, run},
    soon,
};
use futures_util::{SinkExt, StreamExt};
use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, protocol::frame::coding::CloseCode},
};

async fn connect(server: &Server, path: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let url = format!("ws://{}{path}", server.address());
    let (socket, _) = soon("the handshake", client_async(url, stream)).await.unwrap();
    socket
}

async fn hear(socket: &mut WebSocketStream<TcpStream>) -> Message {
    soon("a message", socket.next()).await.expect("the connection stays").unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn the_page_comes_out_of_the_binary_with_its_precautions() {
    let server = Server::start(&[]).await;
    let page = http::get(server.address(), "/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.body, include_str!("../page/index.html"));
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    for path in ["/chat.css", "/chat.js", "/rooms.js", "/icon.svg"] {
        assert_eq!(http::get(server.address(), path).await.status, 200, "{path}");
    }
    assert_eq!(http::get(server.address(), "/favicon.ico").await.status, 404);
}

#[tokio::test]
async fn over_the_wire_only_what_is_new_is_sent() {
    let server = Server::start(&[]).await;
    let page = http::get(server.address(), "/").await;
    let again = format!("GET / HTTP/1.1\r\nIf-None-Match: {}\r\n", page.header("etag"));
    let again = http::ask(server.address(), &again).await;
    assert_eq!((again.status, &*again.body), (304, ""));
    let head = http::ask(server.address(), "HEAD / HTTP/1.1\r\n").await;
    assert_eq!((head.status, &*head.body), (200, ""));
    assert_eq!(head.header("content-length"), page.body.len().to_string());
    let post = http::ask(server.address(), "POST / HTTP/1.1\r\nContent-Length: 0\r\n").await;
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn every_message_comes_back_from_the_echo() {
    let server = Server::start(&["--workers", "1"]).await;
    let mut socket = connect(&server, "/echo").await;
    for message in [Message::text("grüß dich"), Message::binary(vec![0, 255]), Message::text("")]
    {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(hear(&mut socket).await, message);
    }
}

#[tokio::test]
async fn a_folder_takes_the_page_s_place_and_the_endpoints_stay() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("index.html"), "<h1>Mine</h1>").unwrap();
    let server = Server::start(&["--root", folder.path().to_str().unwrap()]).await;
    let page = http::get(server.address(), "/").await;
    assert_eq!((page.status, &*page.body), (200, "<h1>Mine</h1>"));
    let missing = http::get(server.address(), "/chat.js").await;
    assert_eq!(missing.status, 404);
    assert!(missing.body.contains("Not found"), "{}", missing.body);
    let mut socket = connect(&server, "/echo").await;
    socket.send(Message::text("still here")).await.unwrap();
    assert_eq!(hear(&mut socket).await, Message::text("still here"));
    let mut socket = connect(&server, "/chat").await;
    socket.send(Message::text(r#"{"type":"join","name":"Ada"}"#)).await.unwrap();
    assert!(hear(&mut socket).await.to_string().contains("welcome"));
}

#[tokio::test]
async fn a_taken_port_is_told_in_one_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(&["--listen", &address]).await;
    let sentence =
        format!("aerys: cannot listen on {address}: another program is listening there\n");
    assert_eq!(text(&ended.stderr), sentence);
    assert_eq!(text(&ended.stdout), "");
    assert_eq!(ended.status.code(), Some(1));
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_is_told_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "no folder").unwrap();
    for root in [folder.path().join("none"), file] {
        let root = root.to_str().unwrap();
        let ended = run(&["--listen", "127.0.0.1:0", "--root", root]).await;
        let sentence = text(&ended.stderr);
        let start = format!("aerys: cannot serve files from {root}: ");
        assert!(sentence.starts_with(&start), "{sentence}");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
        assert_eq!(text(&ended.stdout), "");
        assert_eq!(ended.status.code(), Some(1));
    }
}

#[tokio::test]
async fn the_command_line_explains_itself() {
    let version = run(&["--version"]).await;
    assert_eq!(text(&version.stdout), concat!("aerys ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(version.status.code(), Some(0));
    let help = run(&["--help"]).await;
    assert_eq!(help.status.code(), Some(0));
    for word in ["--listen", "127.0.0.1:1337", "--workers", "--root", "--debug", "--version"] {
        assert!(text(&help.stdout).contains(word), "{word}");
    }
    let wrong = run(&["--workers", "0"]).await;
    assert!(text(&wrong.stderr).contains("--workers"), "{}", text(&wrong.stderr));
    assert_eq!(wrong.status.code(), Some(2));
}

#[tokio::test]
async fn a_signal_sends_the_clients_away_and_ends_the_server_well() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut server = Server::start(&["--workers", "2"]).await;
        let mut sockets = Vec::new();
        for path in ["/chat", "/echo", "/chat", "/echo"] {
            sockets.push(connect(&server, path).await);
        }
        server.signal(signal);
        for mut socket in sockets {
            let Message::Close(Some(close)) = hear(&mut socket).await else { panic!("a close") };
            assert_eq!(close.code, CloseCode::Away);
            assert!(soon("the end", socket.next()).await.is_none_or(|it| it.is_err()));
        }
        assert_eq!(server.ended().await.code(), Some(0), "{signal:?}");
    }
}

#[tokio::test]
async fn a_terminal_that_closes_ends_it_unless_that_is_ignored() {
    let program = env!("CARGO_BIN_EXE_aerys");
    let mut command = tokio::process::Command::new("sh");
    // What `nohup` does.
    command.args(["-c", &format!("trap '' HUP; exec {program} --listen 127.0.0.1:0")]);
    command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut server = Server::spawn(&mut command).await;
    server.signal(Signal::HUP);
    let mut socket = connect(&server, "/echo").await;
    socket.send(Message::text("still here")).await.unwrap();
    assert_eq!(hear(&mut socket).await, Message::text("still here"));
    drop(socket);
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let mut server =
        Server::spawn(aerys(&["--listen", "127.0.0.1:0"]).stderr(Stdio::piped())).await;
    let mut socket = connect(&server, "/echo").await;
    server.signal(Signal::TERM);
    // A CLOSE that is not answered keeps the server waiting.
    let mut close = [0; 4];
    soon("the CLOSE", socket.get_mut().read_exact(&mut close)).await.unwrap();
    assert_eq!((close[0], &close[2..]), (0x88, &1001_u16.to_be_bytes()[..]));
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(1));
    let sentence = "aerys: stopped at once by a second signal; not every client was told\n";
    assert_eq!(server.complaints().await, sentence);
}

#[tokio::test]
async fn a_signal_right_after_the_first_line_ends_the_server_well() {
    let mut server = Server::start(&[]).await;
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(0));
}

#[tokio::test]
async fn what_goes_well_is_logged_only_when_asked_for() {
    for (arguments, setting, logged) in [
        (&[][..], "", false),
        (&["-d"], "", true),
        (&[], "aerys=info", true),
        (&["-d"], "off", false),
    ] {
        let mut command = aerys(&["--listen", "127.0.0.1:0"]);
        command.args(arguments).env("RUST_LOG", setting).stderr(Stdio::piped());
        let mut server = Server::spawn(&mut command).await;
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        stream.read_u8().await.unwrap();
        drop(stream);
        server.signal(Signal::TERM);
        assert_eq!(server.ended().await.code(), Some(0));
        let log = server.complaints().await;
        assert_eq!(log.contains("SIGTERM"), logged, "{arguments:?} {setting:?}: {log}");
        assert_eq!(log.is_empty(), !logged, "{arguments:?} {setting:?}: {log}");
        assert!(!log.contains('\u{1b}'), "colours where nobody sees them: {log}");
    }
}

#[tokio::test]
async fn it_answers_for_the_names_that_it_was_given_and_for_any_only_if_told() {
    for (arguments, name, status) in [
        (&[][..], "localhost", "200"),
        (&[], "127.0.0.1:1337", "200"),
        (&[], "here.example", "421"),
        (&["--host", "here.example"], "here.example", "200"),
        (&["--host", "here.example"], "localhost", "200"),
        (&["--host", "here.example"], "there.example", "421"),
        (&["--host", "*"], "there.example", "200"),
    ] {
        let server = Server::start(arguments).await;
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{name} {arguments:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_it_trusts_says_who_the_client_is() {
    let mut command = aerys(&["--listen", "127.0.0.1:0", "-d", "--trusted-proxy", "127.0.0.0/8"]);
    let mut server = Server::spawn(command.stderr(Stdio::piped())).await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                   Connection: Upgrade\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_u8().await.unwrap();
    drop(stream);
    server.signal(Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(0));
    let log = server.complaints().await;
    assert!(log.contains("address=203.0.113.7 via 127.0.0.1:"), "{log}");
}
