//! The table of `docs/metrics.md` is what there is.

use std::collections::{BTreeMap, BTreeSet};

use aerys::{Cluster, Host, LocalBus, Options, Running, Server};

use crate::stage::{CLOSE, Echo, Peer, start};

const PAGE: &str = include_str!("../../../../docs/metrics.md");

/// A metric's type, and its labels.
type Metrics = BTreeMap<String, (String, BTreeSet<String>)>;

/// What the page has, but for what processes add, which the tests of the binary look for.
fn documented() -> Metrics {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `aerys_"));
    let rows = rows.filter(|line| !line.starts_with("| `aerys_process_"));
    let row = |line: &str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, name, kind, labels, _, _] = cells[..] else {
            panic!("a row has four cells: {line}")
        };
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty());
        (name.trim_matches('`').to_owned(), (kind.to_owned(), labels.collect()))
    };
    rows.map(row).collect()
}

/// What a server has that somebody has visited.
fn told(server: &Running) -> Metrics {
    let text = server.metrics().prometheus();
    let mut told = Metrics::new();
    let mut last = String::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|it| it.split_once(' ')) {
            last = name.to_owned();
            told.insert(last.clone(), (kind.to_owned(), BTreeSet::new()));
        } else if let Some((_, labels)) = line.split_once('{').filter(|_| !line.starts_with('#')) {
            let names = labels.split("=\"").map(|it| it.rsplit(['"', ',']).next().unwrap_or(it));
            let names = names.filter(|name| !name.starts_with('}') && *name != "le");
            let labels = &mut told.get_mut(&last).expect("a sample follows its family").1;
            labels.extend(names.map(str::to_owned));
        }
    }
    told
}

#[tokio::test]
async fn the_page_names_every_metric_with_its_type_and_its_labels_and_no_other() {
    let options = Options::new().heartbeat_period(None);
    let host = Host::new("localhost").websocket_with("/", Echo::Awaited, options);
    let server = Server::new().host(host).listen("127.0.0.1:0").workers(1);
    let server = start(server.cluster(Cluster::new(LocalBus::new()))).await;
    let mut peer = Peer::open(&server).await;
    peer.say(CLOSE, &[]).await;
    peer.ends().await;
    let has_gone = || !server.metrics().snapshot().endpoints[0].closes.is_empty();
    crate::stage::eventually(has_gone).await;
    let (documented, told) = (documented(), told(&server));
    for (name, metric) in &told {
        assert_eq!(documented.get(name), Some(metric), "{name} in docs/metrics.md");
    }
    assert_eq!(documented.len(), told.len(), "the page has some that there are not");
    server.stop().await;
}
