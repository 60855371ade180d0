//! Messages with a key: a slow client is sent the latest of each.

use aerys::{Client, Options, Overflow, SendError};
use futures_util::{FutureExt, future::join_all};

use crate::common::{
    Guests, Lobby, Raw, Running, connect, eventually, frame, soon, tally as plain_tally,
};

const SIZE: usize = 64 << 10;

/// A client that does not read yet, for which more waits than the kernels on the way take.
async fn stuck(options: Options) -> (Running, Guests, Raw, Client) {
    let (server, mut guests) = Lobby::serve(options.heartbeat_period(None)).await;
    let mut raw = Raw::open_narrow(&server).await;
    let client = guests.next().await;
    let mut sent = None;
    while sent != Some(client.inspect().bytes_sent) || client.inspect().queued_bytes < SIZE {
        sent = Some(client.inspect().bytes_sent);
        client.send(vec![0; SIZE]).nowait();
        // Whoever is read from twice has been written to in between, if that can be.
        for _ in 0..2 {
            let read = client.inspect().bytes_read;
            raw.write(frame(9, b"")).await;
            eventually(|| client.inspect().bytes_read > read).await;
        }
    }
    (server, guests, raw, client)
}

/// The texts that come, up to the last.
async fn hear_texts(raw: &mut Raw, last: &str) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.last().is_none_or(|it| it != last) {
        let (first, payload) = raw.frame().await;
        if first & 0x0F == 1 {
            heard.push(String::from_utf8(payload).unwrap());
        }
    }
    heard
}

#[tokio::test]
async fn the_latest_takes_the_earliers_place_and_who_sent_that_is_told() {
    let (_server, _guests, mut raw, client) = stuck(Options::new()).await;
    let earlier: Vec<_> = ["a 1", "b 1", "a 2"]
        .map(|text| (text, Box::pin(client.send(text).key(&text[..1]).into_future())))
        .into_iter()
        .map(|(text, mut sending)| {
            assert_eq!(sending.as_mut().now_or_never(), None, "{text}");
            sending
        })
        .collect();
    client.send("without").nowait();
    let queued = client.inspect().queued_bytes;
    client.send("b 2").key("b").nowait();
    client.send("a 3").key("a").nowait();
    client.send("c 1").key("c").nowait();
    assert_eq!(client.inspect().queued_bytes, queued + "c 1".len() + 64);
    assert_eq!(client.inspect().superseded, 3);
    client.send("last").nowait();
    let heard = hear_texts(&mut raw, "last");
    let (heard, outcomes) = tokio::join!(heard, join_all(earlier.into_iter().map(soon)));
    assert_eq!(heard, ["a 3", "b 2", "without", "c 1", "last"]);
    assert_eq!(outcomes, [Err(SendError::Superseded); 3]);
}

#[tokio::test]
async fn who_reads_misses_nothing_and_who_does_not_hears_the_latest_of_each() {
    let (server, mut guests, mut raw, slow) = stuck(Options::new()).await;
    let mut reader = connect(&server).await;
    let fast = guests.next().await;
    for round in 1..=50 {
        for key in ["a", "b"] {
            let text = format!("{key} {round}");
            slow.endpoint().broadcast(&text).key(key).nowait();
            assert_eq!(reader.hear_text().await, text);
        }
    }
    assert_eq!((fast.inspect().superseded, slow.inspect().superseded), (0, 98));
    let counted = slow.endpoint().broadcast("a counted").key("a").into_future();
    let mut counted = Box::pin(counted);
    assert_eq!(counted.as_mut().now_or_never(), None);
    assert_eq!(reader.hear_text().await, "a counted");
    slow.endpoint().broadcast("a last").key("a").only([slow.id()]).nowait();
    let mut tally = plain_tally(1, 0, 0);
    tally.superseded = 1;
    assert_eq!(soon(counted).await, tally);
    slow.send("last").nowait();
    assert_eq!(hear_texts(&mut raw, "last").await, ["a last", "b 50", "last"]);
}

#[tokio::test]
async fn one_that_is_not_behind_is_sent_each_in_its_turn() {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let mut peer = connect(&server).await;
    let client = guests.next().await;
    for round in 0..100 {
        client.send(format!("before {round}")).nowait();
        assert_eq!(soon(client.send(format!("{round}")).key("key")).await, Ok(()));
        assert_eq!(peer.hear_text().await, format!("before {round}"));
        assert_eq!(peer.hear_text().await, round.to_string());
    }
    peer.leave().await;
    guests.journal.until(1).await;
    assert_eq!(soon(client.send("late").key("key")).await, Err(SendError::ClientGone));
}

#[tokio::test]
async fn what_a_client_is_owed_stays_within_its_limit() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let options = Options::new().overflow(overflow).max_queued_bytes(4 * SIZE);
        let (_server, _guests, mut raw, client) = stuck(options).await;
        for round in 0..100 {
            // Of growing and shrinking size, by many keys and one.
            let size = 1 + round * 7919 % (2 * SIZE);
            client.send("x".repeat(size)).key(format!("key {}", round % 7)).nowait();
            let queued = client.inspect().queued_bytes;
            assert!(queued <= 4 * SIZE || overflow == Overflow::DropOldest, "{queued}");
            assert!(queued <= 6 * SIZE, "{queued}");
        }
        let outcome = client.send("kept").key("kept").into_future();
        let end = async {
            while soon(client.send("last")).await == Err(SendError::Dropped) {
                tokio::task::yield_now().await;
            }
        };
        let (outcome, _, heard) = tokio::join!(soon(outcome), end, hear_texts(&mut raw, "last"));
        let is_kept = outcome == Ok(());
        assert_eq!(heard.iter().any(|it| it == "kept"), is_kept, "{outcome:?}");
        assert!(client.inspect().superseded > 0);
    }
}
