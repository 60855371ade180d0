//! Clients that do not behave, on command.

use std::time::Duration;

use aerys::{Options, test::Event};
use tokio::time::sleep;

use crate::{Echo, serve};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn one_that_vanishes_has_gone_with_1006() {
    let app = Echo::default();
    let server = serve(app.clone(), Options::new()).await;
    server.connect("/").await.vanish();
    sleep(SECOND).await;
    assert_eq!(app.lines()[1..], ["gone 1006 "]);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_whose_network_is_gone_is_found_out_by_its_heartbeat() {
    let app = Echo::default();
    let server = serve(app.clone(), Options::new()).await;
    let client = server.connect("/").await;
    client.go_silent();
    sleep(30 * SECOND).await;
    assert_eq!(app.lines().len(), 1);
    // A kernel that acknowledges nothing of a ping is a slow one for seven periods.
    sleep(70 * SECOND).await;
    assert_eq!(app.lines()[1..], ["gone 1008 no answer to pings"]);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_stops_reading_is_owed_no_more_than_it_may_be() {
    let app = Echo::default();
    let server = serve(app.clone(), Options::new().max_queued_bytes(100_000)).await;
    let mut client = server.connect("/").await;
    client.stop_reading();
    // Its own kernel and the server's take 128 KiB; then the server hears it no more.
    let mut sent = 0;
    while tokio::time::timeout(SECOND, client.send(vec![7; 10_000])).await.is_ok() {
        sent += 1;
        assert!(sent < 100, "the server reads whatever comes");
    }
    client.resume_reading();
    for _ in 0..sent {
        assert_eq!(client.message().await.len(), 10_000);
    }
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_reads_as_many_bytes_as_it_is_told_to() {
    let server = serve(Echo::default(), Options::new()).await;
    let mut client = server.connect("/").await;
    client.read_bytes(2 + 3 + 2);
    client.send("one").await;
    client.send("two").await;
    assert_eq!(client.hear().await, "one");
    assert_eq!(client.now().await, None, "the header has come, and no more");
    client.read_bytes(3);
    assert_eq!(client.hear().await, "two");
    client.resume_reading();
    server.stop().await;
    assert_eq!(client.hear_close().await.0, 1001);
}

#[tokio::test(start_paused = true)]
async fn one_that_sends_nothing_more_has_gone_and_reads_to_the_end() {
    let app = Echo::default();
    let server = serve(app.clone(), Options::new()).await;
    let mut client = server.connect("/").await;
    client.send("last").await;
    client.end();
    assert_eq!(client.hear().await, "last");
    assert_eq!(client.next().await, Event::End);
    assert_eq!(app.lines()[1..], ["gone 1006 "]);
    server.stop().await;
}
