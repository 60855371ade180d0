//! A client that does not read, or stay, costs the others nothing and the server little.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use aerys::{Accepted, Client, Failure, Handshake, Message, Options, Refusal, Websocket};
use futures_util::future::join_all;
use tokio::{io::AsyncWriteExt, time::timeout};

use crate::common::{
    Echo, Lobby, PATIENCE, Raw, connect, eventually, frame, on_a_thread, serve_with, soon,
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

#[tokio::test]
async fn one_who_stops_reading_is_closed_while_the_others_get_everything_in_order() {
    let options = Options::new().max_queued_bytes(256 * KIB).close_period(PATIENCE);
    let (server, mut guests) = Lobby::serve(options).await;
    let mut stuck = Raw::open_narrow(&server).await;
    let endpoint = guests.next().await.endpoint().clone();
    let mut readers = Vec::new();
    for _ in 0..30 {
        readers.push(connect(&server).await);
    }
    // The kernel takes some megabytes for it.
    for number in 0..2000_u32 {
        endpoint.broadcast([&number.to_be_bytes()[..], &[0; 32 * KIB]].concat()).nowait();
        let heard = join_all(readers.iter_mut().map(async |ws| ws.hear().await.into_data())).await;
        assert!(heard.iter().all(|heard| heard[..4] == number.to_be_bytes()));
        if !guests.journal.lines().is_empty() {
            break;
        }
    }
    assert_eq!(guests.journal.lines(), ["gone 1008 too slow to read what was sent"]);
    assert_eq!(endpoint.len(), 30);
    // If it reads after all, it is told. What has been begun is a whole number of frames.
    let code = loop {
        let (first, payload) = stuck.frame().await;
        if first == 0x88 {
            break payload[..2].to_vec();
        }
    };
    assert_eq!(code, 1008_u16.to_be_bytes());
    drop((stuck, readers));
    server.stop().await;
}

#[tokio::test]
async fn one_message_on_its_own_may_be_larger_than_the_limit() {
    let (server, mut guests) = Lobby::serve(Options::new().max_queued_bytes(1000)).await;
    let mut ws = connect(&server).await;
    let client = guests.next().await;
    for _ in 0..3 {
        let (sent, heard) = tokio::join!(soon(client.send(vec![1; 8 * MIB])), ws.hear());
        assert_eq!(sent, Ok(()));
        assert_eq!(heard.len(), 8 * MIB);
    }
    drop(ws);
    server.stop().await;
}

#[tokio::test]
async fn what_was_handed_to_the_kernel_is_owed_no_more() {
    let (server, mut guests) = Lobby::serve(Options::new().max_queued_bytes(256 * KIB)).await;
    let mut ws = connect(&server).await;
    let client = guests.next().await;
    // Sizes that fill a write exactly, and others.
    for round in 0..300 {
        let size = [32 * KIB, 64 * KIB, 128 * KIB, 100_000, 1][round % 5];
        client.send(vec![2; size]).nowait();
        assert_eq!(ws.hear().await.len(), size, "round {round}");
    }
    drop(ws);
    server.stop().await;
}

/// Says these messages until the kernels on the way are full, and stay full; how many it has begun,
/// and what is left of the last.
async fn fill(raw: &mut Raw, message: impl Fn(u32) -> Vec<u8>) -> (u32, Vec<u8>) {
    let (mut count, mut left) = (0, Vec::new());
    loop {
        if left.is_empty() {
            left = frame(2, &message(count));
            count += 1;
        }
        match timeout(Duration::from_millis(300), raw.stream.write(&left)).await {
            Ok(written) => drop(left.drain(..written.expect("the connection is well"))),
            Err(_) => return (count, left),
        }
        assert!(count < 20_000, "it is read on and on");
    }
}

#[tokio::test]
async fn one_who_writes_and_never_reads_is_not_read_until_it_does() {
    for waits in [true, false] {
        let server = serve_with(Echo { waits }, Options::new().heartbeat_period(None)).await;
        let mut raw = Raw::open(&server).await;
        let message = |number: u32| [&number.to_be_bytes()[..], &[3; 10_000]].concat();
        let (count, left) = fill(&mut raw, message).await;
        for number in 0..count - 1 {
            let (first, payload) = raw.frame().await;
            assert!(first == 0x82 && payload == message(number), "{number}");
        }
        raw.write(&left).await;
        let (first, payload) = raw.frame().await;
        assert!(first == 0x82 && payload == message(count - 1));
        drop(raw);
        server.stop().await;
    }
}

/// Echoes, and waits for each answer.
#[derive(Clone, Default)]
struct Steady {
    client: Arc<OnceLock<Client>>,
    heard: Arc<AtomicUsize>,
}

impl Websocket for Steady {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        let _ = self.client.set(client.clone());
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        self.heard.fetch_add(1, Relaxed);
        Ok(client.send(message).await?)
    }
}

#[tokio::test]
async fn while_an_answer_is_awaited_that_is_not_taken_no_other_message_is_in_memory() {
    // More than one read brings, so that none completes two of them.
    const SIZE: usize = 20 * KIB;
    let app = Steady::default();
    let server = serve_with(app.clone(), Options::new().heartbeat_period(None)).await;
    let mut raw = Raw::open(&server).await;
    fill(&mut raw, |_| vec![3; SIZE]).await;
    let client = app.client.get().expect("it was let in");
    let heard = app.heard.load(Relaxed);
    let stats = client.inspect();
    assert_eq!(stats.messages_read, heard as u64);
    assert!(stats.queued_bytes >= 16 * KIB, "{}", stats.queued_bytes);
    // As soon as it reads, it is heard again.
    for _ in 0..=heard {
        assert_eq!(raw.frame().await.1.len(), SIZE);
    }
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn broadcasts_end_while_clients_come_and_go() {
    const VISITS: usize = 8 * 20;
    let options = Options::new().close_period(Duration::from_millis(50));
    let (server, mut guests) = Lobby::serve(options).await;
    let mut stays = connect(&server).await;
    let endpoint = guests.next().await.endpoint().clone();
    let left = Arc::new(AtomicUsize::new(0));
    let visitors = join_all((0..8).map(async |visitor| {
        for visit in 0..VISITS / 8 {
            match (visitor + visit) % 3 {
                0 => connect(&server).await.leave().await,
                // It vanishes, most often with something unread.
                1 => drop(connect(&server).await),
                _ => Raw::open(&server).await.write(frame(8, &[])).await,
            }
            left.fetch_add(1, Relaxed);
        }
    }));
    let publisher = || {
        let (endpoint, left) = (endpoint.clone(), Arc::clone(&left));
        async move {
            while left.load(Relaxed) < VISITS {
                let tally = endpoint.broadcast(vec![0; 5000]).await;
                assert!(tally.delivered >= 1, "{tally:?}");
            }
        }
    };
    let task = tokio::spawn(publisher());
    let published = async {
        tokio::join!(visitors, on_a_thread(publisher()), soon(task)).2.unwrap();
        endpoint.broadcast("last").nowait();
    };
    let listen = async { while stays.hear().await.into_data() != "last" {} };
    tokio::join!(published, listen);
    eventually(|| endpoint.len() == 1).await;
    server.stop().await;
}
