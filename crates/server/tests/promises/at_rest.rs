//! A broadcast to clients that have nothing else to do, and what comes between.

use std::{
    sync::{Mutex, mpsc},
    thread,
};

use aerys::{
    Accepted, Client, Compression, Departure, Failure, Handshake, Host, Message, Options, Refusal,
    Server, Websocket,
};

use crate::common::{Journal, Lobby, Raw, departure, frame, handshake, serve_with, soon};

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

#[tokio::test]
async fn what_a_slow_reader_is_told_by_many_comes_whole_and_in_the_order_of_each() {
    const ROUNDS: usize = 80;
    const SIZE: usize = 10_000;
    let options = Options::new().max_queued_bytes(64 << 20).compression(None);
    let (server, mut guests) = Lobby::serve(options).await;
    // So that it begins to be owed something in the midst of it, and is not any more later on.
    let mut raw = Raw::open_narrow(&server).await;
    let client = guests.next().await;
    let numbered = |name: &str, number: usize| {
        let mut text = format!("{name} {number} ");
        text.extend(std::iter::repeat_n('.', SIZE - text.len()));
        text
    };
    // Each says its numbers in turn to all and to the one.
    let publishers = ["a", "b"].map(|name| {
        let client = client.clone();
        thread::spawn(move || {
            for number in 0..ROUNDS {
                let text = numbered(name, number);
                if number % 4 == 3 {
                    client.send(text).nowait();
                } else {
                    client.endpoint().broadcast(text).nowait();
                }
            }
        })
    });
    let mut next = [("a", 0), ("b", 0)];
    for _ in 0..2 * ROUNDS {
        let (first, payload) = raw.frame().await;
        assert_eq!((first, payload.len()), (0x81, SIZE));
        let text = String::from_utf8(payload).unwrap();
        let (_, expected) = next.iter_mut().find(|(name, _)| text.starts_with(name)).unwrap();
        assert_eq!(text.split(' ').nth(1), Some(&*expected.to_string()));
        *expected += 1;
    }
    for publisher in publishers {
        publisher.join().unwrap();
    }
    soon(client.send("last")).await.unwrap();
    let stats = client.inspect();
    assert_eq!(stats.messages_sent, 2 * ROUNDS as u64 + 1);
    assert_eq!(stats.queued_bytes, 0);
    server.stop().await;
}

#[tokio::test]
async fn those_who_compress_in_a_context_are_told_in_their_own_and_all_others_plainly() {
    let compression = Compression::new().server_context_takeover(true);
    let (server, mut guests) = Lobby::serve(Options::new().compression(compression)).await;
    let mut raws = Vec::new();
    for offer in [OFFER, "", OFFER] {
        let mut raw = Raw::connect(&server).await;
        raw.write(handshake("/", offer)).await;
        assert_eq!(raw.head().await.contains("permessage-deflate"), !offer.is_empty());
        raws.push((offer, raw));
    }
    let endpoint = guests.next().await.endpoint().clone();
    let mut words: String =
        (0..2_000_u32).map(|it| it.wrapping_mul(0x9E37_79B9).to_string()).collect();
    words.truncate(16_000);
    let mut sizes = Vec::new();
    for _ in 0..2 {
        assert_eq!(soon(endpoint.broadcast(&words)).await.delivered, raws.len());
        for (offer, raw) in &mut raws {
            let (first, payload) = raw.frame().await;
            if offer.is_empty() {
                assert_eq!((first, &payload[..]), (0x81, words.as_bytes()));
            } else {
                assert_eq!(first, 0xC1);
                sizes.push(payload.len());
            }
        }
    }
    // What was said before is referred to.
    assert_eq!((sizes[0], sizes[2]), (sizes[1], sizes[3]));
    assert!(sizes[2] * 10 < sizes[0], "{sizes:?}");
    server.stop().await;
}

/// Broadcasts what it hears when the test lets it, and blocks its thread until then.
struct Blocks {
    journal: Journal,
    released: Mutex<mpsc::Receiver<()>>,
}

impl Websocket for Blocks {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        self.journal.note("blocks");
        // Also if the test has failed.
        let _ = self.released.lock().expect("it does not panic").recv();
        let tally = client.endpoint().broadcast(message).await;
        self.journal.note(format!("delivered {}, gone {}", tally.delivered, tally.gone));
        Ok(())
    }

    async fn on_close(&self, gone: &Departure) {
        self.journal.note(departure(gone));
    }
}

#[tokio::test]
async fn one_that_has_gone_while_its_worker_was_busy_is_counted_as_gone() {
    let journal = Journal::default();
    let (release, released) = mpsc::channel();
    let blocks = Blocks { journal: journal.clone(), released: Mutex::new(released) };
    let host = Host::new("localhost").websocket("/", blocks);
    let server = Server::new().listen(([127, 0, 0, 1], 0)).workers(1).host(host);
    let server = server.start().await.expect("the server starts");
    let (mut speaks, goes) = (Raw::open(&server).await, Raw::open(&server).await);
    speaks.write(frame(1, b"anybody?")).await;
    journal.until(1).await;
    // The kernel knows of it when this has been called, and the worker cannot.
    goes.stream.set_zero_linger().unwrap();
    drop(goes);
    release.send(()).unwrap();
    assert_eq!(speaks.frame().await, (0x81, b"anybody?".to_vec()));
    let mut lines = journal.until(3).await;
    lines[1..].sort();
    assert_eq!(lines, ["blocks", "delivered 1, gone 1", "gone 1006"]);
    drop(release);
    server.stop().await;
}

#[tokio::test]
async fn what_is_broadcast_one_after_the_other_is_heard_and_counted_one_by_one() {
    let (lobby, mut guests) = Lobby::new();
    let server = serve_with(lobby, Options::new().heartbeat_period(None)).await;
    let (mut raws, mut clients) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        raws.push(Raw::open(&server).await);
        clients.push(guests.next().await);
    }
    for round in 1..=20 {
        let tally = soon(clients[0].endpoint().broadcast(round.to_string())).await;
        assert_eq!((tally.delivered, tally.gone, tally.dropped), (4, 0, 0));
        for (raw, client) in raws.iter_mut().zip(&clients) {
            assert_eq!(raw.frame().await, (0x81, round.to_string().into_bytes()));
            let stats = client.inspect();
            assert_eq!((stats.messages_sent, stats.frames_sent), (round, round));
            assert_eq!(stats.queued_bytes, 0);
            assert!(stats.last_data_send.is_some());
        }
    }
    server.stop().await;
}
