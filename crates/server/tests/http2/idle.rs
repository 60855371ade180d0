//! Connections on which nothing happens.

use std::time::Duration;

use aerys::Options;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::{
    Stage,
    frames::{self, ACK, END_HEADERS, END_STREAM, HEADERS, NO_ERROR, PING, PREFACE, frame},
    soon,
};

const SHORT: Duration = Duration::from_millis(300);

async fn impatient() -> Stage {
    Stage::set(Options::new().heartbeat_period(None), |server| server.head_period(SHORT)).await
}

#[tokio::test]
async fn a_connection_without_a_stream_is_told_that_it_ends() {
    let stage = impatient().await;
    let mut raw = stage.raw().await;
    assert_eq!(raw.goes_away().await, Some(NO_ERROR));
    // From the last stream on it has as long again.
    let mut raw = stage.raw().await;
    let began = Instant::now();
    sleep(SHORT / 2).await;
    let page = frames::request("GET", "/file.txt");
    raw.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &page)).await.unwrap();
    assert_eq!(raw.goes_away().await, Some(NO_ERROR));
    assert!(began.elapsed() >= SHORT / 2 + SHORT);
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn a_connection_that_does_not_begin_ends() {
    let stage = impatient().await;
    for begun in [&b""[..], &PREFACE[..10], PREFACE] {
        let mut stream = TcpStream::connect(stage.server.address()).await.unwrap();
        stream.write_all(begun).await.unwrap();
        let mut rest = Vec::new();
        // However it ends.
        let _ = soon(stream.read_to_end(&mut rest)).await;
    }
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn a_head_that_does_not_end_does_not_keep_a_connection() {
    let stage = impatient().await;
    let mut raw = stage.raw().await;
    raw.write(&frame(HEADERS, 0, 1, &frames::request("GET", "/file.txt"))).await.unwrap();
    while raw.next().await.is_some() {}
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn a_websocket_keeps_its_connection() {
    let stage = impatient().await;
    let mut client = stage.client().await;
    let mut socket = client.open("/echo").await;
    sleep(SHORT * 3).await;
    socket.say("still here").await;
    assert_eq!(socket.hear_text().await, "still here");
    soon(stage.server.stop()).await;
}

/// A client is asked whether it is there after half of this.
const STALL: Duration = Duration::from_millis(800);

async fn watchful() -> Stage {
    Stage::set(Options::new().heartbeat_period(None), |server| server.stall_period(STALL)).await
}

#[tokio::test]
async fn a_silent_client_is_asked_and_stays_if_it_answers() {
    let mut stage = watchful().await;
    let mut raw = stage.raw().await;
    raw.write(&frame(HEADERS, END_HEADERS, 1, &frames::handshake("/silent"))).await.unwrap();
    let guest = stage.guest().await;
    let began = Instant::now();
    while began.elapsed() < STALL * 3 {
        let ping = loop {
            let ping = raw.next_of(PING).await.expect("it is asked");
            if ping.flags & ACK == 0 {
                break ping;
            }
        };
        raw.write(&frame(PING, ACK, 0, &ping.payload)).await.unwrap();
    }
    soon(guest.send("still here").into_future()).await.expect("it is there");
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn a_silent_client_that_does_not_answer_has_gone() {
    let mut stage = watchful().await;
    let mut raw = stage.raw().await;
    raw.write(&frame(HEADERS, END_HEADERS, 1, &frames::handshake("/silent"))).await.unwrap();
    stage.guest().await;
    assert!(stage.departure().await.starts_with("1006"));
    while raw.next().await.is_some() {}
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn a_response_that_is_not_read_is_cut_off_and_its_connection_is_not() {
    let stage = watchful().await;
    let mut client = stage.client().await;
    let request = http::Request::get("http://localhost/large.bin").body(()).unwrap();
    let unread = soon(client.send(request).await).await.unwrap().into_body();
    let cut = soon(async {
        let mut unread = unread;
        sleep(STALL * 2).await;
        loop {
            match unread.data().await {
                Some(Ok(bytes)) => unread.flow_control().release_capacity(bytes.len()).unwrap(),
                end => return end,
            }
        }
    });
    assert!(cut.await.is_some_and(|end| end.is_err()), "it is not whole");
    assert_eq!(client.get("/file.txt").await.1, crate::FILE);
    soon(stage.server.stop()).await;
}
