//! A client has its turn, and then the others have theirs: however much work it asks for.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use aerys::{
    Accepted, Client, CloseCode, Departure, Failure, Handshake, Host, Message, Options, Refusal,
    Server, Websocket,
};
use flate2::{Compress, Compression, FlushCompress};
use tokio::task::yield_now;

use crate::common::{Journal, Raw, frame, handshake, start_on};

/// Counts how often another task of its worker has its turn while it is being heard.
struct Heard {
    journal: Journal,
    turns: Arc<AtomicUsize>,
    messages: AtomicUsize,
    until: usize,
    is_over: Arc<AtomicBool>,
}

impl Websocket for Heard {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        let (watched, turns) = (client.clone(), Arc::clone(&self.turns));
        let is_over = Arc::clone(&self.is_over);
        client.endpoint().spawn(async move {
            while !is_over.load(SeqCst) {
                yield_now().await;
                turns.fetch_add(usize::from(watched.inspect().bytes_read > 0), SeqCst);
            }
            Ok(())
        });
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let messages = self.messages.fetch_add(1, SeqCst) + 1;
        if messages == self.until {
            self.is_over.store(true, SeqCst);
            self.journal.note(format!("{} B", message.len()));
            client.close().code(CloseCode::NORMAL).nowait();
        }
        Ok(())
    }

    async fn on_close(&self, _: &Departure) {
        self.is_over.store(true, SeqCst);
    }
}

/// How many turns another task has while these bytes are heard, which are so many messages. All are
/// there at once.
async fn turns_beside(bytes: &[u8], messages: usize, last: &str) -> usize {
    let (journal, turns) = (Journal::default(), Arc::new(AtomicUsize::new(0)));
    let app = Heard {
        journal: journal.clone(),
        turns: Arc::clone(&turns),
        messages: AtomicUsize::new(0),
        until: messages,
        is_over: Arc::default(),
    };
    let host = Host::new("localhost").websocket_with("/", app, Options::new());
    let server = start_on(1, Server::new().host(host)).await;
    let mut raw = Raw::connect(&server).await;
    raw.write(handshake("/", "Sec-WebSocket-Extensions: permessage-deflate\r\n")).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    raw.write(bytes).await;
    assert_eq!(journal.until(1).await, [last]);
    let turns = turns.load(SeqCst);
    drop(raw);
    server.stop().await;
    turns
}

/// A compressed message of so many zeros.
fn zeros(len: usize) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(len / 500 + 1024);
    let mut compress = Compress::new(Compression::best(), false);
    compress.compress_vec(&vec![0; len], &mut deflated, FlushCompress::Sync).unwrap();
    assert_eq!(deflated.split_off(deflated.len() - 4), [0, 0, 0xff, 0xff]);
    let mut bytes = frame(2, &deflated);
    bytes[0] |= 0x40;
    bytes
}

#[tokio::test]
async fn one_message_that_becomes_much_takes_many_turns() {
    // A turn is some 32 KiB.
    let turns = turns_beside(&zeros(10 << 20), 1, "10485760 B").await;
    assert!(turns >= 200, "{turns} turns for 10 MiB");
}

/// Says much to who asks.
struct Says(Arc<AtomicUsize>);

impl Websocket for Says {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        let (watched, turns) = (client.clone(), Arc::clone(&self.0));
        client.spawn(async move {
            loop {
                yield_now().await;
                turns.fetch_add(usize::from(watched.inspect().queued_bytes > 0), SeqCst);
            }
        });
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let payload = vec![7; 10 << 20];
        match message.as_text() {
            Some("send") => client.send(payload).await?,
            _ => drop(client.endpoint().broadcast(payload).await),
        }
        client.send("said").await?;
        Ok(())
    }
}

#[tokio::test]
async fn one_message_that_becomes_little_takes_many_turns() {
    let turns = Arc::new(AtomicUsize::new(0));
    let host = Host::new("localhost").websocket("/", Says(Arc::clone(&turns)));
    let server = start_on(1, Server::new().host(host)).await;
    for asked in ["send", "broadcast"] {
        let mut raw = Raw::connect(&server).await;
        raw.write(handshake("/", "Sec-WebSocket-Extensions: permessage-deflate\r\n")).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
        let before = turns.load(SeqCst);
        raw.write(frame(1, asked.as_bytes())).await;
        while raw.frame().await != (0x81, b"said".to_vec()) {}
        let taken = turns.load(SeqCst) - before;
        assert!(taken >= 100, "{asked}: {taken} turns for 10 MiB");
        drop(raw);
    }
    server.stop().await;
}

#[tokio::test]
async fn many_messages_of_nothing_take_as_many_turns_as_if_they_were_short() {
    let count = 50_000;
    for (len, what) in [(0, "0 B"), (64, "64 B")] {
        let turns = turns_beside(&frame(2, &vec![7; len]).repeat(count), count, what).await;
        assert!(turns >= count * 70 / (40 * 1024), "{turns} turns for {count} of {len} B");
    }
}

/// Says many messages of 16 KiB to who asks, and counts the turns that this takes.
struct SaysMany(Arc<AtomicUsize>);

impl Websocket for SaysMany {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Says(Arc::clone(&self.0)).on_open(handshake).await
    }

    async fn on_data(&self, client: &Client, _: Message) -> Result<(), Failure> {
        for _ in 0..400 {
            client.send(vec![7; 16 << 10]).nowait();
        }
        client.send("said").nowait();
        Ok(())
    }
}

#[tokio::test]
async fn what_is_compressed_counts_once() {
    let turns = Arc::new(AtomicUsize::new(0));
    let options = Options::new().max_queued_bytes(16 << 20);
    let host = Host::new("localhost").websocket_with("/", SaysMany(Arc::clone(&turns)), options);
    let server = start_on(1, Server::new().host(host)).await;
    let mut raw = Raw::connect(&server).await;
    raw.write(handshake("/", "Sec-WebSocket-Extensions: permessage-deflate\r\n")).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    raw.write(frame(1, b"many")).await;
    while raw.frame().await != (0x81, b"said".to_vec()) {}
    let turns = turns.load(SeqCst);
    // Each of them compresses 64 KiB.
    assert!((80..150).contains(&turns), "{turns} turns for 400 messages of 16 KiB");
    drop(raw);
    server.stop().await;
}
