//! A handler that blocks its thread holds up its own worker's clients, and nobody else.

use std::{
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use aerys::{
    Accepted, Client, Departure, Endpoint, Failure, Handshake, Host, Message, Refusal, Server,
    Websocket,
};
use futures_util::future::join_all;

use tracing::Level;

use crate::common::{
    Journal, Raw, Running, eventually, frame, handshake, keep_errors, lines, serve_host, soon,
    start_on, warnings_at,
};

/// Echoes, but for `block`: then it blocks its thread until the test lets it go on.
struct Blocks {
    journal: Journal,
    released: Mutex<mpsc::Receiver<()>>,
}

impl Websocket for Blocks {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        if message.as_text() == Some("block") {
            self.journal.note("blocks");
            // Also if the test has failed.
            let _ = self.released.lock().expect("it does not panic").recv();
        }
        client.send(message).await?;
        Ok(())
    }

    async fn on_close(&self, _: &Departure) {
        self.journal.note("gone");
    }

    async fn on_stop(&self, _: &Endpoint) {
        self.journal.note("stopped");
    }
}

struct Stage {
    path: &'static str,
    server: Running,
    journal: Journal,
    /// Lets the handler go on, when it is dropped too.
    release: mpsc::Sender<()>,
}

async fn serve(workers: usize, stop_period: Duration) -> Stage {
    serve_at("/", workers, stop_period).await
}

async fn serve_at(path: &'static str, workers: usize, stop_period: Duration) -> Stage {
    let (journal, (release, released)) = (Journal::default(), mpsc::channel());
    let app = Blocks { journal: journal.clone(), released: Mutex::new(released) };
    let server =
        Server::new().host(Host::new("localhost").websocket(path, app)).stop_period(stop_period);
    let server = start_on(workers, server).await;
    Stage { path, server, journal, release }
}

impl Stage {
    async fn block(&self) -> Raw {
        let mut raw = Raw::open_at(&self.server, self.path).await;
        raw.write(frame(1, b"block")).await;
        self.journal.until_noted("blocks").await;
        raw
    }
}

#[tokio::test]
async fn a_stop_takes_its_period_once_though_a_handler_blocks() {
    // On another worker the application stops as it should.
    for (workers, stopped) in [(1, &[][..]), (2, &["stopped"])] {
        let period = Duration::from_millis(800);
        let stage = serve(workers, period).await;
        let blocked = stage.block().await;
        let Stage { server, journal, release, .. } = stage;
        let began = Instant::now();
        soon(server.stop()).await;
        let took = began.elapsed();
        // With what the machine adds it is still less than twice.
        assert!(took < period * 7 / 4, "{took:?}");
        assert_eq!(journal.lines()[1..], *stopped, "{workers}");
        drop((blocked, release));
    }
}

#[tokio::test]
async fn newcomers_and_clients_of_other_workers_do_not_wait_for_a_handler_that_blocks() {
    // Which worker it is that blocks must not matter: the first accepts for all in many servers.
    for before in 0..3 {
        let stage = serve(3, Duration::from_secs(1)).await;
        let mut others = Vec::new();
        for _ in 0..before {
            others.push(Raw::open(&stage.server).await);
        }
        let mut blocked = stage.block().await;
        // Also who comes at once, before anybody can know that the worker is blocked, and whom it
        // would have had: it has fewer clients than the others soon.
        let newcomers = (0..30).map(async |_| {
            let mut raw = Raw::open(&stage.server).await;
            raw.write(frame(1, b"hello")).await;
            assert_eq!(raw.frame().await, (0x81, b"hello".to_vec()));
            raw
        });
        let began = Instant::now();
        others.extend(join_all(newcomers).await);
        for other in &mut others {
            other.write(frame(1, b"still here")).await;
            assert_eq!(other.frame().await, (0x81, b"still here".to_vec()));
        }
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(blocked.is_silent());
        stage.release.send(()).expect("it waits for that");
        assert_eq!(blocked.frame().await, (0x81, b"block".to_vec()));
        // It is given connections again.
        let mut raw = Raw::open(&stage.server).await;
        raw.write(frame(1, b"hello")).await;
        assert_eq!(raw.frame().await, (0x81, b"hello".to_vec()));
        drop((others, blocked, raw));
        soon(stage.server.stop()).await;
    }
}

/// Within TLS nobody is connected before a worker has shaken hands.
mod in_clear_text {
    use super::*;

    #[tokio::test]
    async fn who_comes_while_the_only_worker_is_blocked_is_served_when_it_is_not() {
        let stage = serve(1, Duration::from_secs(1)).await;
        let mut blocked = stage.block().await;
        let mut newcomer = Raw::connect(&stage.server).await;
        newcomer.write([handshake("/", "").as_bytes(), &frame(1, b"hello")].concat()).await;
        stage.release.send(()).expect("it waits for that");
        assert!(newcomer.head().await.starts_with("HTTP/1.1 101 "));
        assert_eq!(newcomer.frame().await, (0x81, b"hello".to_vec()));
        assert_eq!(blocked.frame().await, (0x81, b"block".to_vec()));
        drop((newcomer, blocked));
        soon(stage.server.stop()).await;
    }
}

/// Blocks its thread for longer than a worker may be stuck unnoticed, where the query says.
struct Stalls;

const STALL: Duration = Duration::from_millis(900);

impl Stalls {
    fn stall(client: &Client<String>, handler: &str) {
        if client.state() == handler {
            thread::sleep(STALL);
        }
    }
}

impl Websocket<String> for Stalls {
    async fn on_open(&self, handshake: Handshake<String>) -> Result<Accepted<String>, Refusal> {
        let handler = handshake.request().uri.query().unwrap_or_default().to_owned();
        let client = handshake.accept_with(handler);
        Self::stall(&client, "on_open");
        Ok(client)
    }

    async fn on_data(&self, client: &Client<String>, _: Message) -> Result<(), Failure> {
        if client.state() == "watcher" {
            client.spawn(async {
                thread::sleep(STALL);
                Ok(())
            });
        }
        // Also when it goes on after it has waited.
        tokio::task::yield_now().await;
        Self::stall(client, "on_data");
        Ok(())
    }

    async fn on_close(&self, gone: &Departure<String>) {
        if gone.state() == "on_close" {
            thread::sleep(STALL);
        }
    }
}

#[tokio::test]
async fn a_worker_that_is_stuck_is_logged_once_with_the_handler_that_blocks_it() {
    keep_errors();
    let stalls = ["on_open", "on_data", "on_close", "watcher"].map(async |handler| {
        let path = format!("/blocking/{handler}");
        let server = serve_host(Host::new("localhost").websocket(&path, Stalls)).await;
        let mut raw = Raw::open_at(&server, &format!("{path}?{handler}")).await;
        let began = Instant::now();
        raw.write(frame(1, b"hello")).await;
        if handler == "on_close" {
            raw.write(frame(8, &[])).await;
        }
        eventually(|| !warnings_at(&path).is_empty()).await;
        assert!(began.elapsed() >= Duration::from_millis(500) || handler == "on_open");
        drop(raw);
        soon(server.stop()).await;
        let warnings = warnings_at(&path);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        for part in ["a worker is stuck", "spawn_blocking", &format!("handler={handler:?} ")] {
            assert!(warnings[0].contains(part), "{part}: {warnings:?}");
        }
    });
    join_all(stalls).await;
}

#[tokio::test]
async fn that_a_stuck_worker_goes_on_is_logged_with_the_time_it_took() {
    keep_errors();
    let stage = serve_at("/blocking/goes-on", 1, Duration::from_secs(1)).await;
    let mut blocked = stage.block().await;
    eventually(|| !warnings_at("/blocking/goes-on").is_empty()).await;
    // Others in this process may be told of as well; then it may be among those of whom the log says how many
    // were left out.
    let told = || lines(Level::WARN, "a worker goes on");
    let before = told().len();
    stage.release.send(()).expect("it waits for that");
    assert_eq!(blocked.frame().await, (0x81, b"block".to_vec()));
    eventually(|| told().len() > before).await;
    let is_told = |line: &String| line.contains("took=") || line.contains("more of these");
    assert!(told().iter().all(is_told), "{:?}", told());
    drop(blocked);
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn a_worker_that_is_busy_or_asleep_is_not_taken_for_stuck() {
    keep_errors();
    let path = "/blocking/busy";
    let stage = serve_at(path, 1, Duration::from_secs(1)).await;
    let mut idle = Raw::open_at(&stage.server, path).await;
    let server = &stage.server;
    let load = (0..8).map(async |_| {
        let mut raw = Raw::open_at(server, path).await;
        let burst = frame(1, b"again").repeat(500);
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(1500) {
            raw.write(&burst).await;
            raw.bytes(7 * 500).await;
        }
    });
    join_all(load).await;
    idle.write(frame(1, b"hello")).await;
    assert_eq!(idle.frame().await, (0x81, b"hello".to_vec()));
    assert_eq!(warnings_at(path), [""; 0]);
    drop(idle);
    soon(stage.server.stop()).await;
}

#[tokio::test]
async fn block_in_place_is_a_fault_of_its_own_client() {
    struct InPlace;
    impl Websocket for InPlace {
        async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
            Ok(handshake.accept())
        }

        async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
            let message = match message.as_text() {
                Some("in place") => tokio::task::block_in_place(|| message),
                _ => tokio::task::spawn_blocking(|| message).await?,
            };
            client.send(message).await?;
            Ok(())
        }
    }
    let server = serve_host(Host::new("localhost").websocket("/", InPlace)).await;
    let (mut raw, mut other) = (Raw::open(&server).await, Raw::open(&server).await);
    raw.write(frame(1, b"in place")).await;
    assert_eq!(raw.hear_close().await, (1011, String::new()));
    other.write(frame(1, b"elsewhere")).await;
    assert_eq!(other.frame().await, (0x81, b"elsewhere".to_vec()));
    drop((raw, other));
    soon(server.stop()).await;
}
