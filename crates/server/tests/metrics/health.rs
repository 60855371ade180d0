//! What a listener for metrics answers.

use std::{
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use aerys::{
    Accepted, Client, Drain, Failure, Handshake, Host, Listener, Message, Options, Refusal,
    Running, Server, Websocket,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::stage::{CLOSE, Peer, TEXT, soon, start};

/// Blocks its thread with each message until it is let go.
#[derive(Clone, Default)]
struct Blocker(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    blocked: usize,
    is_released: bool,
}

impl Websocket for Blocker {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, _: &Client, _: Message) -> Result<(), Failure> {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.blocked += 1;
        changed.notify_all();
        drop(changed.wait_while(state, |state| !state.is_released).unwrap());
        Ok(())
    }
}

impl Blocker {
    fn blocked(&self) -> usize {
        self.0.0.lock().unwrap().blocked
    }

    fn release(&self) {
        self.0.0.lock().unwrap().is_released = true;
        self.0.1.notify_all();
    }
}

/// Lets its threads go also if the test fails.
struct Released(Blocker);

impl Drop for Released {
    fn drop(&mut self) {
        self.0.release();
    }
}

async fn serve(app: Blocker, workers: usize) -> Running {
    let options = Options::new().heartbeat_period(None);
    let host = Host::new("localhost").websocket_with("/", app, options);
    let server = Server::new()
        .host(host)
        .listen("127.0.0.1:0")
        .listen(Listener::from("127.0.0.1:0").metrics())
        .drain(Drain::new().delay(Duration::from_secs(2)).spread(Duration::from_secs(2)))
        .workers(workers);
    start(server).await
}

/// The head and the body of an answer.
async fn ask(address: SocketAddr, method: &str, path: &str, extra: &str) -> (String, String) {
    let mut stream = soon(TcpStream::connect(address)).await.expect("it listens");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n{extra}\r\n"
    );
    soon(stream.write_all(request.as_bytes())).await.expect("it reads");
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    (head.to_ascii_lowercase(), body.to_owned())
}

async fn status(address: SocketAddr, method: &str, path: &str) -> String {
    let (head, _) = ask(address, method, path, "").await;
    head.split(' ').nth(1).expect("a status line").to_owned()
}

#[tokio::test]
async fn it_answers_three_paths_and_nothing_else_whatever_host_is_asked_for() {
    let server = serve(Blocker::default(), 2).await;
    let [usual, metrics] = server.addresses() else { panic!("there are two listeners") };
    for (method, path, expected) in [
        ("GET", "/metrics", "200"),
        ("GET", "/metrics?name[]=aerys_clients", "200"),
        ("GET", "/healthz", "200"),
        ("GET", "/readyz", "200"),
        ("HEAD", "/metrics", "200"),
        ("HEAD", "/healthz", "200"),
        ("HEAD", "/readyz", "200"),
        ("GET", "/", "404"),
        ("GET", "/metrics/", "404"),
        ("POST", "/", "404"),
        ("POST", "/metrics", "405"),
        ("OPTIONS", "/healthz", "405"),
        ("DELETE", "/readyz", "405"),
    ] {
        assert_eq!(status(*metrics, method, path).await, expected, "{method} {path}");
    }
    let (head, body) = ask(*metrics, "HEAD", "/metrics", "").await;
    assert!(head.contains("content-length:") && body.is_empty(), "{head}");
    let (head, _) = ask(*metrics, "PUT", "/metrics", "").await;
    assert!(head.contains("\r\nallow: get, head"), "{head}");
    // A websocket is not to be had there, and metrics nowhere else.
    let mut peer = Peer(soon(TcpStream::connect(metrics)).await.unwrap());
    assert_eq!(peer.knock("/", "").await, 404);
    assert_eq!(status(*usual, "GET", "/metrics").await, "421");
    server.stop().await;
}

#[tokio::test]
async fn metrics_are_in_the_format_that_is_accepted() {
    let server = serve(Blocker::default(), 1).await;
    let metrics = server.addresses()[1];
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let prometheus = "text/plain; version=0.0.4; charset=utf-8";
    for (accept, expected) in [
        ("", prometheus),
        ("Accept: */*\r\n", prometheus),
        ("Accept: text/plain\r\n", prometheus),
        ("Accept: application/openmetrics-text\r\n", open),
        (
            "Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3\r\n",
            open,
        ),
        ("Accept: text/plain\r\nAccept: Application/OpenMetrics-Text; q=1\r\n", open),
        ("Accept: application/openmetrics-text;q=0\r\n", prometheus),
    ] {
        let (head, body) = ask(metrics, "GET", "/metrics", accept).await;
        assert!(head.contains(&format!("\r\ncontent-type: {expected}")), "{accept}: {head}");
        assert_eq!(body.ends_with("# EOF\n"), expected == open, "{accept}");
        assert!(body.contains("\naerys_clients{endpoint=\"localhost/\"} 0\n"), "{body}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_worker_that_does_not_answer_is_named_until_it_does() {
    let blocker = Blocker::default();
    let _released = Released(blocker.clone());
    let server = serve(blocker.clone(), 2).await;
    let metrics = server.addresses()[1];
    let (head, body) = ask(metrics, "GET", "/healthz", "").await;
    assert!(head.starts_with("http/1.1 200 ") && body == "well\n", "{head}\n{body}");
    let mut peer = Peer::open(&server).await;
    peer.say(TEXT, b"block").await;
    crate::stage::eventually(|| blocker.blocked() == 1).await;
    // More than once: the answer is the same for as long as it is true.
    for _ in 0..3 {
        let (head, body) = ask(metrics, "GET", "/healthz", "").await;
        assert!(head.starts_with("http/1.1 503 "), "{head}");
        let names = |worker| {
            body == format!("Worker {worker} does not answer: a handler blocks its thread.\n")
        };
        assert!(names(0) || names(1), "{body}");
    }
    assert_eq!(status(metrics, "GET", "/readyz").await, "200");
    blocker.release();
    assert_eq!(status(metrics, "GET", "/healthz").await, "200");
    server.stop().await;
}

#[tokio::test]
async fn it_goes_on_during_a_drain_and_says_that_nobody_is_to_come() {
    let server = serve(Blocker::default(), 2).await;
    let metrics = server.addresses()[1];
    let figures = server.metrics();
    let mut peer = Peer::open(&server).await;
    let draining = tokio::spawn(server.drain());
    crate::stage::eventually(|| !figures.snapshot().is_ready).await;
    assert_eq!(status(metrics, "GET", "/readyz").await, "503");
    crate::stage::eventually(|| figures.snapshot().is_draining).await;
    assert_eq!(status(metrics, "GET", "/readyz").await, "503");
    assert_eq!(status(metrics, "GET", "/healthz").await, "200");
    let (_, body) = ask(metrics, "GET", "/metrics", "").await;
    assert!(body.contains("\naerys_ready 0\n") && body.contains("\naerys_draining 1\n"), "{body}");
    assert_eq!(peer.hear().await.0, 0x80 | CLOSE);
    peer.say(CLOSE, &1001_u16.to_be_bytes()).await;
    draining.await.expect("it drains");
}
