//! A client that sends nothing more, and reads all the same: every response arrives whole.

use std::{fs, time::Duration};

use aerys::Host;
use axum::{
    Router,
    routing::{get as on_get, post as on_post},
};
use bytes::Bytes;
use tempfile::TempDir;

use crate::common::{Journal, Raw, Running, events, get, serve_host};

/// More than all buffers between a server and its client hold.
const LONG: usize = 24 << 20;

/// Files, and behind them a service.
async fn site() -> (Running, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("short"), "0123456789").unwrap();
    fs::write(folder.path().join("long"), vec![b'x'; LONG]).unwrap();
    let later = async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        "later"
    };
    let echo = async |body: Bytes| body;
    let router = Router::new().route("/later", on_get(later)).route("/echo", on_post(echo));
    let host = Host::new("localhost").root(folder.path()).service(router);
    (serve_host(host).await, folder)
}

/// Takes the next response off, and answers its status and body.
fn take_response(bytes: &mut &[u8]) -> (u16, usize) {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).expect("a length");
    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
    assert!(bytes.len() >= end + length, "{} of {length} bytes came", bytes.len() - end);
    *bytes = &bytes[end + length..];
    (head[9..12].parse().unwrap(), length)
}

#[tokio::test]
async fn one_that_sends_nothing_more_gets_every_response_whole_and_then_the_end() {
    let (server, _folder) = site().await;
    let post = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n";
    for (what, requests, expected) in [
        ("a file", get("/short", ""), &[(200, 10)][..]),
        ("a long file", get("/long", ""), &[(200, LONG)]),
        ("a long file over what could be another protocol", get("/long", upgrade), &[(200, LONG)]),
        ("a page", get("/later", ""), &[(200, 5)]),
        ("a page that reads a body", post.to_owned(), &[(200, 5)]),
        ("the last one", get("/short", "Connection: close\r\n"), &[(200, 10)]),
        ("one of HTTP/1.0", "GET /long HTTP/1.0\r\nHost: localhost\r\n\r\n".into(), &[(200, LONG)]),
        (
            "files",
            [get("/short", ""), get("/long", ""), get("/short", "")].concat(),
            &[(200, 10), (200, LONG), (200, 10)],
        ),
        ("pages", [post, &get("/later", ""), &get("/later", ""), post].concat(), &[(200, 5); 4]),
    ] {
        let mut raw = Raw::connect(&server).await;
        raw.write(&requests).await;
        raw.end().await;
        let all = raw.rest().await;
        let mut left = &all[..];
        for (index, response) in expected.iter().enumerate() {
            assert_eq!(take_response(&mut left), *response, "{what}, response {index}");
        }
        assert_eq!(left, b"", "{what}");
    }
    server.stop().await;
}

#[tokio::test]
async fn one_that_sends_nothing_more_during_a_response_gets_the_rest_of_it() {
    let (server, _folder) = site().await;
    let mut raw = Raw::connect(&server).await;
    raw.write(get("/long", "")).await;
    assert!(raw.head().await.contains("content-length"));
    raw.bytes(LONG / 3).await;
    raw.end().await;
    assert_eq!(raw.rest().await.len(), LONG - LONG / 3);
    server.stop().await;
}

#[tokio::test]
async fn half_a_head_and_the_end_is_the_end() {
    let (server, _folder) = site().await;
    for half in ["", "GET", "GET / HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut raw = Raw::connect(&server).await;
        raw.write(half).await;
        raw.end().await;
        assert_eq!(raw.rest().await, b"", "{half:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_response_without_end_ends_when_a_half_closed_client_has_really_gone() {
    let journal = Journal::default();
    let server = serve_host(Host::new("localhost").service(events(&journal))).await;
    let mut raw = Raw::connect(&server).await;
    raw.write(get("/events", "")).await;
    raw.end().await;
    raw.head().await;
    for _ in 0..3 {
        assert_eq!(raw.bytes(10).await, b"5\r\nevent\r\n");
    }
    assert!(journal.lines().is_empty());
    drop(raw);
    journal.until_noted("dropped").await;
    server.stop().await;
}
