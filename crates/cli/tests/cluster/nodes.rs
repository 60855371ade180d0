//! Nodes that go: killed, standing still, restarted one after the other.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::time::sleep;

use crate::{
    common::soon,
    nats::NatsServer,
    record::{End, Pair},
    stage::Stage,
};

const LOAD: Duration = Duration::from_secs(1);

fn is_between_others(than: usize) -> impl Fn(&Pair) -> bool {
    move |it| it.from != than && it.to != than
}

#[tokio::test]
#[ignore = "three nodes and three hundred clients, for some fifteen seconds"]
async fn of_a_node_that_is_killed_the_others_lose_nothing_of_each_other() {
    let nats = NatsServer::start(&[]);
    let mut stage = Stage::on(&nats.url()).await;
    let began = Instant::now();
    stage.crowd.talk(true);
    sleep(LOAD).await;
    stage.kill(2).await;
    stage.agrees(2).await;
    // And who was on it is present no more.
    stage.all_list_all().await;
    // Its clients have gone to the others.
    soon("everybody", stage.crowd.is_there()).await;
    stage.crowd.talk(false);
    stage.hears(began, "what the others say", is_between_others(2)).await;
    assert!(stage.record.ends().iter().all(|end| *end == End::Lost));
    stage.all_hear_all().await;
    stage.restart(2).await;
    stage.agrees(3).await;
    stage.all_hear_all().await;
    stage.is_sound();
}

#[tokio::test]
#[ignore = "three nodes and three hundred clients, for some fifteen seconds"]
async fn a_node_that_stands_still_is_gone_after_a_lease_and_there_again_when_it_goes_on() {
    let nats = NatsServer::start(&[]);
    let mut stage = Stage::on(&nats.url()).await;
    let began = Instant::now();
    stage.crowd.talk(true);
    sleep(LOAD).await;
    stage.node(2).signal(Signal::STOP);
    stage.knows(0, 2).await;
    stage.knows(1, 2).await;
    stage.lists(0, &[0, 1]).await;
    stage.lists(1, &[0, 1]).await;
    stage.node(2).signal(Signal::CONT);
    stage.agrees(3).await;
    stage.crowd.talk(false);
    soon("everybody", stage.crowd.is_there()).await;
    stage.hears(began, "what the others say", is_between_others(2)).await;
    // Nobody was closed for it.
    assert_eq!(stage.record.ends(), []);
    stage.all_hear_all().await;
    stage.counts_add_up().await;
    stage.is_sound();
}

#[tokio::test]
#[ignore = "three nodes and three hundred clients, for some twenty seconds"]
async fn a_rolling_restart_loses_nothing_of_those_who_are_there_throughout() {
    let nats = NatsServer::start(&[]);
    let mut stage = Stage::on(&nats.url()).await;
    let began = Instant::now();
    stage.crowd.talk(true);
    for node in 0..3 {
        let mut old = stage.take(node);
        old.signal(Signal::TERM);
        assert!(old.server.ended().await.success());
        // It has said goodbye, and is not waited for.
        stage.agrees(2).await;
        stage.all_list_all().await;
        stage.restart(node).await;
        stage.agrees(3).await;
    }
    stage.crowd.talk(false);
    soon("everybody", stage.crowd.is_there()).await;
    let pairs = stage.hears(began, "everything", |_| true).await;
    assert!(pairs.len() > 1000, "they have hardly talked: {}", pairs.len());
    let ends = stage.record.ends();
    assert!(ends.len() > 200 && ends.iter().all(|end| *end == End::Closed(1012)), "{ends:?}");
    stage.all_hear_all().await;
    stage.is_sound();
}
