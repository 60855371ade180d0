//! What runs after what: `on_open`, `on_data`, `on_close`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Message, Options, Refusal, Status, Websocket,
};
use tokio::sync::{Barrier, Semaphore};

use crate::common::{
    Journal, PATIENCE, Raw, connect, departure, frame, handshake, serve, serve_with,
};

/// Greets, then waits for a permit before it returns from `on_open`.
struct Slow {
    journal: Journal,
    permits: &'static Semaphore,
}

impl Websocket for Slow {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        client.send("come in").await?;
        self.permits.acquire().await?.forget();
        self.journal.note("opened");
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        self.journal.note(message.to_string());
        client.send(message).await?;
        Ok(())
    }
}

#[tokio::test]
async fn on_open_returns_before_on_data_starts() {
    static PERMITS: Semaphore = Semaphore::const_new(0);
    let journal = Journal::default();
    let server = serve(Slow { journal: journal.clone(), permits: &PERMITS }).await;
    let mut raw = Raw::open(&server).await;
    assert_eq!(raw.frame().await, (0x81, b"come in".to_vec()));
    // Once the ping is answered the message has been read too.
    raw.write([frame(1, b"hello"), frame(9, b"?")].concat()).await;
    assert_eq!(raw.frame().await, (0x8A, b"?".to_vec()));
    assert_eq!(journal.lines(), [""; 0]);
    PERMITS.add_permits(1);
    assert_eq!(raw.frame().await, (0x81, b"hello".to_vec()));
    assert_eq!(journal.lines(), ["opened", "hello"]);
    drop(raw);
    server.stop().await;
}

/// Counts the `on_data` calls that run at a time.
struct Counting {
    journal: Journal,
    running: AtomicUsize,
}

impl Websocket for Counting {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let running = self.running.fetch_add(1, SeqCst) + 1;
        for _ in 0..message.len() % 3 {
            tokio::task::yield_now().await;
        }
        client.send(format!("{running} {message}")).await?;
        self.running.fetch_sub(1, SeqCst);
        self.journal.note(message.to_string());
        Ok(())
    }
}

#[tokio::test]
async fn messages_of_one_client_are_handled_one_at_a_time_and_in_order() {
    let journal = Journal::default();
    let server = serve(Counting { journal: journal.clone(), running: AtomicUsize::new(0) }).await;
    let mut raw = Raw::open(&server).await;
    // Different lengths, some together in a packet and some cut in two.
    let texts: Vec<_> = (0..300_usize).map(|number| number.pow(3).to_string()).collect();
    let bytes: Vec<u8> = texts.iter().flat_map(|text| frame(1, text.as_bytes())).collect();
    for piece in bytes.chunks(97) {
        raw.write(piece).await;
    }
    for text in &texts {
        assert_eq!(raw.frame().await, (0x81, format!("1 {text}").into_bytes()));
    }
    assert_eq!(journal.until(texts.len()).await, texts);
    drop(raw);
    server.stop().await;
}

/// Answers nobody before all are there.
struct Meeting(Barrier);

impl Websocket for Meeting {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        self.0.wait().await;
        client.send(message).await?;
        Ok(())
    }
}

#[tokio::test]
async fn different_clients_are_handled_at_the_same_time() {
    let server = serve(Meeting(Barrier::new(6))).await;
    let mut peers = Vec::new();
    for number in 0..6 {
        let mut ws = connect(&server).await;
        ws.say(number.to_string()).await;
        peers.push(ws);
    }
    for (number, ws) in peers.iter_mut().enumerate() {
        assert_eq!(ws.hear_text().await, number.to_string());
    }
    drop(peers);
    server.stop().await;
}

/// Every `on_data` waits for a permit; `on_close` gives one if it is to.
struct Gate {
    journal: Journal,
    permits: Arc<Semaphore>,
    opens_on_close: bool,
}

impl Gate {
    fn new(opens_on_close: bool) -> (Self, Journal, Arc<Semaphore>) {
        let (journal, permits) = (Journal::default(), Arc::new(Semaphore::new(0)));
        let (noted, taken) = (journal.clone(), Arc::clone(&permits));
        (Self { journal: noted, permits: taken, opens_on_close }, journal, permits)
    }
}

impl Websocket for Gate {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, _: &Client, message: Message) -> Result<(), Failure> {
        self.journal.note(message.to_string());
        self.permits.acquire().await?.forget();
        self.journal.note(format!("{message} done"));
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.journal.note(departure(gone));
        self.permits.add_permits(usize::from(self.opens_on_close));
    }
}

/// A message for each character.
fn texts(texts: &str) -> Vec<u8> {
    texts.bytes().flat_map(|text| frame(1, &[text])).collect()
}

#[tokio::test]
async fn on_close_runs_while_on_data_still_waits() {
    let (gate, journal, _) = Gate::new(true);
    let server = serve(gate).await;
    let mut ws = connect(&server).await;
    ws.say("a").await;
    journal.until_noted("a").await;
    ws.leave().await;
    assert_eq!(journal.until(3).await, ["a", "gone 1005", "a done"]);
    server.stop().await;
}

#[tokio::test]
async fn messages_before_the_peers_close_are_delivered_before_on_close() {
    let (gate, journal, permits) = Gate::new(false);
    let server = serve_with(gate, Options::new().close_period(PATIENCE)).await;
    let mut raw = Raw::open(&server).await;
    let close = frame(8, &1000_u16.to_be_bytes());
    raw.write([texts("abcd"), close].concat()).await;
    // The CLOSE has been read.
    assert_eq!(raw.frame().await, (0x88, 1000_u16.to_be_bytes().to_vec()));
    assert_eq!(journal.lines(), ["a"]);
    permits.add_permits(3);
    assert_eq!(
        journal.until(8).await,
        ["a", "a done", "b", "b done", "c", "c done", "d", "gone 1000"]
    );
    permits.add_permits(1);
    assert_eq!(journal.until(9).await[8], "d done");
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn messages_that_a_peer_leaves_behind_are_waited_for_no_longer_than_the_close_period() {
    let (gate, journal, permits) = Gate::new(false);
    let server = serve_with(gate, Options::new().close_period(Duration::from_millis(100))).await;
    let mut raw = Raw::open(&server).await;
    raw.write([texts("ab"), frame(8, &1000_u16.to_be_bytes())].concat()).await;
    assert_eq!(journal.until(2).await, ["a", "gone 1000"]);
    permits.add_permits(5);
    server.stop().await;
    assert_eq!(journal.lines(), ["a", "gone 1000", "a done"]);
}

/// Does what it is told, by the path's query at first and then by messages.
struct Obedient(Journal);

impl Websocket for Obedient {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        match handshake.request().uri.query() {
            Some("refuse") => Err(handshake.refuse(Status::FORBIDDEN)),
            Some("fail") => Err(Failure::new("as told").into()),
            Some("panic") => panic!("as told"),
            _ => Ok(handshake.accept()),
        }
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        match message.as_text() {
            Some("close") => client.close().nowait(),
            Some("close and wait") => client.close().await,
            Some("fail") => return Err(Failure::new("as told")),
            _ => panic!("as told"),
        }
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.0.note(departure(gone).split(' ').take(2).collect::<Vec<_>>().join(" "));
    }
}

#[tokio::test]
async fn on_close_runs_once_however_the_client_goes() {
    let text = |text: &str| frame(1, text.as_bytes());
    let ends = [
        ("peer's close", frame(8, &1000_u16.to_be_bytes()), "gone 1000"),
        ("two closes", [frame(8, &[]), frame(8, &1000_u16.to_be_bytes())].concat(), "gone 1005"),
        ("our close", text("close"), "gone 1000"),
        ("our awaited close", text("close and wait"), "gone 1000"),
        ("our close, theirs right behind", [text("close"), frame(8, &[])].concat(), "gone 1000"),
        ("protocol error", vec![0xFF; 8], "gone 1002"),
        ("failure", text("fail"), "gone 1011"),
        ("panic", text("panic"), "gone 1011"),
        ("end", Vec::new(), "gone 1006"),
        ("end within a frame", text("unfinished")[..9].to_vec(), "gone 1006"),
        ("reset", Vec::new(), "gone 1006"),
        ("stop", Vec::new(), "gone 1001"),
    ];
    for (how, bytes, gone) in ends {
        let journal = Journal::default();
        let server = serve(Obedient(journal.clone())).await;
        let mut raw = Raw::open(&server).await;
        raw.write(bytes).await;
        let hang_up = async {
            match how {
                "reset" => raw.stream.reset(),
                "stop" => assert_eq!(raw.hear_close().await.0, 1001),
                _ => raw.end().await,
            }
        };
        if how == "stop" {
            tokio::join!(server.stop(), hang_up);
        } else {
            hang_up.await;
            journal.until(1).await;
            server.stop().await;
        }
        assert_eq!(journal.lines(), [gone], "{how}");
    }
}

#[tokio::test]
async fn on_close_never_runs_for_one_that_was_not_let_in() {
    let journal = Journal::default();
    let server = serve(Obedient(journal.clone())).await;
    for (query, status) in [("refuse", 403), ("fail", 500), ("panic", 500)] {
        let mut raw = Raw::connect(&server).await;
        raw.write(handshake(&format!("/?{query}"), "")).await;
        assert!(raw.head().await.starts_with(&format!("HTTP/1.1 {status} ")));
    }
    server.stop().await;
    assert_eq!(journal.lines(), [""; 0]);
}
