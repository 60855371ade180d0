//! What an application has done, and what it hears of it.

use super::common::{app, serve};

#[tokio::test]
async fn a_broadcast_reaches_all_or_some_and_is_counted() {
    let server = serve(app("", "broadcast")).await;
    let (mut ann, mut bob) = (server.connect("").await, server.connect("").await);
    ann.say("all tea").await;
    assert_eq!((ann.hear().await, bob.hear().await), ("tea".to_owned(), "tea".to_owned()));
    let tally = ann.hear().await;
    assert!(tally.starts_with("0 {") && tally.contains("\"delivered\":2"), "{tally}");
    ann.say("others milk").await;
    assert_eq!(bob.hear().await, "milk");
    let tally = ann.ask("nobody here").await;
    assert!(tally.contains("\"delivered\":0"), "{tally}");
    server.stop().await;
}

#[tokio::test]
async fn groups_have_who_has_joined() {
    let server = serve(app("", "groups")).await;
    let (mut ann, mut bob) = (server.connect("").await, server.connect("").await);
    assert_eq!(ann.ask("join tea").await, "0 ");
    let id = ann.ask("id").await;
    assert_eq!(bob.ask("group tea").await, format!("0 {{\"clients\":[{id}]}}"));
    let tally = bob.ask("to tea hot").await;
    assert!(tally.contains("\"delivered\":1"), "{tally}");
    assert_eq!(ann.hear().await, "hot");
    assert_eq!(ann.ask("leave tea").await, "0 ");
    assert_eq!(bob.ask("group tea").await, "0 {\"clients\":[]}");
    let refused = bob.ask("join ").await;
    assert!(refused.starts_with("2 "), "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn an_awaited_send_is_told_of_whoever_has_gone() {
    let server = serve(app("", "awaited")).await;
    let (mut ann, mut bob) = (server.connect("").await, server.connect("").await);
    let id = bob.ask("id").await;
    assert_eq!(ann.ask(&format!("send {id}")).await, "0 ");
    assert_eq!(bob.hear().await, "hello");
    bob.say("close 4001 enough").await;
    assert_eq!(bob.closed().await, (4001, "enough".to_owned()));
    drop(bob);
    let gone = async { while ann.ask(&format!("send {id}")).await != "1 " {} };
    super::common::soon("it is gone", gone).await;
    server.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_breaks_nothing() {
    let server = serve(app("", "nonsense")).await;
    let mut client = server.connect("").await;
    assert_eq!(client.ask("bad").await, "2 the message is no UTF-8, and so no text");
    client.say("close 1005").await;
    assert_eq!(client.ask("still here").await, "still here");
    server.stop().await;
}

#[tokio::test]
async fn a_client_can_be_looked_at() {
    let server = serve(app("", "inspect")).await;
    let mut client = server.connect("").await;
    let told = client.ask("inspect").await;
    let stats: serde_json::Value = serde_json::from_str(told.strip_prefix("0 ").unwrap()).unwrap();
    assert_eq!((&stats["messages_read"], &stats["client_ip"]), (&1.into(), &"127.0.0.1".into()));
    assert!(stats["connected_at"].as_f64().unwrap() > 1.7e9, "{stats}");
    let id = client.ask("id").await;
    assert_eq!(client.ask("clients").await, format!("0 {{\"clients\":[{id}]}}"));
    server.stop().await;
}

#[tokio::test]
async fn a_handler_that_fails_closes_its_own_client() {
    let server = serve(app("", "fails")).await;
    let (mut ann, mut bob) = (server.connect("").await, server.connect("").await);
    ann.say("fail").await;
    assert_eq!(ann.closed().await.0, 1011);
    assert_eq!(bob.ask("hello").await, "hello");
    server.stop().await;
}
