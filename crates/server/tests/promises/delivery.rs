//! An awaited send never hangs: whatever ends the client answers it.

use std::time::{Duration, Instant};

use aerys::{Client, ClientGone, Options, SendError, Tally};

use crate::common::{Guests, Lobby, Raw, Running, eventually, frame, on_a_thread, soon};

/// More than the kernel takes for a peer that does not read.
const HUGE: usize = 16 << 20;
const PERIOD: Duration = Duration::from_millis(100);

/// Much less than the default periods would take.
const BOUND: Duration = Duration::from_secs(5);

fn options() -> Options {
    Options::new().heartbeat_period(None).close_period(PERIOD).max_queued_bytes(2 * HUGE)
}

/// A client that has begun to be sent a huge message and does not read it, and whoever waits.
struct Scene {
    server: Running,
    guests: Guests,
    raw: Raw,
    client: Client,
    waiting: Waiting,
}

/// A send and a broadcast under way, and a send behind them on a thread of its own.
struct Waiting {
    send: tokio::task::JoinHandle<Result<(), SendError>>,
    broadcast: tokio::task::JoinHandle<Tally>,
    behind: tokio::task::JoinHandle<Result<(), SendError>>,
}

impl Scene {
    async fn with(options: Options) -> Self {
        let (server, mut guests) = Lobby::serve(options).await;
        let raw = Raw::open_narrow(&server).await;
        let client = guests.next().await;
        let (one, two, three) = (client.clone(), client.clone(), client.clone());
        let send = tokio::spawn(async move { one.send(vec![0; HUGE]).await });
        eventually(|| client.inspect().bytes_sent > 0).await;
        let broadcast = tokio::spawn(async move { two.endpoint().broadcast("all").await });
        let behind = tokio::spawn(on_a_thread(async move { three.send("behind").await }));
        // Both costs are there, beside the huge one's.
        let owed = HUGE + 64 + (3 + 64) + (6 + 64);
        eventually(|| client.inspect().queued_bytes == owed).await;
        let waiting = Waiting { send, broadcast, behind };
        assert!(!waiting.send.is_finished() && !waiting.broadcast.is_finished());
        Self { server, guests, raw, client, waiting }
    }
}

impl Waiting {
    async fn all_answered(self) {
        let since = Instant::now();
        assert_eq!(soon(self.send).await.unwrap(), Err(ClientGone));
        let tally = soon(self.broadcast).await.unwrap();
        assert_eq!(tally, crate::common::tally(0, 1, 0));
        assert_eq!(soon(self.behind).await.unwrap(), Err(ClientGone));
        assert!(since.elapsed() < BOUND, "{:?}", since.elapsed());
    }
}

#[tokio::test]
async fn by_the_client_being_owed_too_much() {
    let Scene { server, guests, raw, client, waiting } = Scene::with(options()).await;
    client.send(vec![0; HUGE]).nowait();
    waiting.all_answered().await;
    assert_eq!(guests.journal.until(1).await, ["gone 1008 too slow to read what was sent"]);
    assert_eq!(soon(client.send("late")).await, Err(ClientGone));
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn by_the_heartbeat() {
    let beating = options().heartbeat_period(5 * PERIOD).queued_ping_limit(1);
    let Scene { server, guests, raw, client, waiting } = Scene::with(beating).await;
    waiting.all_answered().await;
    assert_eq!(guests.journal.until(1).await, ["gone 1008 no answer to pings"]);
    assert_eq!(soon(client.send("late")).await, Err(ClientGone));
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn by_the_close_period() {
    let Scene { server, guests, raw, client, waiting } = Scene::with(options()).await;
    let asked = Instant::now();
    client.close().nowait();
    waiting.all_answered().await;
    soon(client.close()).await;
    assert!(asked.elapsed() < BOUND);
    assert_eq!(guests.journal.until(1).await, ["gone 1000"]);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn by_the_servers_stop() {
    let Scene { server, guests, raw, client, waiting } = Scene::with(options()).await;
    tokio::join!(soon(server.stop()), waiting.all_answered());
    assert_eq!(guests.journal.lines(), ["gone 1001", "stopped"]);
    assert_eq!(soon(client.send("late")).await, Err(ClientGone));
    drop(raw);
}

#[tokio::test]
async fn by_the_servers_end() {
    let Scene { server, raw, client, waiting, .. } = Scene::with(options()).await;
    drop(server);
    waiting.all_answered().await;
    assert_eq!(soon(client.send("late")).await, Err(ClientGone));
    drop(raw);
}

#[tokio::test]
async fn by_the_peers_death_with_something_unread() {
    let Scene { server, guests, raw, client, waiting } = Scene::with(options()).await;
    // Its kernel has bytes that nobody reads any more, and resets the connection.
    drop(raw);
    waiting.all_answered().await;
    assert_eq!(guests.journal.until(1).await, ["gone 1006"]);
    assert_eq!(soon(client.send("late")).await, Err(ClientGone));
    server.stop().await;
}

#[tokio::test]
async fn by_the_peers_close() {
    let Scene { server, guests, mut raw, client, waiting } = Scene::with(options()).await;
    raw.write(frame(8, &1001_u16.to_be_bytes())).await;
    waiting.all_answered().await;
    assert_eq!(guests.journal.until(1).await, ["gone 1001"]);
    assert_eq!(soon(client.send("late")).await, Err(ClientGone));
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn by_its_own_arrival_if_the_peer_reads_on() {
    let Scene { server, mut raw, waiting, .. } = Scene::with(options()).await;
    while raw.frame().await.1 != b"behind" {}
    assert_eq!(soon(waiting.send).await.unwrap(), Ok(()));
    let tally = soon(waiting.broadcast).await.unwrap();
    assert_eq!(tally, crate::common::tally(1, 0, 0));
    assert_eq!(soon(waiting.behind).await.unwrap(), Ok(()));
    drop(raw);
    server.stop().await;
}
