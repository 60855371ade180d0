//! A broadcast to clients that have nothing else to do, and what comes between.

use std::thread;

use aerys::{Compression, Options};

use crate::common::{Lobby, Raw, handshake, serve_with, soon};

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
