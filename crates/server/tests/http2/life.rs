//! When a stream, or its connection, ends without a CLOSE.

use http::Request;

use crate::{
    Stage,
    client::handshake,
    frames::{self, CANCEL, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, frame},
    soon,
};

#[tokio::test]
async fn who_resets_its_stream_has_gone_and_the_others_have_not() {
    let mut stage = Stage::usual().await;
    let mut client = stage.client().await;
    let (_, tunnel) = client.try_open(handshake("/silent").body(()).unwrap()).await;
    stage.guest().await;
    let mut other = client.open("/echo").await;
    tunnel.reset();
    assert!(stage.departure().await.starts_with("1006"));
    other.say("hello").await;
    assert_eq!(other.hear_text().await, "hello");
    stage.server.stop().await;
}

#[tokio::test]
async fn with_a_connection_go_all_who_are_on_it() {
    let mut stage = Stage::usual().await;
    let mut client = stage.client().await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(client.open("/silent").await);
    }
    client.end.abort();
    for _ in 0..10 {
        assert!(stage.departure().await.starts_with("1006"));
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn who_ends_its_side_without_a_close_has_gone() {
    let mut stage = Stage::usual().await;
    let mut raw = stage.raw().await;
    raw.write(&frame(HEADERS, END_HEADERS, 1, &frames::handshake("/silent"))).await.unwrap();
    stage.guest().await;
    raw.write(&frame(frames::DATA, END_STREAM, 1, &[])).await.unwrap();
    assert!(stage.departure().await.starts_with("1006"));
    stage.server.stop().await;
}

#[tokio::test]
async fn a_violation_closes_its_own_stream() {
    let mut stage = Stage::usual().await;
    let mut client = stage.client().await;
    let mut other = client.open("/echo").await;
    stage.guest().await;
    let mut raw = stage.raw().await;
    raw.write(&frame(HEADERS, END_HEADERS, 1, &frames::handshake("/echo"))).await.unwrap();
    stage.guest().await;
    // A frame that is not masked.
    raw.write(&frame(frames::DATA, 0, 1, &[0x81, 1, b'a'])).await.unwrap();
    let said = soon(raw.next_of(frames::DATA)).await.expect("it is told why");
    assert_eq!((said.payload[0], &said.payload[2..4]), (0x88, &1002_u16.to_be_bytes()[..]));
    assert!(stage.departure().await.starts_with("1002"));
    other.say("hello").await;
    assert_eq!(other.hear_text().await, "hello");
    stage.server.stop().await;
}

#[tokio::test]
async fn who_goes_before_it_is_answered_is_told_to_nobody() {
    let stage = Stage::usual().await;
    let mut raw = stage.raw().await;
    raw.write(&frame(HEADERS, END_HEADERS, 1, &frames::handshake("/thinking"))).await.unwrap();
    raw.write(&frame(RST_STREAM, 0, 1, &CANCEL.to_be_bytes())).await.unwrap();
    let page = frames::request("GET", "/file.txt");
    raw.write(&frame(HEADERS, END_HEADERS | END_STREAM, 3, &page)).await.unwrap();
    let answer = raw.next_of(HEADERS).await.expect("the connection is well");
    assert_eq!(answer.stream, 3);
    stage.server.stop().await;
}

#[tokio::test]
async fn a_response_that_is_not_wanted_any_more_costs_the_others_nothing() {
    let stage = Stage::usual().await;
    let mut client = stage.client().await;
    for _ in 0..50 {
        let request = Request::get("http://localhost/large.bin").body(()).unwrap();
        let response = soon(client.send(request).await).await.unwrap();
        drop(response);
    }
    assert_eq!(client.get("/file.txt").await.1, crate::FILE);
    stage.server.stop().await;
}
