//! What HTTP has under way when the server stops: each gets its share of the time, and no more.

use std::{
    fs,
    time::{Duration, Instant},
};

use aerys::{Host, Options, Server};
use axum::routing::{get as on_get, post as on_post};
use tempfile::TempDir;

use crate::common::{Journal, Lobby, Raw, Running, events, get, soon, start};

const STOP: Duration = Duration::from_secs(4);

/// Long before a response has had its share.
const AT_ONCE: Duration = Duration::from_millis(1200);

/// The size of a file that is not with its reader at once.
const SHORT: usize = 2 << 20;

/// A service, files, and a websocket whose `on_stop` is noted.
async fn site() -> (Running, Journal, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("long"), vec![b'x'; 32 << 20]).unwrap();
    fs::write(folder.path().join("short"), vec![b'x'; SHORT]).unwrap();
    let (lobby, guests) = Lobby::new();
    let journal = guests.journal;
    let (reads, thinks) = (journal.clone(), journal.clone());
    let read = async move |body: axum::body::Body| {
        reads.note("asked");
        axum::body::to_bytes(body, 1 << 20).await.map(|_| ()).map_err(|error| error.to_string())
    };
    // Its body comes with its head, and is read late or not at all.
    let think = async move |body: axum::body::Body| {
        thinks.note("asked");
        tokio::time::sleep(AT_ONCE / 2).await;
        axum::body::to_bytes(body, 5).await.map(|_| "thought").map_err(|error| error.to_string())
    };
    let router = events(&journal)
        .route("/read", on_post(read))
        .route("/think", on_get(think.clone()).post(think));
    let host = Host::new("localhost").root(folder.path()).service(router).websocket_with(
        "/chat",
        lobby,
        Options::new(),
    );
    (start(Server::new().host(host).stop_period(STOP)).await, journal, folder)
}

async fn stop(server: Running) -> Duration {
    let begin = Instant::now();
    soon(server.stop()).await;
    begin.elapsed()
}

#[tokio::test]
async fn what_is_not_whole_is_ended_at_once() {
    let post = "POST /read HTTP/1.1\r\nHost: localhost\r\n";
    for (what, sent, is_asked) in [
        ("nothing", String::new(), false),
        ("half a head", "GET / HTTP/1.1\r\nHost: lo".into(), false),
        ("a page, and nothing", get("/nowhere", ""), false),
        ("a page, and half a head", get("/nowhere", "") + "GET /", false),
        ("no body", format!("{post}Content-Length: 10\r\n\r\n"), true),
        ("half a body", format!("{post}Content-Length: 10\r\n\r\nhello"), true),
        ("half a chunk", format!("{post}Transfer-Encoding: chunked\r\n\r\na\r\nhello"), true),
        ("no body yet", format!("{post}Content-Length: 9\r\nExpect: 100-continue\r\n\r\n"), true),
    ] {
        let (server, journal, _folder) = site().await;
        let mut raw = Raw::connect(&server).await;
        raw.write(&sent).await;
        if is_asked {
            journal.until_noted("asked").await;
        } else if sent.starts_with("GET /nowhere") {
            assert_eq!(raw.answer().await.status(), 404);
        }
        let period = stop(server).await;
        assert!(period < AT_ONCE, "{what}: the stop took {period:?}");
        if is_asked {
            let last = String::from_utf8(raw.rest().await).unwrap();
            let last = last.trim_start_matches("HTTP/1.1 100 Continue\r\n\r\n");
            assert!(last.starts_with("HTTP/1.1 503 "), "{what}: {last}");
        }
    }
}

#[tokio::test]
async fn a_response_without_an_end_gets_its_share_of_the_stop() {
    let (server, journal, _folder) = site().await;
    let mut raw = Raw::connect(&server).await;
    raw.write(get("/events", "")).await;
    raw.head().await;
    let reading = tokio::spawn(raw.rest());
    let period = stop(server).await;
    assert!((STOP / 2..STOP * 3 / 4).contains(&period), "the stop took {period:?}");
    assert_eq!(journal.lines(), ["dropped", "stopped"]);
    let events = soon(reading).await.unwrap();
    assert!(events.ends_with(b"5\r\nevent\r\n"), "an event is cut, or the response is whole");
}

#[tokio::test]
async fn a_response_that_is_not_read_gets_its_share_of_the_stop() {
    let (server, journal, _folder) = site().await;
    let mut raw = Raw::connect(&server).await;
    raw.write(get("/long", "")).await;
    raw.head().await;
    let period = stop(server).await;
    assert!(period < STOP * 3 / 4, "the stop took {period:?}");
    assert_eq!(journal.lines(), ["stopped"]);
}

#[tokio::test]
async fn a_response_that_is_ready_in_time_arrives_whole() {
    let (server, journal, _folder) = site().await;
    let body = "Content-Length: 5\r\n";
    let mut asking = Vec::new();
    for request in [get("/think", ""), get("/think", body).replacen("GET", "POST", 1) + "hello"] {
        let mut raw = Raw::connect(&server).await;
        raw.write(request).await;
        asking.push(raw);
    }
    let mut file = Raw::connect(&server).await;
    file.write(get("/short", "")).await;
    file.head().await;
    journal.until(2).await;
    let reading = tokio::spawn(async move { file.bytes(SHORT).await.len() });
    stop(server).await;
    for mut raw in asking {
        let answer = raw.answer().await;
        assert_eq!((answer.text(), answer.header("connection")), ("thought", Some("close")));
        assert_eq!(raw.rest().await, b"");
    }
    assert_eq!(soon(reading).await.unwrap(), SHORT);
}
