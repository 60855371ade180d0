//! What ends, or stays within its bounds, whoever stands in the way: peers that read nothing or
//! little, handlers that block or are busy, periods without end.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use aerys::{
    Accepted, Client, Failure, Handshake, Host, Message, Options, Overflow, Refusal, Server,
    ServerError, Websocket,
};
use bytes::Bytes;
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};

use crate::common::{
    Lobby, Raw, eventually, frame, handshake, serve_with, soon, start_on, try_start,
};

const SHORTLY: Duration = Duration::from_secs(3);

/// Says too much before it returns, and returns when told to.
struct Verbose(Arc<Notify>);

impl Websocket for Verbose {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        for _ in 0..10 {
            client.send(vec![7; 1000]).nowait();
        }
        self.0.notified().await;
        Ok(client)
    }
}

#[tokio::test]
async fn one_who_is_owed_too_much_before_the_101_is_closed_with_1008() {
    let cue = Arc::new(Notify::new());
    let options = Options::new().max_queued_bytes(5000).heartbeat_period(None);
    let server = serve_with(Verbose(Arc::clone(&cue)), options).await;
    let mut raw = Raw::connect(&server).await;
    raw.write(handshake("/", "")).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    cue.notify_one();
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    let close = timeout(SHORTLY, raw.hear_close()).await.expect("it is closed");
    assert_eq!(close.0, 1008);
}

/// Each message costs the task something of tokio's cooperative budget.
struct Hungry(Semaphore);

impl Websocket for Hungry {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, _: &Client, _: Message) -> Result<(), Failure> {
        let _permit = self.0.acquire().await?;
        Ok(())
    }
}

#[tokio::test]
async fn one_that_talks_much_at_once_and_falls_silent_is_pinged() {
    let options = Options::new().heartbeat_period(Duration::from_millis(200));
    let server = serve_with(Hungry(Semaphore::new(1)), options).await;
    let mut raw = Raw::connect(&server).await;
    let mut request = handshake("/", "").into_bytes();
    request.extend(frame(1, b"x").repeat(300));
    raw.write(request).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    let (first, _) = timeout(SHORTLY, raw.frame()).await.expect("it is pinged");
    assert_eq!(first, 0x89);
}

/// Closes a client that does not read, later, from its own handler.
struct Later;

impl Websocket for Later {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, _: Message) -> Result<(), Failure> {
        client.send(vec![0; 32 << 20]).nowait();
        tokio::time::sleep(Duration::from_millis(300)).await;
        client.close().await;
        Ok(())
    }
}

#[tokio::test]
async fn a_handler_that_closes_a_client_that_takes_nothing_is_rid_of_it_after_the_close_period() {
    let options = Options::new().close_period(Duration::from_millis(100)).heartbeat_period(None);
    let server = serve_with(Later, options).await;
    let mut raw = Raw::open_narrow(&server).await;
    raw.write(frame(1, b"go")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = std::time::Instant::now();
    soon(server.stop()).await;
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    drop(raw);
}

/// Handlers that block a thread, which is to be one of the server's own.
mod over_sockets {
    use super::*;

    /// Blocks the thread it is on until it is released.
    struct Rude(Arc<AtomicBool>);

    impl Websocket for Rude {
        async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
            Ok(handshake.accept())
        }

        async fn on_data(&self, _: &Client, _: Message) -> Result<(), Failure> {
            while !self.0.load(SeqCst) {
                thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_handler_that_blocks_its_thread_does_not_keep_the_server_from_stopping() {
        let free = Arc::new(AtomicBool::new(false));
        let server = Server::new()
            .host(Host::new("localhost").websocket("/", Rude(Arc::clone(&free))))
            .stop_period(Duration::from_millis(100));
        let server = start_on(1, server).await;
        let mut raw = Raw::open(&server).await;
        raw.write(frame(1, b"go")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let stopped = timeout(SHORTLY, server.stop()).await;
        free.store(true, SeqCst);
        stopped.expect("it stops");
    }

    /// As [`Rude`], on a runtime of its own that is to end too.
    #[test]
    fn a_thread_that_is_left_behind_does_not_keep_the_runtime_from_ending() {
        let free = Arc::new(AtomicBool::new(false));
        let (done, ended) = std::sync::mpsc::channel();
        thread::spawn({
            let free = Arc::clone(&free);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.unwrap();
                runtime.block_on(async {
                    let server = Server::new()
                        .host(Host::new("localhost").websocket("/", Rude(free)))
                        .stop_period(Duration::from_millis(100));
                    let server = start_on(2, server).await;
                    // One for each worker, of which the second is blocked, where nobody accepts.
                    let _first = Raw::open(&server).await;
                    let mut second = Raw::open(&server).await;
                    second.write(frame(1, b"go")).await;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    timeout(SHORTLY, server.stop()).await.expect("it stops");
                });
                drop(runtime);
                done.send(()).unwrap();
            }
        });
        let outcome = ended.recv_timeout(SHORTLY + SHORTLY);
        free.store(true, SeqCst);
        outcome.expect("the runtime ends");
    }

    /// A payload that tells when it is gone.
    struct Counted(Arc<AtomicUsize>, [u8; 1000]);

    impl AsRef<[u8]> for Counted {
        fn as_ref(&self) -> &[u8] {
            &self.1
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }

    #[tokio::test]
    async fn broadcasts_to_a_worker_that_is_busy_do_not_pile_up() {
        let (free, alive) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::new(Mutex::new(None));
        struct Seeing(Rude, Arc<Mutex<Option<Client>>>);
        impl Websocket for Seeing {
            async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
                let client = self.0.on_open(handshake).await?;
                *self.1.lock().unwrap() = Some(client.clone());
                Ok(client)
            }

            async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
                self.0.on_data(client, message).await
            }
        }
        let options = Options::new().max_queued_bytes(100_000).overflow(Overflow::DropOldest);
        let app = Seeing(Rude(Arc::clone(&free)), Arc::clone(&seen));
        let server = serve_with(app, options).await;
        let mut raw = Raw::open(&server).await;
        eventually(|| seen.lock().unwrap().is_some()).await;
        let endpoint = seen.lock().unwrap().clone().unwrap().endpoint().clone();
        raw.write(frame(1, b"go")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut most = 0;
        for _ in 0..50_000 {
            alive.fetch_add(1, SeqCst);
            let payload = Bytes::from_owner(Counted(Arc::clone(&alive), [0; 1000]));
            endpoint.broadcast(payload).nowait();
            most = most.max(alive.load(SeqCst));
        }
        free.store(true, SeqCst);
        assert!(
            most < 5_000,
            "{most} messages of 1000 bytes were kept, for a limit of 100,000 bytes"
        );
        drop(raw);
        server.stop().await;
    }
}

#[tokio::test]
async fn the_head_period_may_be_for_ever() {
    let (lobby, _guests) = Lobby::new();
    let server =
        Server::new().host(Host::new("localhost").websocket("/", lobby)).head_period(Duration::MAX);
    let server = start_on(1, server).await;
    drop(Raw::open(&server).await);
    server.stop().await;
}

/// 150 KB/s, as over a poor mobile connection.
#[tokio::test]
async fn a_slow_but_steady_reader_is_waited_for_when_it_is_closed() {
    let (server, mut guests) = Lobby::serve(Options::new().max_queued_bytes(16 << 20)).await;
    let mut raw = Raw::open_narrow(&server).await;
    let client = guests.next().await;
    client.send(vec![0; 8 << 20]).nowait();
    client.close().nowait();
    for _ in 0..80 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        raw.bytes(15_000).await;
    }
    assert!(guests.journal.lines().is_empty(), "{:?}", guests.journal.lines());
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn one_that_asks_for_a_page_and_never_reads_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("big"), vec![0; 64 << 20]).unwrap();
    let server = Server::new()
        .host(Host::new("localhost").root(folder.path()))
        .stall_period(Duration::from_millis(200));
    let server = start_on(1, server).await;
    let mut raw = Raw::connect(&server).await;
    raw.write("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    // Whether it is still there shows in the time that the stop takes: it would get half of 10 s.
    let before = std::time::Instant::now();
    server.stop().await;
    assert!(before.elapsed() < Duration::from_secs(1), "it is served still");
    drop(raw);
}

#[tokio::test]
async fn a_period_of_nothing_is_refused_with_a_sentence() {
    let server = || Server::new().host(Host::new("localhost").websocket("/", Lobby::new().0));
    for (server, named) in [
        (server().body_period(Duration::ZERO), "body_period"),
        (server().stall_period(Duration::ZERO), "stall_period"),
    ] {
        let error = try_start(server).await.expect_err(named);
        assert!(matches!(error, ServerError::ZeroPeriod { option } if option == named));
        assert!(error.to_string().contains("`None` is for never"), "{error}");
    }
}
