//! Time is the test's: what waits for it follows `tokio::time::advance`, and an hour takes none.

use std::time::Duration;

use aerys::{
    Accepted, Handshake, Options, Refusal, Websocket,
    test::{Event, TestServer},
};
use tokio::time::{Instant, advance, sleep};

use crate::{Echo, serve};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_hour_of_heartbeats_takes_no_time() {
    let began = std::time::Instant::now();
    let server = TestServer::of(Echo::default()).await;
    let mut client = server.connect("/").await;
    let (start, mut pings) = (Instant::now(), 0);
    while start.elapsed() < 3600 * SECOND {
        assert!(matches!(client.next().await, Event::Ping(_)));
        pings += 1;
        let (silent, period) = (start.elapsed().as_millis(), 10_000);
        assert_eq!((silent % period, silent / period), (0, pings), "one every ten seconds");
    }
    server.stop().await;
    assert!(began.elapsed() < 5 * SECOND, "it took {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_no_ping_is_closed_when_it_is_time_and_not_before() {
    let app = Echo::default();
    let options = Options::new().heartbeat_period(SECOND).queued_ping_limit(3);
    let server = serve(app.clone(), options).await;
    let client = server.connect("/").await;
    client.stop_reading();
    // Three pings, at 1, 2 and 3 s; the fourth is due at 4 s.
    sleep(Duration::from_millis(3990)).await;
    assert_eq!(app.lines().len(), 1);
    sleep(Duration::from_millis(20)).await;
    assert_eq!(app.lines()[1..], ["gone 1008 no answer to pings"]);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_not_answered_ends_after_its_period() {
    let app = Echo::default();
    let options = Options::new().close_period(7 * SECOND).heartbeat_period(None);
    let server = serve(app.clone(), options).await;
    let mut client = server.connect("/").await;
    // A frame that no client may send (RFC 6455 §5.2).
    client.send_raw(&[0xFF, 0x80, 0, 0, 0, 0]).await;
    let (code, _) = client.hear_close().await;
    assert_eq!(code, 1002);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn timers_ring_when_they_are_due() {
    /// Says so after 90 s, and every 40.
    struct Clock;

    impl Websocket for Clock {
        async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
            let client = handshake.accept();
            client.once(90 * SECOND, async |client| Ok(client.send("once").await?));
            client.repeat(40 * SECOND, async |client| Ok(client.send("again").await?));
            Ok(client)
        }
    }

    let server = TestServer::of(Clock).await;
    let mut client = server.connect("/").await;
    let start = Instant::now();
    for (text, seconds) in [("again", 40), ("again", 80), ("once", 90), ("again", 120)] {
        assert_eq!(client.hear().await, text);
        assert_eq!(start.elapsed().as_secs(), seconds);
    }
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn on_open_may_think_until_its_period_ends() {
    /// Never decides.
    struct Slow;

    impl Websocket for Slow {
        async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
            sleep(3600 * SECOND).await;
            Ok(handshake.accept())
        }
    }

    let server = TestServer::of(Slow).await;
    let start = Instant::now();
    let refused = server.ask("/").connect().await.expect_err("it takes too long");
    assert_eq!((refused.status().as_u16(), start.elapsed().as_secs()), (503, 10));
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_while_time_stands_still() {
    let server = TestServer::of(Echo::default()).await;
    let mut client = server.connect("/").await;
    assert_eq!(client.now().await, None);
    advance(9 * SECOND).await;
    assert_eq!(client.now().await, None);
    advance(SECOND).await;
    assert!(matches!(client.now().await, Some(Event::Ping(_))));
    server.stop().await;
}
