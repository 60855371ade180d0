//! Limits on who comes: just not crossed, and crossed. They count addresses of TCP, and none of this machine's
//! own; so a proxy that is trusted says here that its clients are elsewhere.

use std::{io::ErrorKind, time::Duration};

use aerys::{Host, Listener, Running, Server};
use axum::{
    Router,
    extract::{WebSocketUpgrade, ws::WebSocket},
    response::Response,
    routing::{any, get as on_get},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};
use tracing::Level;

use crate::common::{Echo, Raw, eventually, frame, get, handshake, keep_errors, lines, soon};

fn host() -> Host {
    let switch = async |upgrade: WebSocketUpgrade| -> Response {
        upgrade.on_upgrade(async |mut socket: WebSocket| {
            if let Some(Ok(message)) = socket.recv().await {
                let _ = socket.send(message).await;
            }
        })
    };
    let router = Router::new().route("/page", on_get("a page")).route("/switch", any(switch));
    Host::new("localhost").websocket("/", Echo { waits: false }).service(router)
}

async fn start(server: Server) -> Running {
    let server = server.host(host()).workers(2).trusted_proxies(["127.0.0.1"]);
    soon(server.start()).await.expect("the server starts")
}

fn local() -> Listener {
    ([127, 0, 0, 1], 0).into()
}

async fn connect(server: &Running) -> Raw<TcpStream> {
    soon(TcpStream::connect(server.address())).await.unwrap().into()
}

/// A connection that a proxy makes for somebody.
async fn connect_for(server: &Running, client: &str) -> Raw<TcpStream> {
    let mut raw = connect(server).await;
    let family = if client.contains(':') { "TCP6" } else { "TCP4" };
    raw.write(format!("PROXY {family} {client} {client} 1 2\r\n")).await;
    raw
}

/// The status that a handshake of somebody's behind a proxy is answered, and after how long to come again.
async fn knock_for(server: &Running, client: &str) -> (Raw<TcpStream>, u16, Option<String>) {
    let mut raw = connect(server).await;
    let answer = raw.ask(handshake("/", &format!("X-Forwarded-For: {client}\r\n"))).await;
    let retry_after = answer.header("retry-after").map(str::to_owned);
    (raw, answer.status(), retry_after)
}

/// Whether a connection is closed before anything is said, by an end or a reset.
async fn is_closed(mut raw: Raw<TcpStream>) -> bool {
    let mut byte = [0];
    match soon(raw.stream.read(&mut byte)).await {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

async fn assert_echoes(raw: &mut Raw<TcpStream>) {
    raw.write(frame(1, b"here")).await;
    assert_eq!(raw.frame().await, (0x81, b"here".to_vec()));
}

/// Tries until it is let in: when a place is free, nobody is told.
async fn until_in<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    soon(async {
        loop {
            if let Some(inside) = attempt().await {
                return inside;
            }
        }
    })
    .await
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_the_others_go_on() {
    let server = start(Server::new().listen(local()).max_connections(3)).await;
    let mut inside = Vec::new();
    for _ in 0..3 {
        let mut raw = connect(&server).await;
        raw.upgrade("/").await;
        inside.push(raw);
    }
    for _ in 0..5 {
        assert!(is_closed(connect(&server).await).await);
    }
    assert_eq!(server.limits_hit().connections, 5);
    for raw in &mut inside {
        assert_echoes(raw).await;
    }
    inside.pop();
    until_in(async || (!is_closed_after_asking(connect(&server).await).await).then_some(())).await;
    soon(server.stop()).await;
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_others_have_theirs() {
    let server = Server::new().listen(local().proxy_protocol()).max_connections_per_ip(2);
    let server = start(server).await;
    let mut inside = Vec::new();
    for client in ["203.0.113.7", "203.0.113.7", "203.0.113.8", "2001:db8::1", "2001:db8::ff:1"] {
        let mut raw = connect_for(&server, client).await;
        raw.upgrade("/").await;
        inside.push(raw);
    }
    for client in ["203.0.113.7", "203.0.113.7", "2001:db8::2"] {
        assert!(is_closed(connect_for(&server, client).await).await, "{client}");
    }
    assert_eq!(server.limits_hit().connections_per_ip, 3);
    // Neither a proxy nor this machine is counted.
    for client in ["127.0.0.1", "127.0.0.9", "::1"].repeat(2) {
        let mut raw = connect_for(&server, client).await;
        raw.upgrade("/").await;
        inside.push(raw);
    }
    for raw in &mut inside {
        assert_echoes(raw).await;
    }
    inside.remove(0);
    until_in(async || {
        let raw = connect_for(&server, "203.0.113.7").await;
        (!is_closed_after_asking(raw).await).then_some(())
    })
    .await;
    soon(server.stop()).await;
}

/// Asks for a page, and answers whether there is none.
async fn is_closed_after_asking(mut raw: Raw<TcpStream>) -> bool {
    let request = get("/page", "");
    let asked = raw.stream.write_all(request.as_bytes());
    soon(asked).await.is_err() || is_closed(raw).await
}

#[tokio::test]
async fn behind_a_proxy_it_is_the_clients_websockets_that_are_counted() {
    let server = start(Server::new().listen(local()).max_connections_per_ip(2)).await;
    let (one, first, _) = knock_for(&server, "203.0.113.7").await;
    let (mut two, second, _) = knock_for(&server, "203.0.113.7").await;
    assert_eq!((first, second), (101, 101));
    for _ in 0..3 {
        let (_, status, retry_after) = knock_for(&server, "203.0.113.7").await;
        assert_eq!((status, retry_after.as_deref()), (429, Some("5")));
    }
    assert_eq!(server.limits_hit().connections_per_ip, 3);
    assert_eq!(knock_for(&server, "203.0.113.8").await.1, 101);
    // The proxy's own, and what is no websocket.
    for _ in 0..3 {
        connect(&server).await.upgrade("/").await;
        let page = get("/page", "X-Forwarded-For: 203.0.113.7\r\n");
        assert_eq!(connect(&server).await.ask(page).await.status(), 200);
    }
    assert_echoes(&mut two).await;
    drop(one);
    until_in(async || (knock_for(&server, "203.0.113.7").await.1 == 101).then_some(())).await;
    soon(server.stop()).await;
}

#[tokio::test]
async fn an_address_may_begin_so_many_handshakes_at_once_and_then_a_second() {
    let server = start(Server::new().listen(local()).handshakes_per_ip(1, 3)).await;
    for _ in 0..3 {
        assert_eq!(knock_for(&server, "203.0.113.7").await.1, 101);
    }
    let (_, status, retry_after) = knock_for(&server, "203.0.113.7").await;
    assert_eq!((status, retry_after.as_deref()), (429, Some("1")));
    assert_eq!(server.limits_hit().handshakes_per_ip, 1);
    for client in ["203.0.113.8", "127.0.0.1"] {
        for _ in 0..3 {
            assert_eq!(knock_for(&server, client).await.1, 101, "{client}");
        }
    }
    for _ in 0..5 {
        assert_eq!(knock_for(&server, "127.0.0.1").await.1, 101);
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(knock_for(&server, "203.0.113.7").await.1, 101);
    soon(server.stop()).await;
}

#[tokio::test]
async fn a_request_may_have_so_many_headers() {
    let server = start(Server::new().listen(local()).max_headers(10)).await;
    // Five are in every handshake, and one in every other request.
    for (headers, status) in [(5, 101), (6, 431)] {
        let request = handshake("/", &"X: y\r\n".repeat(headers));
        assert_eq!(connect(&server).await.ask(request).await.status(), status);
    }
    for (headers, status) in [(9, 200), (10, 431)] {
        let request = get("/page", &"X: y\r\n".repeat(headers));
        assert_eq!(connect(&server).await.ask(request).await.status(), status);
    }
    // Counted when the connection has ended, of which the answer is not the end.
    eventually(|| server.limits_hit().heads == 2).await;
    soon(server.stop()).await;
}

#[tokio::test]
async fn a_connection_may_have_so_many_requests_and_is_told_which_is_the_last() {
    let server = start(Server::new().listen(local()).max_requests(3)).await;
    for together in [false, true] {
        let mut raw = connect(&server).await;
        if together {
            raw.write(get("/page", "").repeat(5)).await;
        }
        for last in [false, false, true] {
            if !together {
                raw.write(get("/page", "")).await;
            }
            let answer = raw.answer().await;
            assert_eq!((answer.status(), answer.text()), (200, "a page"));
            assert_eq!(answer.header("connection") == Some("close"), last);
        }
        assert_eq!(raw.rest().await, b"");
    }
    eventually(|| server.limits_hit().requests == 2).await;
    // What becomes something else with the last one does so all the same.
    for path in ["/", "/switch"] {
        let mut raw = connect(&server).await;
        for _ in 0..2 {
            raw.ask(get("/page", "")).await;
        }
        raw.upgrade(path).await;
        assert_echoes(&mut raw).await;
    }
    soon(server.stop()).await;
}

#[tokio::test]
async fn a_number_of_connections_above_the_limit_of_open_files_is_named_at_the_start() {
    keep_errors();
    let files = rlimit::Resource::NOFILE.get_soft().unwrap();
    // 64 are left to whatever else the program opens.
    let possible = usize::try_from(files).unwrap() - 64;
    for (asked, warnings) in [(possible, 0), (possible + 1, 1)] {
        let server = start(Server::new().listen(local()).max_connections(asked)).await;
        let warned = lines(Level::WARN, &format!("asked={asked} possible={possible} "));
        assert_eq!(warned.len(), warnings, "{warned:?}");
        assert!(warned.iter().all(|it| it.contains("ulimit -n")), "{warned:?}");
        soon(server.stop()).await;
    }
}
