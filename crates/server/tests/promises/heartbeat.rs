//! Pings against silence.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Message, Options, Refusal, Websocket,
};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::common::{Journal, Lobby, Raw, frame, serve_with};

const PERIOD: Duration = Duration::from_millis(100);

fn options() -> Options {
    Options::new().heartbeat_period(PERIOD).queued_ping_limit(2)
}

#[tokio::test]
async fn one_that_answers_its_pings_stays() {
    let period = 3 * PERIOD;
    let (server, guests) = Lobby::serve(options().heartbeat_period(period)).await;
    let start = Instant::now();
    let mut raw = Raw::open(&server).await;
    for _ in 0..5 {
        let (first, payload) = raw.frame().await;
        assert_eq!(first, 0x89);
        raw.write(frame(0xA, &payload)).await;
    }
    assert!(start.elapsed() >= 5 * period);
    raw.write(frame(8, &[])).await;
    assert_eq!(guests.journal.until(1).await, ["gone 1005"]);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn one_that_answers_none_is_closed() {
    let (server, guests) = Lobby::serve(options()).await;
    let mut raw = Raw::open(&server).await;
    let (first, _) = raw.frame().await;
    assert_eq!(first, 0x89);
    // A pong that answers no ping is no answer.
    raw.write(frame(0xA, b"whatever")).await;
    let (second, _) = raw.frame().await;
    assert_eq!(second, 0x89);
    assert_eq!(raw.hear_close().await.0, 1008);
    assert_eq!(guests.journal.until(1).await, ["gone 1008 no answer to pings"]);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn one_that_takes_nothing_of_what_it_is_owed_is_closed() {
    let (server, mut guests) = Lobby::serve(options().close_period(PERIOD)).await;
    let raw = Raw::open(&server).await;
    let client = guests.next().await;
    client.send(vec![0; 64 << 20]).nowait();
    assert_eq!(guests.journal.until(1).await, ["gone 1008 no answer to pings"]);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn one_that_reads_slowly_but_steadily_stays() {
    let (server, mut guests) = Lobby::serve(options()).await;
    let mut raw = Raw::open_narrow(&server).await;
    let client = guests.next().await;
    client.send(vec![0; 64 << 20]).nowait();
    // Longer than a silent one is kept; its pings are behind what it has not read yet.
    for _ in 0..20 {
        raw.bytes(1 << 20).await;
        sleep(PERIOD / 2).await;
    }
    assert_eq!(guests.journal.lines(), [""; 0]);
    drop(raw);
    assert_eq!(guests.journal.until(1).await, ["gone 1006"]);
    server.stop().await;
}

#[tokio::test]
async fn one_that_talks_is_not_pinged() {
    let (server, _guests) = Lobby::serve(options().heartbeat_period(20 * PERIOD)).await;
    let (mut talks, mut listens) = (Raw::open(&server).await, Raw::open(&server).await);
    let talk = async {
        loop {
            talks.write(frame(1, b"I am here")).await;
            sleep(PERIOD / 5).await;
        }
    };
    tokio::select! {
        () = talk => {}
        (first, _) = listens.frame() => assert_eq!(first, 0x89),
    }
    assert!(talks.is_silent());
    drop((talks, listens));
    server.stop().await;
}

#[tokio::test]
async fn nobody_is_pinged_if_there_is_no_heartbeat() {
    let (server, _guests) = Lobby::serve(options().heartbeat_period(None)).await;
    let mut raw = Raw::open(&server).await;
    assert!(timeout(4 * PERIOD, raw.bytes(1)).await.is_err());
    raw.write(frame(8, &[])).await;
    assert_eq!(raw.frame().await.0, 0x88);
    drop(raw);
    server.stop().await;
}

/// Echoes each message once it has a permit.
struct Busy(&'static Semaphore);

impl Websocket for Busy {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        self.0.acquire().await?.forget();
        client.send(message).await?;
        Ok(())
    }
}

#[tokio::test]
async fn one_whose_messages_wait_for_a_busy_handler_is_not_cut_off() {
    static PERMITS: Semaphore = Semaphore::const_new(0);
    let server = serve_with(Busy(&PERMITS), options()).await;
    let mut raw = Raw::open(&server).await;
    for text in ["a", "b", "c"] {
        raw.write(frame(1, text.as_bytes())).await;
    }
    // It is silent, but nobody listens. It answers what pings there are.
    let busy = Instant::now();
    let mut quiet = Duration::ZERO;
    while quiet < 6 * PERIOD {
        if let Ok((first, payload)) = timeout(6 * PERIOD - quiet, raw.frame()).await {
            assert_eq!(first, 0x89);
            raw.write(frame(0xA, &payload)).await;
        }
        quiet = busy.elapsed();
    }
    PERMITS.add_permits(3);
    let mut echoes = Vec::new();
    while echoes.len() < 3 {
        match raw.frame().await {
            (0x89, payload) => raw.write(frame(0xA, &payload)).await,
            (0x81, text) => echoes.push(text),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(echoes, [b"a", b"b", b"c"]);
    drop(raw);
    server.stop().await;
}

/// Never comes back from its first message.
struct Stuck(Journal);

impl Websocket for Stuck {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, _: &Client, _: Message) -> Result<(), Failure> {
        pending().await
    }

    async fn on_close(&self, gone: &Departure) {
        self.0.note(format!("gone {}", gone.code()));
    }
}

#[tokio::test]
async fn one_that_is_not_listened_to_stays_until_it_dies() {
    for resets in [false, true] {
        let journal = Journal::default();
        let server = serve_with(Stuck(journal.clone()), options().close_period(PERIOD)).await;
        let mut raw = Raw::open(&server).await;
        // More than waits for a busy handler before no more is read.
        for _ in 0..3 {
            raw.write(frame(2, &[0; 5000])).await;
        }
        // More pings than it may leave unanswered.
        for _ in 0..5 {
            assert_eq!(raw.frame().await.0, 0x89);
        }
        assert_eq!(journal.lines(), [""; 0]);
        match resets {
            true => raw.stream.reset(),
            false => drop(raw),
        }
        assert_eq!(journal.until(1).await, ["gone 1006"], "resets: {resets}");
        drop(server);
    }
}
