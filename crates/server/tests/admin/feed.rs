//! What whoever has the page open is told.

use std::time::Duration;

use aerys::{Cluster, Host, LocalBus, Options};
use futures_util::SinkExt;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use crate::stage::{
    Echo, Socket, TOKEN, closed, echo, handshake, knock, page, server, soon, start, told, until,
    visit, watch,
};

/// A figure of a sample, by its name.
fn figure(history: &Value, sample: &Value, name: &str) -> u64 {
    let fields = history["fields"].as_array().unwrap();
    let index = fields.iter().position(|it| it == name).expect("there is such a field");
    sample[index].as_u64().expect("a number")
}

#[tokio::test]
async fn the_hour_comes_at_once_and_then_each_sample_as_it_is_taken() {
    let running = start(server(echo())).await;
    let page = page(&running);
    let mut feed = watch(page).await;
    let history = told(&mut feed, "history").await;
    assert_eq!((&history["period"], history["samples"].is_array()), (&2.into(), true));
    let now = told(&mut feed, "now").await;
    assert_eq!((&now["sample"], &now["status"]["state"]), (&Value::Null, &"ready".into()));

    let mut client = visit(&running, "/echo").await;
    for _ in 0..3 {
        client.send(Message::text("four")).await.unwrap();
    }
    let (mut messages, mut accepted) = (0, 0);
    let sample = until(&mut feed, "now", |now| {
        messages += figure(&history, &now["sample"], "received_messages");
        accepted += figure(&history, &now["sample"], "accepted");
        (messages == 3).then(|| now["sample"].clone())
    })
    .await;
    assert_eq!((accepted, figure(&history, &sample, "clients")), (1, 1));
    assert!((1000..10_000).contains(&figure(&history, &sample, "span")), "{sample}");
    soon(client.close(None)).await.unwrap();
    let fields = history["fields"].as_array().unwrap().len();
    let closes = until(&mut feed, "now", |now| now["sample"].get(fields).cloned()).await;
    assert_eq!(closes, serde_json::json!({ "1005": 1 }));

    // Whoever comes later is told the same.
    let mut late = watch(page).await;
    let hour = told(&mut late, "history").await;
    let samples = hour["samples"].as_array().unwrap();
    let sum = |name| samples.iter().map(|it| figure(&history, it, name)).sum::<u64>();
    assert_eq!((sum("received_messages"), sum("sent_messages"), sum("accepted")), (3, 3, 1));
    assert!(samples.len() >= 2, "{samples:?}");
    soon(running.stop()).await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_among_the_slowest_with_what_is_known_of_it() {
    // Whoever reads nothing answers no pings, and is not to be closed for that.
    let options = Options::new()
        .max_queued_bytes(64 << 20)
        .heartbeat_period(Duration::from_millis(50))
        .queued_ping_limit(1_000_000);
    let host = Host::new("localhost").websocket_with("/echo", Echo, options);
    let running = start(server(host)).await;
    let mut feed = watch(page(&running)).await;
    let mut quick = visit(&running, "/echo").await;
    quick.send(Message::text("hello")).await.unwrap();
    let answering = tokio::spawn(async move { closed(&mut quick).await });
    let slow = owe(visit(&running, "/echo").await);

    let found = until(&mut feed, "slowest", |found| {
        let is_slow = found["queued"][0]["queued"].as_u64().is_some_and(|it| it > 64 << 10);
        (is_slow && found["round_trip"].get(0).is_some()).then(|| found.clone())
    })
    .await;
    assert_eq!(found["looked_at"], 2);
    let client = &found["queued"][0];
    assert_eq!(
        (&client["endpoint"], &client["address"]),
        (&"localhost/echo".into(), &"127.0.0.1".into())
    );
    assert!(client["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{client}");
    assert!(client["client"].as_str().unwrap().parse::<u64>().unwrap() > 0, "{client}");
    assert!(client["received_messages"].as_u64().unwrap() > 0, "{client}");
    assert!(client["received_bytes"].as_u64().unwrap() > 1 << 20, "{client}");
    assert!(
        client["sent_bytes"].as_u64().is_some() && client["age"].as_u64().is_some(),
        "{client}"
    );
    // The one that answers pings is known by how long that takes.
    let answers = &found["round_trip"][0];
    assert!(
        answers["round_trip"].as_u64().is_some() && answers["client"] != client["client"],
        "{found}"
    );
    soon(running.stop()).await;
    slow.abort();
    assert_eq!(soon(answering).await.unwrap().0, 1001);
}

/// Has a client be owed much, since it says much and reads nothing.
fn owe(mut client: Socket) -> JoinHandle<()> {
    tokio::spawn(
        async move { while client.send(Message::binary(vec![7; 1 << 20])).await.is_ok() {} },
    )
}

#[tokio::test]
async fn none_of_it_is_in_the_metrics_or_the_limits_of_the_server() {
    let running = start(server(echo()).max_connections(1)).await;
    let page = page(&running);
    let before = running.metrics().prometheus();
    let _client = visit(&running, "/echo").await;
    let mut feeds = Vec::new();
    for _ in 0..5 {
        let mut feed = watch(page).await;
        told(&mut feed, "slowest").await;
        feeds.push(feed);
    }
    let after = running.metrics().prometheus();
    let names = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&after), names(&before));
    assert!(!after.contains("feed") && !after.contains(&page.to_string()), "{after}");
    assert!(after.contains("aerys_clients{endpoint=\"localhost/echo\"} 1"), "{after}");
    assert_eq!(running.limits_hit().connections, 0);
    soon(running.stop()).await;
}

#[tokio::test]
async fn as_many_pages_may_be_open_as_there_are_places_and_what_they_say_is_not_heard() {
    let running = start(server(echo())).await;
    let page = page(&running);
    let mut feeds = Vec::new();
    for _ in 0..32 {
        feeds.push(watch(page).await);
    }
    let protocols = format!("aerys.admin, bearer, {TOKEN}");
    let request = handshake(page, &protocols);
    assert_eq!(knock(page, request).await.err(), Some((503, None)));
    let mut feed = feeds.pop().unwrap();
    feed.send(Message::text("stop")).await.unwrap();
    told(&mut feed, "now").await;
    feed.send(Message::text("x".repeat(2000))).await.unwrap();
    assert_eq!(closed(&mut feed).await.0, 1009);
    soon(running.stop()).await;
}

#[tokio::test]
async fn a_node_of_a_cluster_says_how_that_is() {
    let alone = start(server(echo())).await;
    let now = told(&mut watch(page(&alone)).await, "now").await;
    assert_eq!(now["cluster"], Value::Null);

    let bus = LocalBus::new();
    let node = || server(echo()).cluster(Cluster::new(bus.clone()));
    let (here, there) = (start(node()).await, start(node()).await);
    let mut feed = watch(page(&here)).await;
    let expected = |nodes| serde_json::json!({ "connected": true, "nodes": nodes, "not_forwarded": 0, "lost": 0 });
    until(&mut feed, "now", |now| (now["cluster"] == expected(2)).then_some(())).await;
    soon(there.stop()).await;
    until(&mut feed, "now", |now| (now["cluster"] == expected(1)).then_some(())).await;
    soon(here.stop()).await;
    soon(alone.stop()).await;
}
