//! One that reads too slowly for what it is owed: what is dropped, what arrives, who is told.

mod crowd;

use std::pin::Pin;

use aerys::{Client, Options, Overflow, SendError};
use futures_util::{FutureExt, future::join_all};

use crate::common::{Guests, Lobby, Raw, Running, connect, eventually, frame, soon};

const KIB: usize = 1 << 10;
const LIMIT: usize = 256 * KIB;
const SIZE: usize = 16 * KIB;

/// More than the kernels on the way take, by far.
const COUNT: u32 = 1500;

const DROPS: [Overflow; 2] = [Overflow::DropNewest, Overflow::DropOldest];

fn options(overflow: Overflow) -> Options {
    Options::new().overflow(overflow).max_queued_bytes(LIMIT).heartbeat_period(None)
}

/// A client that does not read yet.
async fn stuck(options: Options) -> (Running, Guests, Raw, Client) {
    let (server, mut guests) = Lobby::serve(options).await;
    let raw = Raw::open_narrow(&server).await;
    let client = guests.next().await;
    (server, guests, raw, client)
}

fn message(number: u32, size: usize) -> Vec<u8> {
    [&number.to_be_bytes()[..], &vec![0; size - 4]].concat()
}

/// Sends until the kernels on the way take no more and the rest is dropped.
async fn fill(client: &Client, raw: &mut Raw, size: usize) {
    let mut sent = None;
    while sent != Some(client.inspect().bytes_sent) || client.inspect().dropped == 0 {
        sent = Some(client.inspect().bytes_sent);
        for _ in 0..2 * LIMIT / size {
            client.send(message(FILLING, size)).nowait();
        }
        // Whoever is read from twice has been written to in between, if that can be.
        for _ in 0..2 {
            let read = client.inspect().bytes_read;
            raw.write(frame(9, b"")).await;
            eventually(|| client.inspect().bytes_read > read).await;
        }
    }
}

const FILLING: u32 = u32::MAX;

type Sending<'c> = Pin<Box<dyn Future<Output = Result<(), SendError>> + 'c>>;

/// Sends numbered messages all at once; those whose outcome is not known yet are left.
fn send_all(client: &Client, count: u32, size: usize) -> Vec<Result<Sending<'_>, SendError>> {
    let send = |number| {
        let mut sending: Sending<'_> = Box::pin(client.send(message(number, size)).into_future());
        match sending.as_mut().now_or_never() {
            None => Ok(sending),
            Some(Err(error)) => Err(error),
            Some(Ok(())) => panic!("nothing has left before the first wait"),
        }
    };
    (0..count).map(send).collect()
}

/// The numbers of the messages that come, up to the one that is sent now.
async fn hear_all(raw: &mut Raw, client: &Client) -> Vec<u32> {
    let mut heard = Vec::new();
    let end = async {
        // It is sent as soon as there is room again.
        while soon(client.send("end")).await == Err(SendError::Dropped) {
            tokio::task::yield_now().await;
        }
    };
    let hear = async {
        loop {
            let (first, payload) = raw.frame().await;
            if first == 0x81 {
                break;
            }
            if first & 0x0F == 2 {
                heard.push(u32::from_be_bytes(payload[..4].try_into().unwrap()));
            }
        }
    };
    tokio::join!(end, hear);
    heard
}

#[tokio::test]
async fn what_was_taken_in_arrives_in_order_and_the_newest_is_dropped() {
    let (server, guests, mut raw, client) = stuck(options(Overflow::DropNewest)).await;
    let sent = send_all(&client, COUNT, SIZE);
    let dropped = sent.iter().filter(|it| it.is_err()).count() as u64;
    assert!(dropped > 0, "the kernel takes everything");
    assert_eq!(client.inspect().dropped, dropped);
    assert!(client.inspect().queued_bytes <= LIMIT);
    let taken: Vec<u32> = (0..).zip(&sent).filter(|(_, it)| it.is_ok()).map(|it| it.0).collect();
    assert!(sent.iter().all(|it| !matches!(it, Err(SendError::ClientGone))));
    let (heard, outcomes) = tokio::join!(
        hear_all(&mut raw, &client),
        join_all(sent.into_iter().flatten().map(async |sending| soon(sending).await))
    );
    assert_eq!(heard, taken);
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(guests.journal.lines(), [""; 0]);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn the_latest_arrive_in_order_and_the_oldest_are_dropped() {
    let (server, guests, mut raw, client) = stuck(options(Overflow::DropOldest)).await;
    let sent = send_all(&client, COUNT, SIZE);
    let sent = sent.into_iter().map(|it| it.expect("the newest is always taken in"));
    let sent: Vec<_> = sent.collect();
    let dropped = client.inspect().dropped;
    assert!(dropped > 0, "the kernel takes everything");
    assert!(client.inspect().queued_bytes <= LIMIT);
    let (heard, outcomes) = tokio::join!(
        hear_all(&mut raw, &client),
        join_all(sent.into_iter().map(async |sending| soon(sending).await))
    );
    let ok: Vec<u32> = (0..).zip(&outcomes).filter(|(_, it)| it.is_ok()).map(|it| it.0).collect();
    assert_eq!(heard, ok);
    assert_eq!(COUNT as u64 - heard.len() as u64, client.inspect().dropped);
    let lost = outcomes.iter().filter(|it| **it == Err(SendError::Dropped)).count();
    assert_eq!(lost + heard.len(), COUNT as usize);
    // What the limit has room for beside what is on its way already.
    assert!(heard.ends_with(&Vec::from_iter(COUNT - 8..COUNT)), "{heard:?}");
    assert_eq!(guests.journal.lines(), [""; 0]);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn the_very_latest_arrives_even_if_the_limit_has_no_room_beside_what_is_on_its_way() {
    let options = options(Overflow::DropOldest).max_queued_bytes(100 * KIB);
    let (server, _guests, mut raw, client) = stuck(options).await;
    let size = 64 * KIB;
    fill(&client, &mut raw, size).await;
    for number in 0..10 {
        client.send(message(number, size)).nowait();
    }
    // The others were dropped for it.
    while raw.frame().await.1.get(..4) != Some(&9_u32.to_be_bytes()) {}
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn an_awaited_send_that_was_dropped_says_so() {
    for overflow in DROPS {
        let (server, guests, mut raw, client) = stuck(options(overflow)).await;
        fill(&client, &mut raw, SIZE).await;
        let before = client.inspect().dropped;
        let sent = send_all(&client, 40, SIZE);
        let outcomes = match overflow {
            Overflow::DropOldest => {
                // The last ones stay, as far as there is room.
                let oldest = sent.into_iter().take(20).flatten();
                join_all(oldest.map(async |sending| soon(sending).await)).await
            }
            _ => sent.into_iter().map(|it| it.map(drop)).collect(),
        };
        assert!(outcomes.len() >= 20, "{overflow:?}");
        assert!(outcomes.iter().all(|it| *it == Err(SendError::Dropped)), "{overflow:?}");
        assert!(client.inspect().dropped >= before + 20);
        // It stays, and hears what is said once it reads.
        hear_all(&mut raw, &client).await;
        assert_eq!(soon(client.send("still here")).await, Ok(()));
        assert_eq!(raw.frame().await, (0x81, b"still here".to_vec()));
        assert_eq!(guests.journal.lines(), [""; 0]);
        drop(raw);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_broadcast_counts_whom_it_was_dropped_for() {
    for overflow in DROPS {
        let (server, mut guests, mut raw, client) = stuck(options(overflow)).await;
        let mut ws = connect(&server).await;
        let reader = guests.next().await;
        let endpoint = reader.endpoint();
        fill(&client, &mut raw, SIZE).await;
        // What is dropped for the one is heard by the other.
        let tally = async {
            let mut tally = Box::pin(endpoint.broadcast(message(1, 2 * SIZE)).into_future());
            if tally.as_mut().now_or_never().is_none() && overflow == Overflow::DropOldest {
                for _ in 0..40 {
                    client.send(message(2, SIZE)).nowait();
                }
            }
            soon(tally).await
        };
        let (tally, heard) = tokio::join!(tally, ws.hear());
        assert_eq!(tally, crate::common::tally(1, 0, 1), "{overflow:?}");
        assert_eq!(heard.into_data(), message(1, 2 * SIZE));
        assert_eq!((reader.inspect().dropped, endpoint.len()), (0, 2));
        drop((raw, ws));
        server.stop().await;
    }
}

#[tokio::test]
async fn one_that_is_owed_too_much_is_closed_unless_told_otherwise() {
    let (server, guests, raw, client) = stuck(options(Overflow::default())).await;
    let sent = send_all(&client, COUNT, SIZE);
    let outcomes = join_all(sent.into_iter().map(async |sending| soon(sending?).await)).await;
    assert!(outcomes.contains(&Err(SendError::ClientGone)));
    assert!(!outcomes.contains(&Err(SendError::Dropped)));
    assert_eq!(guests.journal.until(1).await, ["gone 1008 too slow to read what was sent"]);
    assert_eq!(client.inspect().dropped, 0);
    drop(raw);
    server.stop().await;
}
