//! Nodes that share a real server of NATS, which goes and comes back.

mod line;
mod node;
mod server;

use std::time::Duration;

use aerys::{BusState, NotQueued, Published};
use aerys_nats::NatsBus;
use rustix::process::Signal;

use crate::{
    line::{First, Line},
    node::{Node, eventually, soon},
    server::NatsServer,
};

const AWAY: Published = Published::NotQueued(NotQueued::Away);

#[tokio::test]
async fn nodes_hear_each_other_in_order_and_know_of_each_other() {
    const COUNT: usize = 5000;
    let nats = NatsServer::start(&[]);
    let (mut here, mut there) = (Node::at(&nats.url()).await, Node::at(&nats.url()).await);
    here.knows(2).await;
    there.knows(2).await;
    here.client.join("tea").unwrap();
    there.client.join("tea").unwrap();
    let tea = here.everyone.group("tea");
    for number in 0..COUNT {
        tea.broadcast(number.to_string()).nowait();
    }
    soon(here.cluster.flush()).await.unwrap();
    for number in 0..COUNT {
        assert_eq!(there.hear().await, number.to_string());
        assert_eq!(here.hear().await, number.to_string());
    }
    let tally = there.broadcast("only to the other").await;
    assert_eq!((tally.delivered, tally.published), (1, Published::Queued));
    assert_eq!(here.hear().await, "only to the other");
    let (status, other) = (here.cluster.status(), there.cluster.status());
    assert_eq!((status.forwarded, status.not_forwarded, status.received), (5000, 0, 1));
    assert_eq!((other.received, other.malformed), (5000, 0));
    assert_ne!(status.node, other.node);
    // One that stops says so.
    there.server.stop().await;
    here.knows(1).await;
}

#[tokio::test]
async fn while_the_server_is_away_nodes_serve_their_own_and_nothing_is_said_later() {
    let nats = NatsServer::start(&[]);
    let (url, port) = (nats.url(), nats.port);
    let (mut here, mut there) = (Node::at(&url).await, Node::at(&url).await);
    here.knows(2).await;
    assert_eq!(here.broadcast("before").await.published, Published::Queued);
    assert_eq!(there.hear().await, "before");
    drop(nats);
    here.is_connected(false).await;
    there.is_connected(false).await;
    let BusState::Away { reason, .. } = here.cluster.status().bus else { panic!("it is away") };
    assert!(reason.contains("127.0.0.1"), "{reason}");
    let tally = here.broadcast("away").await;
    assert_eq!((tally.delivered, tally.published), (1, AWAY));
    assert_eq!(soon(here.cluster.flush()).await, Err(NotQueued::Away));
    let _nats = NatsServer::start_on(Some(port), &[]);
    here.is_connected(true).await;
    there.is_connected(true).await;
    assert_eq!(here.broadcast("after").await.published, Published::Queued);
    for expected in ["before", "away", "after"] {
        assert_eq!(here.hear().await, expected);
    }
    assert_eq!(there.hear().await, "after");
    here.knows(2).await;
    soon(here.cluster.flush()).await.unwrap();
}

#[tokio::test]
async fn whoever_is_connected_hears_what_others_say_from_then_on() {
    let nats = NatsServer::start(&[]);
    let line = Line::slow(nats.port, Duration::from_millis(200)).await;
    let mut here = Node::at(&nats.url()).await;
    here.is_connected(true).await;
    let mut there = Node::at(&line.url()).await;
    there.is_connected(true).await;
    here.broadcast("at once").await;
    assert_eq!(there.hear().await, "at once");
    assert_eq!(here.hear().await, "at once");
}

#[tokio::test]
async fn a_node_starts_and_serves_before_its_bus_is_there() {
    let port = {
        // One that is free, and nobody's.
        let nats = NatsServer::start(&[]);
        nats.port
    };
    let url = format!("nats://127.0.0.1:{port}");
    let mut here = Node::at(&url).await;
    assert_eq!(here.broadcast("alone").await.published, AWAY);
    assert_eq!(here.hear().await, "alone");
    assert_eq!(here.cluster.status().nodes, 1);
    let nats = NatsServer::start_on(Some(port), &[]);
    let there = Node::at(&nats.url()).await;
    here.knows(2).await;
    there.knows(2).await;
}

#[tokio::test]
async fn what_is_too_large_for_the_server_is_refused_and_the_connection_stays() {
    let nats = NatsServer::start(&[]);
    let (mut here, mut there) = (Node::at(&nats.url()).await, Node::at(&nats.url()).await);
    here.knows(2).await;
    let large = "x".repeat(1 << 20);
    let tally = here.broadcast(&large).await;
    assert_eq!(tally.delivered, 1);
    let Published::NotQueued(NotQueued::TooLarge { len, max }) = tally.published else {
        panic!("{tally:?}")
    };
    assert!(len > large.len() && max == 1 << 20, "{len} {max}");
    assert_eq!(here.hear().await, large);
    let fits = "x".repeat((1 << 20) - 100);
    assert_eq!(here.broadcast(&fits).await.published, Published::Queued);
    assert_eq!(there.hear().await, fits);
}

#[tokio::test]
async fn clusters_with_other_prefixes_do_not_hear_each_other() {
    let nats = NatsServer::start(&[]);
    let bus = |prefix: &str| NatsBus::new([nats.url()]).unwrap().prefix(prefix).unwrap();
    let mut one = Node::start(bus("one")).await;
    let mut other = Node::start(bus("one")).await;
    let mut else_where = Node::start(bus("two.of-them")).await;
    one.knows(2).await;
    else_where.is_connected(true).await;
    one.broadcast("to one").await;
    else_where.broadcast("to two").await;
    soon(one.cluster.flush()).await.unwrap();
    soon(else_where.cluster.flush()).await.unwrap();
    assert_eq!((one.hear().await, other.hear().await), ("to one".into(), "to one".into()));
    assert_eq!(else_where.hear().await, "to two");
    assert_eq!(else_where.cluster.status().nodes, 1);
    assert_eq!(else_where.cluster.status().received, 0);
}

#[tokio::test]
async fn whoever_has_no_right_to_be_there_is_away_and_its_secret_is_not_told() {
    let nats = NatsServer::start(&["--user", "aerys", "--pass", "secret!"]);
    let address = format!("127.0.0.1:{}", nats.port);
    let refused = Node::at(&format!("nats://aerys:guessed@{address}")).await;
    let reason = || match refused.cluster.status().bus {
        BusState::Away { reason, .. } => reason,
        _ => panic!("it was let in"),
    };
    eventually(|| reason().contains("authorization")).await;
    assert!(!reason().contains("guessed"), "{}", reason());
    let admitted = Node::at(&format!("nats://aerys:secret%21@{address}")).await;
    admitted.is_connected(true).await;
    let nats = NatsServer::start(&["--auth", "secret"]);
    let admitted = Node::at(&format!("nats://secret@127.0.0.1:{}", nats.port)).await;
    admitted.is_connected(true).await;
}

#[tokio::test]
async fn a_server_of_several_is_found_when_another_goes() {
    let (first, second) = (NatsServer::start(&[]), NatsServer::start(&[]));
    let bus = || NatsBus::new([first.url(), second.url()]).unwrap();
    let (mut here, mut there) = (Node::start(bus()).await, Node::start(bus()).await);
    here.knows(2).await;
    drop(first);
    here.knows(2).await;
    // Both have gone to the second.
    eventually(|| {
        here.cluster.status().bus.is_connected() && there.cluster.status().bus.is_connected()
    })
    .await;
    eventually(|| {
        here.everyone.broadcast("still there?").nowait();
        there.cluster.status().received > 0
    })
    .await;
    assert_eq!(there.hear().await, "still there?");
    assert_eq!(here.hear().await, "still there?");
}

#[tokio::test]
#[ignore = "takes until a server that stands still is given up: some fifteen seconds"]
async fn a_server_that_stands_still_is_given_up_and_what_waits_for_it_is_bounded() {
    const LIMIT: usize = 1 << 20;
    let nats = NatsServer::start(&[]);
    let bus = NatsBus::new([nats.url()]).unwrap().max_queued_bytes(LIMIT);
    let mut here = Node::start(bus).await;
    here.is_connected(true).await;
    nats.signal(Signal::STOP);
    let message = "x".repeat(64 << 10);
    // What the kernel and the library take, and then as much as may be queued.
    let mut queued = 0;
    loop {
        match here.broadcast(&message).await.published {
            Published::Queued => queued += message.len(),
            Published::NotQueued(NotQueued::Full) => break,
            other => panic!("{other:?}"),
        }
        here.hear().await;
        assert!(queued < 64 << 20, "nothing bounds it");
    }
    here.is_connected(false).await;
    assert_eq!(here.broadcast("away").await.published, AWAY);
    nats.signal(Signal::CONT);
    here.is_connected(true).await;
    assert_eq!(here.broadcast("back").await.published, Published::Queued);
}

#[tokio::test]
async fn a_node_that_is_too_slow_drops_what_it_has_no_room_for_and_counts_it() {
    const COUNT: u64 = 4000;
    const LIMIT: usize = 64 << 10;
    let nats = NatsServer::start(&[]);
    let bus = NatsBus::new([nats.url()]).unwrap().max_unread_bytes(LIMIT);
    let mut slow = Node::start(bus).await;
    let url = nats.url();
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let (go, goes) = std::sync::mpsc::channel();
    // On a thread of its own, as the slow one has this, and stands still on it.
    let other = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let here = Node::at(&url).await;
            here.knows(2).await;
            ready.send(()).unwrap();
            goes.recv().unwrap();
            for number in 0..COUNT {
                let text = format!("{number} {}", "x".repeat(1000));
                let published = here.everyone.broadcast(text).await.published;
                assert_eq!(published, Published::Queued);
            }
            soon(here.cluster.flush()).await.unwrap();
        });
    });
    soon(is_ready).await.unwrap();
    go.send(()).unwrap();
    // Until the server has all of it, the slow one reads nothing.
    other.join().unwrap();
    let everything = || {
        let status = slow.cluster.status();
        status.received + status.losses.unread >= COUNT
    };
    eventually(everything).await;
    slow.broadcast("the last").await;
    let (mut heard, mut last) = (0, None);
    loop {
        let text = slow.hear().await;
        let Some((number, _)) = text.split_once(" x") else { break };
        let number: u64 = number.parse().unwrap();
        assert!(last < Some(number), "{number} after {last:?}");
        last = Some(number);
        heard += 1;
    }
    let status = slow.cluster.status();
    assert_eq!(status.received, heard);
    assert!(heard >= LIMIT as u64 / 2000, "{status:?}");
    // The other one's goodbye may have been among what was dropped.
    let lost = status.losses.unread - (COUNT - heard);
    assert!(status.losses.unread > 0 && lost <= 2, "{status:?}");
    assert_eq!(status.losses.unsent, 0);
}

#[tokio::test]
async fn what_arrives_later_than_what_its_node_says_now_is_dropped_and_counted() {
    let nats = NatsServer::start(&[]);
    let line = Line::to(nats.port).await;
    let (here, mut there) = (Node::at(&line.url()).await, Node::at(&nats.url()).await);
    here.knows(2).await;
    here.broadcast("first").await;
    assert_eq!(there.hear().await, "first");
    // The first connection ends for the node, and keeps what that has written to it.
    line.first(First::IsKept);
    let mut kept = 0;
    loop {
        match here.broadcast("kept").await.published {
            Published::Queued => kept += 1,
            published => break assert_eq!(published, AWAY),
        }
    }
    here.is_connected(true).await;
    here.broadcast("second").await;
    assert_eq!(there.hear().await, "second");
    line.first(First::Arrives);
    eventually(|| there.cluster.status().losses.unread > 0).await;
    here.broadcast("third").await;
    assert_eq!(there.hear().await, "third");
    // Signs of life may have been among it.
    assert!(there.cluster.status().losses.unread <= kept + 2);
}
