//! A line between one node and the bus that is slow, silent, cut, or half open.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::{
    nats::NatsServer,
    proxy::{Line, Proxy},
    record::Pair,
    stage::{NOT_FORWARDED, Stage, eventually},
};

const LOAD: Duration = Duration::from_secs(1);

/// The node behind the line.
const FAR: usize = 2;

#[tokio::test]
#[ignore = "three nodes and three hundred clients, for some thirty-five seconds"]
async fn a_line_to_the_bus_costs_its_own_node_alone_and_nothing_is_said_later() {
    let nats = NatsServer::start(&[]);
    let proxy = Proxy::to(nats.port).await;
    let stage = Stage::start([vec![nats.url()], vec![nats.url()], vec![proxy.url()]]).await;
    let far = stage.node(FAR);

    proxy.set(Line::Slow(Duration::from_millis(100)));
    stage.all_hear_all().await;
    proxy.set(Line::Sound);

    // It finds out by itself that nothing comes, after some fifteen seconds; the others by its lease.
    let began = Instant::now();
    proxy.set(Line::Silent);
    stage.crowd.talk(true);
    stage.knows(0, 2).await;
    stage.knows(1, 2).await;
    stage.lists(0, &[0, 1]).await;
    stage.lists(FAR, &[FAR]).await;
    eventually("it is given up", async || !far.is_connected().await).await;
    stage.crowd.talk(false);
    is_lost_alone(&stage, began).await;
    proxy.set(Line::Sound);
    stage.agrees(3).await;
    stage.all_hear_all().await;

    let before = far.figure(NOT_FORWARDED).await;
    let began = Instant::now();
    proxy.set(Line::Cut);
    eventually("it is away", async || !far.is_connected().await).await;
    stage.crowd.talk(true);
    sleep(LOAD).await;
    stage.crowd.talk(false);
    is_lost_alone(&stage, began).await;
    assert!(far.figure(NOT_FORWARDED).await > before);
    proxy.set(Line::Sound);
    stage.agrees(3).await;
    stage.all_hear_all().await;

    // Half open: it could be heard, and hears nothing.
    let began = Instant::now();
    stage.crowd.talk(true);
    proxy.half_close();
    stage.is_bridged().await;
    stage.agrees(3).await;
    stage.crowd.talk(false);
    stage.hears(began, "what the others say", is_required).await;
    stage.all_hear_all().await;
    stage.counts_add_up().await;
    assert_eq!(stage.record.ends(), []);
    stage.is_sound();
}

/// What is said on the same node, or between those that have the bus.
fn is_required(pair: &Pair) -> bool {
    pair.from == pair.to || (pair.from != FAR && pair.to != FAR)
}

/// Everything else that was said since then is lost, and is not heard later.
async fn is_lost_alone(stage: &Stage, began: Instant) {
    let pairs = stage.hears(began, "what the others say", is_required).await;
    let others: Vec<_> = pairs.iter().filter(|it| !is_required(it)).collect();
    assert!(!others.is_empty(), "they have hardly talked");
    let heard: Vec<_> = others.into_iter().filter(|it| it.is_heard).collect();
    assert!(heard.is_empty(), "through a line that is cut: {heard:#?}");
}
