//! Who is slow is waited for, and nothing grows meanwhile.

#[path = "../../../server/tests/process/memory.rs"]
mod memory;

use std::{
    process,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio_tungstenite::tungstenite::Message;

use super::common::{app, endpoint, serve, serve_with};

#[tokio::test]
async fn the_next_message_waits_for_the_done_of_the_one_before() {
    let server = serve(app("", "waits")).await;
    let (mut ann, mut bob) = (server.connect("").await, server.connect("").await);
    ann.say("later").await;
    ann.say("not yet").await;
    // Others are not kept waiting, and hear what comes after it.
    for _ in 0..20 {
        assert_eq!(bob.ask("hello").await, "hello");
    }
    let is_silent = ann.is_silent_for(Duration::from_millis(200)).await;
    assert!(is_silent, "the second message was handled before the first");
    server.stop().await;
}

#[tokio::test]
async fn clients_of_a_process_that_does_not_read_are_not_read_and_nothing_grows() {
    let options = app("", "does not read").max_queued_bytes(256 << 10);
    let server = serve_with(options, endpoint().max_msg_size(1 << 20)).await;
    let mut clients = join_all((0..8).map(|_| server.connect(""))).await;
    let mut ann = server.connect("").await;
    for client in &mut clients {
        assert_eq!(client.ask("hello").await, "hello");
    }
    ann.say("stop reading").await;
    let before = memory();
    let sent: usize = join_all(clients.iter_mut().map(flood)).await.into_iter().sum();
    let grown = memory().saturating_sub(before);
    assert!(sent < 256 << 20, "it took {sent} bytes");
    assert!(grown < 64 << 20, "{grown} bytes more, of {sent}");
    server.stop().await;
}

/// Sends until nothing more is taken for a while. How many bytes were.
async fn flood(client: &mut super::common::Socket) -> usize {
    let mut sent = 0;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        let message = Message::binary(vec![7; 256 << 10]);
        match tokio::time::timeout(Duration::from_millis(300), client.send(message)).await {
            Ok(Ok(())) => sent += 256 << 10,
            _ => return sent,
        }
    }
    panic!("{sent} bytes, and still it takes more");
}

/// What this process has in memory of its own, in bytes; 0 where that is not to be known.
fn memory() -> usize {
    memory::memory(process::id()).unwrap_or(0)
}
