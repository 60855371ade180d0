//! The body of a request: how long it may take while somebody waits for it, and what becomes of it
//! if nobody does.

use std::{
    fs,
    time::{Duration, Instant},
};

use aerys::{Host, Server};
use axum::{
    Router,
    body::Body,
    routing::{get as on_get, post as on_post},
};
use bytes::Bytes;

use tokio::io::AsyncWriteExt;

use crate::common::{Answer, Journal, Raw, Running, get, soon, start};

const PERIOD: Duration = Duration::from_millis(400);
const RATE: u64 = 500;

/// Answers at `/read` how long a body is, as it does at `/later`, where it begins late and notes
/// that; at `/echo` with the body itself, as it comes; at `/unread` without a look at it.
fn router(journal: &Journal) -> Router {
    let journal = journal.clone();
    let read = async |body: Bytes| body.len().to_string();
    let later = async move |body: Body| {
        tokio::time::sleep(3 * PERIOD).await;
        journal.note("reads");
        axum::body::to_bytes(body, 1 << 20).await.map(|body| body.len().to_string()).unwrap()
    };
    Router::new()
        .route("/read", on_post(read))
        .route("/later", on_post(later))
        .route("/echo", on_post(async |body: Body| body))
        .route("/unread", on_post(async || "unread").merge(on_get(async || "unread")))
}

async fn serve() -> (Running, Journal) {
    let journal = Journal::default();
    let host = Host::new("localhost").service(router(&journal));
    let server = Server::new().host(host).body_period(PERIOD).min_body_rate(RATE);
    (start(server).await, journal)
}

fn post(path: &str, length: usize) -> String {
    get(path, &format!("Content-Length: {length}\r\n")).replacen("GET", "POST", 1)
}

/// Waits for the answer to what was written, and writes a byte now and then meanwhile.
async fn trickle(raw: Raw, pause: Duration) -> Answer {
    let (mut reads, mut writes) = raw.split();
    let trickle = async {
        loop {
            // The server may have hung up.
            let _ = writes.write(b"x").await;
            tokio::time::sleep(pause).await;
        }
    };
    tokio::select! {
        answer = reads.answer() => answer,
        () = trickle => unreachable!(),
    }
}

#[tokio::test]
async fn one_that_takes_too_long_with_a_body_is_answered_408() {
    let (server, _) = serve().await;
    let chunked = get("/read", "Transfer-Encoding: chunked\r\n").replacen("GET", "POST", 1);
    for (what, sent) in [
        ("nothing", post("/read", 10)),
        ("half", post("/read", 10) + "hello"),
        ("much and then nothing", post("/read", 100_000) + &"x".repeat(90_000)),
        ("half a chunk", chunked.clone() + "a\r\nhello"),
        ("half a chunk's head", chunked.clone() + "5\r\nhello\r\n5"),
        ("no last chunk", chunked + "5\r\nhello\r\n"),
    ] {
        let (mut raw, begin) = (Raw::connect(&server).await, Instant::now());
        let answer = raw.ask(sent).await;
        assert_eq!(answer.status(), 408, "{what}: {answer:?}");
        assert!(begin.elapsed() >= PERIOD, "{what}: after {:?}", begin.elapsed());
        assert_eq!(answer.header("connection"), Some("close"), "{what}");
        assert_eq!(raw.rest().await, b"", "{what}");
    }
    server.stop().await;
}

#[tokio::test]
async fn one_that_sends_a_body_too_slowly_is_answered_408() {
    let (server, _) = serve().await;
    let mut raw = Raw::connect(&server).await;
    let begin = Instant::now();
    raw.write(post("/read", 100_000)).await;
    // Never silent for long.
    assert_eq!(trickle(raw, PERIOD / 20).await.status(), 408);
    assert!(begin.elapsed() >= PERIOD, "after {:?}", begin.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn one_that_is_slow_and_steady_is_waited_for() {
    let (server, _) = serve().await;
    let mut raw = Raw::connect(&server).await;
    let (count, pause) = (24, PERIOD / 8);
    let size = 4 * RATE as usize * pause.as_millis() as usize / 1000;
    raw.write(post("/read", count * size)).await;
    for _ in 0..count {
        tokio::time::sleep(pause).await;
        raw.write("x".repeat(size)).await;
    }
    assert_eq!(raw.answer().await.text(), (count * size).to_string());
    server.stop().await;
}

#[tokio::test]
async fn what_is_turned_off_is_not_asked_for() {
    let journal = Journal::default();
    let host = || Host::new("localhost").service(router(&journal));
    let no_rate = start(Server::new().host(host()).body_period(PERIOD).min_body_rate(0)).await;
    let no_period = start(Server::new().host(host()).body_period(None).min_body_rate(0)).await;
    for (server, pause) in [(no_rate, PERIOD / 4), (no_period, PERIOD * 3 / 2)] {
        let mut raw = Raw::connect(&server).await;
        raw.write(post("/read", 5)).await;
        assert_eq!(trickle(raw, pause).await.text(), "5", "{pause:?}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_service_that_does_not_read_is_not_its_clients_fault() {
    let (server, journal) = serve().await;
    let mut raw = Raw::connect(&server).await;
    raw.write(post("/later", 10)).await;
    journal.until_noted("reads").await;
    assert_eq!(raw.ask("0123456789").await.text(), "10");
    server.stop().await;
}

#[tokio::test]
async fn one_that_stops_in_the_middle_of_the_response_is_cut_off() {
    let (server, _) = serve().await;
    let mut raw = Raw::connect(&server).await;
    raw.write(post("/echo", 10) + "hello").await;
    assert!(raw.head().await.starts_with("HTTP/1.1 200 "));
    assert_eq!(raw.rest().await, b"hello", "of ten bytes");
    server.stop().await;
}

#[tokio::test]
async fn one_that_asks_before_it_sends_has_as_much_time() {
    let (server, _) = serve().await;
    let expects = get("/read", "Content-Length: 10\r\nExpect: 100-continue\r\n");
    for sends in [true, false] {
        let mut raw = Raw::connect(&server).await;
        raw.write(expects.replacen("GET", "POST", 1)).await;
        assert_eq!(raw.answer().await.status(), 100);
        if sends {
            assert_eq!(raw.ask("0123456789").await.text(), "10");
        } else {
            assert_eq!(raw.answer().await.status(), 408);
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn the_answer_to_a_body_that_nobody_reads_arrives() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "a file").unwrap();
    let files = start(Server::new().host(Host::new("localhost").root(folder.path()))).await;
    let (service, _) = serve().await;
    for (server, method, path, status) in [
        (&files, "GET", "/nowhere", 404),
        (&files, "GET", "/file", 200),
        (&files, "POST", "/file", 405),
        (&service, "POST", "/unread", 200),
        (&service, "GET", "/unread", 200),
        (&service, "POST", "/nowhere", 404),
    ] {
        for length in [10, 100_000, 8 << 20] {
            let mut raw = Raw::connect(server).await;
            raw.write(post(path, length).replacen("POST", method, 1)).await;
            // All of it, before the answer is looked at.
            raw.write(vec![b'x'; length]).await;
            assert_eq!(raw.answer().await.status(), status, "{method} {path}, {length}");
        }
    }
    files.stop().await;
    service.stop().await;
}

#[tokio::test]
async fn a_long_answer_to_a_body_that_nobody_reads_arrives_whole() {
    const LONG: usize = 24 << 20;
    let router = Router::new().route("/", on_post(async || vec![b'x'; LONG]));
    let server = start(Server::new().host(Host::new("localhost").service(router))).await;
    for upgrade in ["", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"] {
        for behind in [1, 100_000] {
            let head = post("/", 200_000).replacen("Host:", &format!("{upgrade}Host:"), 1);
            let mut raw = Raw::connect(&server).await;
            raw.write(head + &"x".repeat(behind)).await;
            let answer = raw.answer().await;
            assert_eq!((answer.status(), answer.body.len()), (200, LONG), "{upgrade:?} {behind}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_not_taken_for_ever() {
    let (server, _) = serve().await;
    let mut raw = Raw::connect(&server).await;
    raw.write(post("/nowhere", 1 << 40)).await;
    let piece = [b'x'; 64 << 10];
    let taken = async {
        for sent in 0..16 << 10 {
            if raw.stream.write_all(&piece).await.is_err() {
                return sent;
            }
        }
        panic!("a gigabyte was taken");
    };
    soon(taken).await;
    server.stop().await;
}
