//! A node of a cluster, and groups.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aerys::{
    Accepted, Bus, BusFuture, BusLosses, BusState, Client, Cluster, Failure, Handshake, Host,
    Inbound, LocalBus, Message, NotQueued, Refusal, Running, Server, Websocket,
};

use crate::stage::{Echo, Peer, TEXT, Watch, eventually, samples, start};

/// Joins and leaves as it is told: `+tea`, `-tea`.
struct Groups;

impl Websocket for Groups {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        match message.as_text().and_then(|text| text.split_at_checked(1)) {
            Some(("+", name)) => client.join(name)?,
            Some((_, name)) => _ = client.leave(name),
            None => {}
        }
        Ok(())
    }
}

/// One that goes when it is told to, and has lost something.
#[derive(Clone)]
struct Faulty {
    bus: LocalBus,
    is_away: Arc<AtomicBool>,
}

impl Faulty {
    fn new(bus: &LocalBus) -> Self {
        Self { bus: bus.clone(), is_away: Arc::default() }
    }
}

impl Bus for Faulty {
    fn start(&self, inbound: Inbound) {
        self.bus.start(inbound);
    }

    fn publish(&self, partition: u16, frame: bytes::Bytes) -> Result<(), NotQueued> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(NotQueued::Away);
        }
        self.bus.publish(partition, frame)
    }

    fn flush(&self) -> BusFuture<'_, Result<(), NotQueued>> {
        self.bus.flush()
    }

    fn state(&self) -> BusState {
        match self.bus.state() {
            BusState::Connected { since } if self.is_away.load(Ordering::Relaxed) => {
                BusState::Away { since, reason: "it was told to".into() }
            }
            state => state,
        }
    }

    fn losses(&self) -> BusLosses {
        BusLosses { unread: 3, unsent: 4 }
    }

    fn stop(&self) {
        self.bus.stop();
    }
}

async fn node(bus: impl Bus) -> Running {
    let host = Host::new("localhost").websocket("/", Echo::Awaited);
    start(Server::new().host(host).listen("127.0.0.1:0").workers(1).cluster(Cluster::new(bus)))
        .await
}

#[tokio::test]
async fn what_a_node_tells_others_and_hears_of_them_is_counted() {
    let bus = LocalBus::new();
    let faulty = Faulty::new(&bus);
    let (here, there) = (node(faulty.clone()).await, node(bus.clone()).await);
    let knows_both = || samples(&here.metrics())["aerys_cluster_nodes"] == 2.0;
    eventually(knows_both).await;
    let (here_moves, there_moves) = (Watch::over(&here), Watch::over(&there));
    let everyone = here.endpoint::<()>("/").unwrap();
    everyone.broadcast("heard").await;
    everyone.broadcast("not for others").local().await;
    here_moves.moves(&["aerys_cluster_"], &[("aerys_cluster_messages_forwarded_total", 1)]).await;
    there_moves.moves(&["aerys_cluster_"], &[("aerys_cluster_messages_received_total", 1)]).await;

    bus.publish(0, "nonsense".into()).unwrap();
    faulty.is_away.store(true, Ordering::Relaxed);
    everyone.broadcast("not heard").await;
    let malformed = ("aerys_cluster_frames_malformed_total", 1);
    let moved = [
        ("aerys_cluster_messages_forwarded_total", 1),
        ("aerys_cluster_messages_not_forwarded_total", 1),
        malformed,
    ];
    let families = ["aerys_cluster_messages", "aerys_cluster_frames"];
    here_moves.moves(&families, &moved).await;
    there_moves.moves(&families, &[("aerys_cluster_messages_received_total", 1), malformed]).await;

    let now = samples(&here.metrics());
    for (name, value) in [
        ("aerys_cluster_connected", 0.0),
        ("aerys_cluster_frames_lost_total{direction=\"in\"}", 3.0),
        ("aerys_cluster_frames_lost_total{direction=\"out\"}", 4.0),
    ] {
        assert_eq!(now[name], value, "{name}");
    }
    assert_eq!(samples(&there.metrics())["aerys_cluster_connected"], 1.0);
    there.stop().await;
    let is_alone = || samples(&here.metrics())["aerys_cluster_nodes"] == 1.0;
    eventually(is_alone).await;
    here.stop().await;
}

#[tokio::test]
async fn groups_count_once_on_whichever_workers_their_members_are() {
    let host = Host::new("localhost").websocket("/", Groups);
    let server = start(Server::new().host(host).listen("127.0.0.1:0").workers(2)).await;
    let metrics = server.metrics();
    let counts = |groups| {
        let metrics = metrics.clone();
        async move { eventually(|| metrics.snapshot().endpoints[0].groups == groups).await }
    };
    assert!(!metrics.prometheus().contains("aerys_cluster_"), "it is no node");
    let mut peers = Vec::new();
    for _ in 0..4 {
        let mut peer = Peer::open(&server).await;
        peer.say(TEXT, b"+tea").await;
        peers.push(peer);
    }
    counts(1).await;
    eventually(|| server.endpoint::<()>("/").unwrap().group("tea").len() == 4).await;
    peers[0].say(TEXT, b"+milk").await;
    peers[3].say(TEXT, b"+cake").await;
    counts(3).await;
    peers[3].say(TEXT, b"-cake").await;
    counts(2).await;
    // Who goes leaves all, and the last one takes the group along.
    drop(peers.remove(0));
    counts(1).await;
    drop(peers);
    counts(0).await;
    assert_eq!(samples(&metrics)["aerys_groups{endpoint=\"localhost/\"}"], 0.0);
    server.stop().await;
}
