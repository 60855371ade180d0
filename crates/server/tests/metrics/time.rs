//! How long things take: pings, handlers, and workers that are late.

use std::{thread, time::Duration};

use aerys::{
    Accepted, Client, Departure, Durations, EndpointFigures, Failure, Handshake, Message, Options,
    Refusal, Running, Websocket,
};
use tokio::time::sleep;

use crate::stage::{CLOSE, Peer, TEXT, Watch, eventually, serve};

/// Waits, or blocks its thread, for as many milliseconds as it is told.
struct Sleeper;

impl Websocket for Sleeper {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let text = message.as_text().unwrap_or_default();
        match text.split_once(' ') {
            Some(("wait", period)) => sleep(Duration::from_millis(period.parse()?)).await,
            Some(("block", period)) => thread::sleep(Duration::from_millis(period.parse()?)),
            _ => {}
        }
        client.send("done").await?;
        Ok(())
    }

    async fn on_close(&self, _: &Departure) {
        sleep(Duration::from_millis(30)).await;
    }
}

fn figures(server: &Running) -> EndpointFigures {
    server.metrics().snapshot().endpoints.remove(0)
}

/// How many took longer than this, which is a bound of the buckets.
fn longer_than(durations: Durations, bound: Duration) -> u64 {
    let (_, shorter) =
        durations.cumulative().find(|(it, _)| *it == bound).expect("it is a bound of the buckets");
    durations.count() - shorter
}

#[tokio::test]
async fn one_turn_in_64_is_timed_and_each_call_that_waits() {
    let server = serve(Sleeper, Options::new().heartbeat_period(None)).await;
    let mut peer = Peer::open(&server).await;
    // The first turn of the worker is that of `on_open`, and then each message has one.
    assert_eq!((figures(&server).on_open.count(), figures(&server).on_data.count()), (1, 0));
    for call in 1..=128 {
        peer.say(TEXT, b"nothing").await;
        assert_eq!(peer.hear().await.1, b"done");
        // What a call has taken is counted when it is over, and it says so before.
        let timed = call / 64;
        eventually(|| figures(&server).on_data.count() == timed).await;
    }
    let on_data = figures(&server).on_data;
    assert_eq!(longer_than(on_data, Duration::from_secs(1)), 0);
    let shortest = Duration::from_millis(25);
    for waited in 1..=5 {
        peer.say(TEXT, b"wait 30").await;
        assert_eq!(peer.hear().await.1, b"done");
        eventually(|| figures(&server).on_data.count() == 2 + waited).await;
    }
    assert!(longer_than(figures(&server).on_data, shortest) >= 5);
    peer.say(CLOSE, &[]).await;
    peer.ends().await;
    eventually(|| longer_than(figures(&server).on_close, shortest) == 1).await;
    server.stop().await;
}

#[tokio::test]
async fn a_ping_counts_when_it_is_answered() {
    let period = Duration::from_millis(100);
    let server =
        serve(Sleeper, Options::new().heartbeat_period(period).queued_ping_limit(100)).await;
    let mut peer = Peer::open(&server).await;
    let watch = Watch::over(&server);
    let count = r#"aerys_ping_round_trip_seconds_count{endpoint="localhost/"}"#;
    let (first, payload) = peer.hear().await;
    assert_eq!(first, 0x89);
    // One that answers nothing that was asked.
    peer.say(10, b"unasked").await;
    sleep(Duration::from_millis(30)).await;
    peer.say(10, &payload).await;
    watch.moves(&["aerys_ping_round_trip_seconds_count"], &[(count, 1)]).await;
    let round_trips = figures(&server).round_trips;
    assert_eq!(longer_than(round_trips, Duration::from_millis(25)), 1, "{round_trips:?}");
    assert!(round_trips.sum() >= Duration::from_millis(30), "{round_trips:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_worker_whose_thread_is_blocked_is_late() {
    let server = serve(Sleeper, Options::new().heartbeat_period(None)).await;
    let mut peer = Peer::open(&server).await;
    peer.say(TEXT, b"block 1200").await;
    assert_eq!(peer.hear().await.1, b"done");
    let metrics = server.metrics();
    eventually(|| longer_than(metrics.snapshot().workers[0].lag, Duration::from_millis(250)) == 1)
        .await;
    let text = metrics.prometheus();
    assert!(text.contains("aerys_worker_lag_seconds_count{worker=\"0\"} "), "{text}");
    server.stop().await;
}
