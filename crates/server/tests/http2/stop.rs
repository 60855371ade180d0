//! A stop: 1001 to each websocket, the end of each stream, and then of the connection.

use std::time::Duration;

use aerys::Options;

use crate::{
    Stage, client,
    frames::{self, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, NO_ERROR, frame, masked},
    soon,
};

/// One whose clients have time to answer.
async fn stage() -> Stage {
    Stage::set(Options::new(), |server| server.stop_period(Duration::from_secs(20))).await
}

#[tokio::test]
async fn each_websocket_hears_1001_and_ends_and_so_does_the_connection() {
    let stage = stage().await;
    let mut client = stage.client().await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(client.open("/echo").await);
    }
    let stopped = tokio::spawn(stage.server.stop());
    for mut socket in sockets {
        assert_eq!(socket.hear_close().await.0, 1001);
        socket.ends().await;
    }
    soon(stopped).await.unwrap();
    soon(client.end).await.unwrap().expect("it ends well");
}

#[tokio::test]
async fn the_last_frames_are_close_end_stream_and_goaway() {
    let mut stage = stage().await;
    let mut raw = stage.raw().await;
    raw.write(&frame(HEADERS, END_HEADERS, 1, &frames::handshake("/silent"))).await.unwrap();
    stage.guest().await;
    let stopped = tokio::spawn(stage.server.stop());
    let close = raw.next_of(DATA).await.unwrap();
    assert_eq!((close.payload[0], &close.payload[2..4]), (0x88, &1001_u16.to_be_bytes()[..]));
    raw.write(&frame(DATA, END_STREAM, 1, &masked(0x88, &1001_u16.to_be_bytes()))).await.unwrap();
    let end = raw.next_of(DATA).await.unwrap();
    assert_eq!((end.flags & END_STREAM, end.payload.len()), (END_STREAM, 0));
    let mut last = None;
    while let Some(frame) = raw.next_of(GOAWAY).await {
        last = Some(frame);
    }
    let last = last.expect("it is told");
    assert_eq!(last.payload[4..8], NO_ERROR.to_be_bytes());
    assert_eq!(last.payload[..4], 1_u32.to_be_bytes(), "the last stream that was served");
    soon(stopped).await.unwrap();
}

#[tokio::test]
async fn a_connection_with_nothing_to_do_ends_at_once() {
    let stage = stage().await;
    let mut raw = stage.raw().await;
    let page = frames::request("GET", "/file.txt");
    raw.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &page)).await.unwrap();
    raw.next_of(DATA).await.unwrap();
    let stopped = tokio::spawn(stage.server.stop());
    assert_eq!(raw.goes_away().await, Some(NO_ERROR));
    soon(stopped).await.unwrap();
}

#[tokio::test]
async fn a_handshake_that_is_being_decided_is_answered_503() {
    let stage = Stage::usual().await;
    let mut client = stage.client().await;
    let asking = client::handshake("/thinking").body(()).unwrap();
    let mut requests = soon(client.requests.clone().ready()).await.unwrap();
    let (asked, _sending) = requests.send_request(asking, false).unwrap();
    // The server has it when it has answered what came behind.
    client.get("/file.txt").await;
    let stopped = tokio::spawn(stage.server.stop());
    assert_eq!(soon(asked).await.unwrap().status(), 503);
    soon(stopped).await.unwrap();
}
