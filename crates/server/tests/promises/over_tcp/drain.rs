//! A stop that is spread over time. It answers what became of the clients, which is told by the server itself.

use std::time::Duration;

use aerys::{
    Accepted, Departure, Drain, Drained, Handshake, Host, Readiness, Refusal, Running, Server,
    ServerError, Websocket,
};
use futures_util::future::join_all;
use tokio::{net::TcpStream, time::Instant};

use crate::common::{Journal, Raw, departure, frame, handshake, soon};

struct Room(Journal);

impl Websocket for Room {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_close(&self, gone: &Departure) {
        self.0.note(departure(gone));
    }
}

async fn start(drain: Drain) -> (Running, Journal) {
    let journal = Journal::default();
    let host = Host::new("localhost").websocket("/", Room(journal.clone()));
    let server = Server::new().listen(([127, 0, 0, 1], 0)).host(host).workers(2);
    let server = server.drain(drain).stop_period(Duration::from_secs(20));
    (soon(server.start()).await.expect("the server starts"), journal)
}

async fn connect(server: &Running) -> Raw<TcpStream> {
    soon(TcpStream::connect(server.address())).await.unwrap().into()
}

/// The status that a handshake at this address is answered, and after how long to come again.
async fn knock(mut raw: Raw<TcpStream>) -> (u16, Option<String>) {
    let answer = raw.ask(handshake("/", "")).await;
    (answer.status(), answer.header("retry-after").map(str::to_owned))
}

/// Waits until a balancer would know.
async fn until_not_ready(readiness: &Readiness) {
    soon(async {
        while readiness.is_ready() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn clients_are_closed_one_by_one_each_once_with_its_code_and_counted() {
    let second = Duration::from_secs(1);
    for (restart, code) in [(false, 1001), (true, 1012)] {
        let drain = Drain::new().delay(2 * second).spread(3 * second);
        let drain = if restart { drain.restart() } else { drain };
        let (server, journal) = start(drain).await;
        let readiness = server.readiness();
        assert!(readiness.is_ready());
        let mut clients = Vec::new();
        for _ in 0..40 {
            let mut raw = connect(&server).await;
            raw.upgrade("/").await;
            clients.push(raw);
        }
        // Connected before, and slow to say what for.
        let (early, late) = (connect(&server).await, connect(&server).await);
        let began = Instant::now();
        let draining = tokio::spawn(server.drain());
        // Nobody new is sent, but whoever comes is let in for as long as the delay takes.
        until_not_ready(&readiness).await;
        let mut early = early;
        early.upgrade("/").await;
        clients.push(early);
        // One goes by itself.
        let mut leaves = clients.swap_remove(0);
        leaves.write(frame(8, &4000_u16.to_be_bytes())).await;
        assert_eq!(leaves.hear_close().await.0, 4000);
        let closes = clients.into_iter().map(async |mut raw| {
            assert_eq!(raw.hear_close().await.0, code);
            let at = began.elapsed();
            raw.write(frame(8, &[])).await;
            assert_eq!(raw.rest().await, b"");
            at
        });
        let turned_away = async {
            tokio::time::sleep_until(began + 3 * second).await;
            knock(late).await
        };
        let (times, turned_away) = tokio::join!(join_all(closes), turned_away);
        assert_eq!(turned_away, (503, Some("5".to_owned())));
        assert!(times.iter().all(|at| *at >= 2 * second), "{times:?}");
        let early = times.iter().filter(|at| **at < 3 * second + second / 2).count();
        assert!((10..=30).contains(&early), "{early} of {} in half of the time", times.len());
        let Drained { closed, left, cut, .. } = soon(draining).await.unwrap();
        // Whoever goes before the drain looks is none of its clients.
        assert_eq!((closed, cut), (40, 0));
        assert!(left <= 1);
        let mut gone = journal.lines();
        gone.sort();
        let mut expected = vec![format!("gone {code}"); 40];
        expected.push("gone 4000".to_owned());
        expected.sort();
        assert_eq!(gone, expected);
    }
}

#[tokio::test]
async fn one_that_answers_nothing_has_gone_when_its_close_period_is_over() {
    let (server, _) = start(Drain::new().spread(Duration::from_millis(100))).await;
    let mut stays = connect(&server).await;
    stays.upgrade("/").await;
    let mut goes = connect(&server).await;
    goes.upgrade("/").await;
    let draining = tokio::spawn(server.drain());
    assert_eq!(goes.hear_close().await.0, 1001);
    goes.write(frame(8, &[])).await;
    assert_eq!(stays.hear_close().await.0, 1001);
    // It answers nothing, and is cut off after its `close_period`, which counts as gone.
    let Drained { closed, left, cut, .. } = soon(draining).await.unwrap();
    assert_eq!((closed, left, cut), (2, 0, 0));
}

#[tokio::test]
async fn a_drain_that_leaves_no_time_to_stop_does_not_start() {
    let host = Host::new("localhost").websocket("/", Room(Journal::default()));
    let server = Server::new().listen(([127, 0, 0, 1], 0)).host(host);
    let server = server.drain(Drain::new().spread(Duration::from_secs(6)));
    let error = soon(server.start()).await.map(drop).unwrap_err();
    assert!(matches!(error, ServerError::Drain { .. }), "{error}");
}
