//! The server's end: everybody is told, and nobody is left waiting.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use aerys::{
    Accepted, ClientGone, Departure, Endpoint, Handshake, Options, Refusal, Tally, Websocket,
};
use futures_util::{future::join_all, poll};
use tokio::sync::Semaphore;

use crate::common::{
    Journal, Lobby, Raw, Ws, connect, departure, eventually, frame, handshake, serve, soon,
};

const CLOSE_PERIOD: Duration = Duration::from_millis(100);

/// `on_close` waits for a permit.
struct Leisurely {
    journal: Journal,
    permits: Arc<Semaphore>,
}

impl Websocket for Leisurely {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_close(&self, gone: &Departure) {
        self.journal.note("going");
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        self.journal.note(departure(gone));
    }

    async fn on_stop(&self, endpoint: &Endpoint) {
        self.journal.note(format!("stopped, {} left", endpoint.len()));
    }
}

#[tokio::test]
async fn everybody_is_told_and_every_on_close_runs_before_on_stop() {
    let (journal, permits) = (Journal::default(), Arc::new(Semaphore::new(0)));
    let app = Leisurely { journal: journal.clone(), permits: Arc::clone(&permits) };
    let server = serve(app).await;
    let mut room = Vec::new();
    for _ in 0..5 {
        room.push(connect(&server).await);
    }
    let hang_up = async |mut ws: Ws| {
        assert_eq!(ws.hear_close().await.0, 1001);
        ws.ends().await;
    };
    let release = async {
        assert_eq!(journal.until(5).await, ["going"; 5]);
        permits.add_permits(5);
    };
    let rooms = join_all(room.into_iter().map(hang_up));
    tokio::join!(soon(server.stop()), rooms, release);
    let lines = journal.lines();
    assert_eq!(lines[5..], [&["gone 1001"; 5][..], &["stopped, 0 left"]].concat());
}

/// `on_open` waits for a permit before it accepts.
struct Hesitant {
    journal: Journal,
    permits: Arc<Semaphore>,
}

impl Websocket for Hesitant {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        self.journal.note("asked");
        self.permits.acquire().await?.forget();
        let client = handshake.accept();
        self.journal.note(format!("{:?}", client.send("come in").await));
        Ok(client)
    }

    async fn on_close(&self, gone: &Departure) {
        self.journal.note(departure(gone));
    }
}

#[tokio::test]
async fn one_that_waits_to_be_let_in_is_answered_503() {
    let (journal, permits) = (Journal::default(), Arc::new(Semaphore::new(0)));
    let app = Hesitant { journal: journal.clone(), permits: Arc::clone(&permits) };
    let server = serve(app).await;
    let mut raw = Raw::connect(&server).await;
    raw.write(handshake("/", "")).await;
    journal.until_noted("asked").await;
    let answered = async {
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        // The handler is not dropped: it gets to hear that its client has gone.
        permits.add_permits(1);
    };
    tokio::join!(soon(server.stop()), answered);
    assert_eq!(journal.lines(), ["asked", "Err(ClientGone)"]);
    raw.rest().await;
}

#[tokio::test]
async fn one_that_does_not_answer_holds_the_stop_for_the_close_period_only() {
    for owed in [0, 64 << 20] {
        let options = Options::new().close_period(CLOSE_PERIOD).heartbeat_period(None);
        let (server, mut guests) = Lobby::serve(options).await;
        let raw = Raw::open(&server).await;
        let client = guests.next().await;
        if owed > 0 {
            client.send(vec![0; owed]).nowait();
        }
        let asked = Instant::now();
        soon(server.stop()).await;
        // Left to itself the stop would wait for ten seconds.
        assert!(asked.elapsed() < Duration::from_secs(5), "owed {owed}: {:?}", asked.elapsed());
        assert_eq!(guests.journal.lines(), ["gone 1001", "stopped"]);
        drop(raw);
    }
}

#[tokio::test]
async fn whoever_waits_for_a_client_is_answered_by_the_stop() {
    let options = Options::new().close_period(CLOSE_PERIOD).max_queued_bytes(128 << 20);
    let (server, mut guests) = Lobby::serve(options).await;
    let mut stuck = Raw::open(&server).await;
    let client = guests.next().await;
    let mut send = pin!(client.send(vec![0; 64 << 20]));
    let mut broadcast = pin!(client.endpoint().broadcast("behind"));
    let mut close = pin!(client.close());
    assert!(poll!(send.as_mut()).is_pending());
    assert!(poll!(broadcast.as_mut()).is_pending());
    assert!(poll!(close.as_mut()).is_pending());
    stuck.frame().await;
    let (send, broadcast, (), ()) =
        tokio::join!(soon(send), soon(broadcast), soon(close), soon(server.stop()));
    assert_eq!(send, Err(ClientGone));
    assert_eq!(broadcast, crate::common::tally(0, 1, 0));
    drop(stuck);
}

#[tokio::test]
async fn a_handle_kept_beyond_the_stop_is_that_of_a_client_that_has_gone() {
    for well in [true, false] {
        let (server, mut guests) = Lobby::serve(Options::new()).await;
        let raw = Raw::open(&server).await;
        let client = guests.next().await;
        let hear = async {
            if well {
                let mut raw = raw;
                raw.hear_close().await;
                raw.write(frame(8, &[])).await;
                raw.rest().await;
            } else {
                // Nobody is told by a server that is dropped; its sockets end.
                assert_eq!(raw.rest().await, b"");
            }
        };
        let end = async {
            if well {
                server.stop().await;
            } else {
                drop(server);
            }
        };
        tokio::join!(soon(end), hear);
        eventually(|| client.endpoint().is_empty()).await;
        for _ in 0..2 {
            assert_eq!(soon(client.send("still there?")).await, Err(ClientGone));
            client.send("and now?").nowait();
            soon(client.close()).await;
            client.close().nowait();
            let endpoint = client.endpoint();
            assert_eq!(soon(endpoint.broadcast("anybody?")).await, Tally::default());
            endpoint.broadcast("nobody?").nowait();
            assert_eq!(endpoint.client(client.id()), None);
            assert_eq!(endpoint.clients(), []);
        }
        assert_eq!(guests.journal.lines().contains(&"stopped".to_owned()), well);
    }
}

#[tokio::test]
async fn a_server_that_is_dropped_ends_at_once() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let mut stuck = Raw::open(&server).await;
    let client = guests.next().await;
    let sends = client.clone();
    let send = tokio::spawn(async move { sends.send(vec![0; 64 << 20]).await });
    stuck.frame().await;
    let closes = tokio::spawn(async move { client.close().await });
    drop(server);
    assert_eq!(soon(send).await.unwrap(), Err(ClientGone));
    soon(closes).await.unwrap();
}
