//! The dashboard asks for nothing but what there is.

use std::collections::BTreeSet;

use aerys::{Cluster, Host, LocalBus, Options, Server};
use serde_json::Value;

use crate::stage::{CLOSE, Echo, Peer, eventually, start};

const DASHBOARD: &str = include_str!("../../../../contrib/grafana.json");

/// What its panels ask for.
pub(crate) fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels").clone();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries: Vec<_> =
        targets.map(|it| it["expr"].as_str().expect("a target has a query").to_owned()).collect();
    assert!(queries.len() > 10, "{queries:?}");
    queries
}

/// The words of a query that could be names.
fn words(query: &str) -> impl Iterator<Item = &str> {
    query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

#[tokio::test]
async fn each_of_its_queries_names_metrics_and_labels_that_there_are() {
    let options = Options::new().heartbeat_period(None);
    let host = Host::new("localhost").websocket_with("/", Echo::Awaited, options);
    let server = Server::new().host(host).listen("127.0.0.1:0").workers(1);
    let server = start(server.cluster(Cluster::new(LocalBus::new()))).await;
    let mut peer = Peer::open(&server).await;
    peer.say(CLOSE, &[]).await;
    peer.ends().await;
    eventually(|| !server.metrics().snapshot().endpoints[0].closes.is_empty()).await;
    let text = server.metrics().prometheus();
    let samples = || text.lines().filter(|line| !line.starts_with('#'));
    let names: BTreeSet<_> = samples().filter_map(|line| line.split(['{', ' ']).next()).collect();
    let labels: BTreeSet<_> = samples()
        .flat_map(|line| line.split("=\"").filter_map(|part| part.rsplit(['{', ',']).next()))
        .collect();
    for query in queries() {
        let asked: Vec<_> = words(&query).filter(|word| word.starts_with("aerys_")).collect();
        assert!(!asked.is_empty(), "{query} asks for nothing of aerys");
        for name in asked {
            assert!(names.contains(name), "{query} asks for {name}, which there is not");
        }
        let grouped = query.split("by (").skip(1).filter_map(|rest| rest.split(')').next());
        let matched = query.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let matched =
            matched.flat_map(|it| it.split(',').filter_map(|it| it.split(['=', '!']).next()));
        for label in grouped.flat_map(|it| it.split(',')).chain(matched).map(str::trim) {
            assert!(labels.contains(label), "{query} goes by {label}, which is no label");
        }
    }
    server.stop().await;
}

#[test]
fn it_can_be_imported() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("it is JSON");
    for key in ["title", "uid", "schemaVersion", "time", "templating", "__inputs"] {
        assert!(!dashboard[key].is_null(), "there is no {key}");
    }
    // An import makes it anew, and asks for the source of its data.
    assert!(dashboard["id"].is_null());
    let input = dashboard["__inputs"][0]["name"].as_str().expect("an input has a name");
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"]["uid"], format!("${{{input}}}"), "{panel}");
        let place = &panel["gridPos"];
        let (x, w) = (place["x"].as_u64(), place["w"].as_u64());
        assert!(x.zip(w).is_some_and(|(x, w)| x + w <= 24), "{panel}");
    }
}
