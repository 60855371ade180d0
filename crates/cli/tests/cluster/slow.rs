//! A node that does not read what comes by the bus as fast as it comes.

use std::fs;

use futures_util::SinkExt;
use rustix::process::Signal;
use tokio::io;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    common::soon,
    crowd::connect,
    nats::NatsServer,
    stage::{FORWARDED, NOT_FORWARDED, RECEIVED, Stage, eventually},
};

/// So many messages are said, of this size in bytes.
const COUNT: u64 = 40_000;
const SIZE: u64 = 4 << 10;

/// So many of the slow node's clients hear each: who has to tell them has more to do than who reads.
const LISTENERS: usize = 20;

/// What the server of NATS may keep for a node, in bytes, for how long that may read nothing, and that nobody else is slowed
/// down for it.
const SERVER: &str = "max_pending: 512MB\nwrite_deadline: \"60s\"\nno_fast_producer_stall: true\n";

/// By how much it may grow: what may wait to be taken in, what is read in one turn, and as much again for what there is
/// to them.
const MAX_GROWTH: u64 = 64 << 20;

/// Whoever is owed too much there loses something, and is not closed.
const PATH: &str = "/flood/all";

const LOST: &str = "aerys_cluster_frames_lost_total{direction=\"in\"}";

#[tokio::test]
#[ignore = "three nodes, three hundred clients, and 160 MB between them"]
async fn a_node_that_is_too_slow_has_bounded_memory_and_counts_what_it_drops() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nats.conf");
    fs::write(&file, SERVER).unwrap();
    let nats = NatsServer::start(&["-c", file.to_str().expect("it is UTF-8")]);
    let stage = Stage::on(&nats.url()).await;
    let (fast, slow) = (stage.node(0), stage.node(2));
    let peak = slow.peak_memory();
    let forwarded = fast.figure(FORWARDED).await;
    let received = slow.figure(RECEIVED).await;

    for _ in 0..LISTENERS {
        let listener = soon("a client", connect(slow.server.address(), PATH)).await.unwrap();
        // It reads, and does not look at what.
        tokio::spawn(async move { io::copy(&mut listener.into_inner(), &mut io::sink()).await });
    }
    slow.signal(Signal::STOP);
    let address = fast.server.address();
    let mut speaker = soon("a client", connect(address, PATH)).await.unwrap();
    let message = Message::binary(vec![b'x'; SIZE as usize]);
    for _ in 0..COUNT {
        soon("a message", speaker.send(message.clone())).await.unwrap();
    }
    // What the bus was too full for is none of what it lost.
    let taken = async || fast.figure(FORWARDED).await - forwarded;
    eventually("all is forwarded, or refused", async || {
        taken().await + fast.figure(NOT_FORWARDED).await == COUNT
    })
    .await;
    let taken = taken().await;
    assert!(taken * SIZE > 2 * MAX_GROWTH, "only {taken} were forwarded");
    slow.signal(Signal::CONT);
    eventually("each is received or counted", async || {
        let (received_now, lost) =
            (slow.figure(RECEIVED).await - received, slow.figure(LOST).await);
        assert!(received_now <= taken);
        // Among what was lost there may be signs of life.
        received_now + lost >= taken
    })
    .await;
    let growth = slow.peak_memory() - peak;
    let lost = slow.figure(LOST).await;
    println!(
        "{taken} were forwarded, of which {lost} were dropped; it has grown by {growth} bytes"
    );
    assert!(lost > 0, "it was not too slow");
    assert!(growth < MAX_GROWTH, "it has grown by {growth} bytes");
    stage.all_hear_all().await;
    assert_eq!(stage.record.ends(), []);
}
