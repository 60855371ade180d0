//! A listener for operators: what it answers, and that it answers nothing else.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use aerys::{
    Accepted, Drain, Handshake, Host, Listener, Refusal, Running, Server, ServerError, Websocket,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixStream};

use crate::common::{Answer, Raw, handshake, soon};

struct Quiet;

impl Websocket for Quiet {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }
}

/// A folder for a socket, and a server that has it.
fn server(path: &str) -> (TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = next(folder.path(), path);
    (folder, server)
}

fn next(folder: &Path, path: &str) -> Server {
    let admin = Listener::unix(folder.join("admin")).admin();
    let host = Host::new("localhost").websocket(path, Quiet);
    Server::new().listen("127.0.0.1:0").listen(admin).host(host).workers(2)
}

async fn start(server: Server) -> Running {
    soon(server.start()).await.expect("the server starts")
}

async fn ask(folder: &TempDir, request: &str) -> Answer {
    let stream = soon(UnixStream::connect(folder.path().join("admin"))).await.expect("it listens");
    let head = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    Raw::from(stream).ask(head).await
}

async fn status(folder: &TempDir) -> Value {
    let answer = ask(folder, "GET /status").await;
    assert_eq!((answer.status(), answer.header("content-type")), (200, Some("application/json")));
    serde_json::from_slice(&answer.body).expect("it is JSON")
}

async fn open(server: &Running, path: &str) -> Raw<TcpStream> {
    let mut raw: Raw<_> = soon(TcpStream::connect(server.address())).await.unwrap().into();
    raw.upgrade(path).await;
    raw
}

#[tokio::test]
async fn the_status_says_what_is_served_to_how_many_and_which_limits_were_hit() {
    let (folder, server) = server("/chat");
    let running = start(server.max_connections(2)).await;
    let _clients = (open(&running, "/chat").await, open(&running, "/chat").await);
    let refused = soon(TcpStream::connect(running.address())).await.unwrap();
    assert_eq!(Raw::from(refused).rest().await, b"");

    // There is room for whoever is to say so.
    let status = status(&folder).await;
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["process"], std::process::id());
    assert_eq!(status["state"], "ready");
    assert!(status["uptime"].as_u64().unwrap() < 60, "{status}");
    let admin = format!("unix:{}", folder.path().join("admin").display());
    assert_eq!(status["listeners"], serde_json::json!([running.address().to_string(), admin]));
    let endpoint = serde_json::json!([{ "host": "localhost", "path": "/chat", "clients": 2 }]);
    assert_eq!(status["endpoints"], endpoint);
    assert_eq!(status["limits_hit"]["connections"], 1);
    assert_eq!(status["limits_hit"]["heads"], 0);
    soon(running.stop()).await;
}

#[tokio::test]
async fn nothing_else_is_answered_there() {
    let (folder, server) = server("/");
    let running = start(server).await;
    for (request, status, allowed) in [
        ("GET /", 404, None),
        ("GET /status/", 404, None),
        ("GET /stop", 405, Some("POST")),
        ("GET /drain", 405, Some("POST")),
        ("GET /reload", 405, Some("POST")),
        ("HEAD /stop", 405, Some("POST")),
        ("POST /status", 405, Some("GET")),
        ("OPTIONS *", 404, None),
    ] {
        let stream = soon(UnixStream::connect(folder.path().join("admin"))).await.unwrap();
        let mut raw = Raw::from(stream);
        raw.write(format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let answer = raw.answer_without_body().await;
        assert_eq!(answer.status(), status, "{request}");
        assert_eq!(answer.header("allow"), allowed, "{request}");
    }
    let admin =
        || async { Raw::from(UnixStream::connect(folder.path().join("admin")).await.unwrap()) };
    assert_eq!(admin().await.ask(handshake("/", "")).await.status(), 404);
    assert_eq!(admin().await.ask("GET /status HTTP/1.1\r\n\r\n").await.status(), 400);
    for body in ["Content-Length: 4\r\n\r\nstop", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"] {
        let request = format!("POST /stop HTTP/1.1\r\nHost: localhost\r\n{body}");
        assert_eq!(admin().await.ask(request).await.status(), 413);
    }
    // Nor is any of it elsewhere.
    let page: Raw<_> = TcpStream::connect(running.address()).await.unwrap().into();
    let answer = { page }.ask("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(answer.status(), 404);
    assert_eq!(status(&folder).await["state"], "ready");
    soon(running.stop()).await;
}

#[tokio::test]
async fn a_reload_answers_what_has_changed_or_why_nothing_has() {
    let (folder, server) = server("/chat");
    let running = start(server).await;
    let (address, shutdown) = (running.address(), running.shutdown());
    let mut nexts =
        vec![Ok(next(folder.path(), "/news")), Err("the file is broken"), Ok(Server::new())]
            .into_iter();
    let serving = tokio::spawn(running.until_signalled_reloading(move || nexts.next().unwrap()));
    let answer = ask(&folder, "POST /reload").await;
    let changed: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(changed, serde_json::json!({ "kept": 0, "started": 1, "ended": 1 }));
    for sentence in ["the file is broken", &ServerError::NoHost.to_string()] {
        let answer = ask(&folder, "POST /reload").await;
        assert_eq!((answer.status(), answer.body), (409, format!("{sentence}\n").into_bytes()));
    }
    let status = status(&folder).await;
    assert_eq!(status["endpoints"][0]["path"], "/news");
    assert_eq!(status["listeners"][0], address.to_string());
    shutdown.stop();
    soon(serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn during_a_drain_it_answers_on_and_a_stop_makes_short_work_of_it() {
    let (folder, server) = server("/chat");
    let drain =
        Drain::new().delay(Duration::from_secs(100)).spread(Duration::from_secs(100)).restart();
    let running = start(server.drain(drain).stop_period(Duration::from_secs(600))).await;
    let mut client = open(&running, "/chat").await;
    let serving = tokio::spawn(running.until_signalled());
    assert_eq!(ask(&folder, "POST /drain").await.status(), 202);
    while status(&folder).await["state"] != "draining" {}
    let reload = ask(&folder, "POST /reload").await;
    assert_eq!((reload.status(), &*reload.body), (409, &b"the server is about to stop\n"[..]));
    assert_eq!(ask(&folder, "POST /drain").await.status(), 202);
    assert!(client.is_silent());
    assert_eq!(ask(&folder, "POST /stop").await.status(), 202);
    assert_eq!(client.hear_close().await.0, 1012);
    drop(client);
    soon(serving).await.unwrap().unwrap();
    assert!(!folder.path().join("admin").exists(), "the socket's file is removed");
}

#[tokio::test]
async fn a_stop_closes_every_client_and_ends_the_server() {
    let (folder, server) = server("/chat");
    let running = start(server).await;
    let mut client = open(&running, "/chat").await;
    let serving = tokio::spawn(running.until_signalled());
    assert_eq!(ask(&folder, "POST /stop").await.status(), 202);
    assert_eq!(client.hear_close().await.0, 1001);
    drop(client);
    soon(serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn its_file_is_for_the_owner_alone_unless_it_is_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name);
    let text = Listener::from(format!("unix:{}", path("text").display()));
    let server = Server::new()
        .listen(Listener::unix(path("usual")).admin())
        .listen(text.admin())
        .listen(Listener::unix(path("before")).mode(0o660).admin())
        .listen(Listener::unix(path("after")).admin().mode(0o660))
        .host(Host::new("localhost"))
        .workers(1);
    let running = start(server).await;
    for (name, mode) in [("usual", 0o600), ("text", 0o600), ("before", 0o660), ("after", 0o660)] {
        let permissions = fs::symlink_metadata(path(name)).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{name}");
    }
    soon(running.stop()).await;
}

#[tokio::test]
async fn where_others_could_ask_too_the_server_does_not_start() {
    let server = Server::new().listen(Listener::from("127.0.0.1:0").admin());
    let error = soon(server.host(Host::new("localhost")).start()).await.unwrap_err();
    assert!(matches!(error, ServerError::AdminOverTcp { .. }), "{error}");
    assert!(error.to_string().contains("call `Listener::admin` on a Unix socket"), "{error}");
}
