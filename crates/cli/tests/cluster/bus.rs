//! Servers of NATS that go: the only one, which comes back, and one of three.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::{
    nats::NatsServer,
    stage::{NOT_FORWARDED, Stage, eventually},
};

const LOAD: Duration = Duration::from_secs(2);

#[tokio::test]
#[ignore = "three nodes and three hundred clients, for some fifteen seconds"]
async fn while_the_only_server_is_gone_nodes_serve_their_own_count_the_rest_and_say_none_of_it_later()
 {
    let nats = NatsServer::start(&[]);
    let port = nats.port;
    let stage = Stage::on(&nats.url()).await;
    let began = Instant::now();
    stage.crowd.talk(true);
    sleep(LOAD / 2).await;
    drop(nats);
    for node in 0..3 {
        eventually("the bus is away", async || !stage.node(node).is_connected().await).await;
    }
    stage.crowd.talk(false);
    stage.hears(began, "what is said on the same node", |it| it.from == it.to).await;
    // After a lease each knows of its own alone.
    for node in 0..3 {
        stage.lists(node, &[node]).await;
    }

    stage.counts_add_up().await;
    let before = stage.sum(NOT_FORWARDED).await;
    let away = Instant::now();
    stage.crowd.talk(true);
    sleep(LOAD).await;
    stage.crowd.talk(false);
    stage.hears(away, "what is said on the same node", |it| it.from == it.to).await;
    let back = Instant::now();
    stage.counts_add_up().await;
    let said = stage.record.said(away, back) as u64;
    assert_eq!(stage.sum(NOT_FORWARDED).await - before, said);
    assert!(said > 0);

    let _nats = NatsServer::start_on(Some(port), &[]);
    stage.agrees(3).await;
    stage.all_hear_all().await;
    let others = stage.record.pairs(away, back).into_iter().filter(|it| it.from != it.to);
    let heard: Vec<_> = others.filter(|it| it.is_heard).collect();
    assert!(heard.is_empty(), "what is said later is stale: {heard:#?}");
    assert_eq!(stage.record.ends(), []);
    stage.is_sound();
}

#[tokio::test]
#[ignore = "three nodes and three hundred clients, for some fifteen seconds"]
async fn of_three_servers_one_that_goes_costs_those_alone_who_were_on_it() {
    let first = NatsServer::start_clustered(None);
    let second = NatsServer::start_clustered(Some(&first));
    let third = NatsServer::start_clustered(Some(&first));
    let (a, b, c) = (first.url(), second.url(), third.url());
    let stage = Stage::start([
        vec![a.clone(), b.clone(), c.clone()],
        vec![b.clone(), c.clone(), a.clone()],
        vec![c, a, b],
    ])
    .await;
    let began = Instant::now();
    stage.crowd.talk(true);
    sleep(LOAD / 2).await;
    drop(first);
    // The node that was on it has found another when it hears the others, and they hear it.
    stage.is_bridged().await;
    stage.agrees(3).await;
    stage.crowd.talk(false);
    let others = "what is said on the same node, or between those who have not lost their server";
    let is_required = |from: usize, to: usize| from == to || (from != 0 && to != 0);
    stage.hears(began, others, |it| is_required(it.from, it.to)).await;
    assert_eq!(stage.record.ends(), []);
    stage.all_hear_all().await;
    stage.counts_add_up().await;
    stage.is_sound();
}
