//! A node of a cluster, in memory, with one client.

use std::time::Duration;

use aerys::{
    Accepted, Client, Cluster, Endpoint, Handshake, Host, Options, Refusal, Server, Tally,
    Websocket,
    test::{TestClient, TestServer},
};
use aerys_nats::NatsBus;
use tokio::{sync::mpsc, time::timeout};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Node {
    pub(crate) server: TestServer,
    pub(crate) cluster: Cluster,
    pub(crate) everyone: Endpoint,
    pub(crate) peer: TestClient,
    pub(crate) client: Client,
}

/// Lets everybody in, and shows who that is.
struct Door(mpsc::UnboundedSender<Client>);

impl Websocket for Door {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        let _ = self.0.send(client.clone());
        Ok(client)
    }
}

impl Node {
    pub(crate) async fn start(bus: NatsBus) -> Self {
        let cluster = Cluster::new(bus);
        let (door, mut through) = mpsc::unbounded_channel();
        let options = Options::new().max_queued_bytes(64 << 20);
        let host = Host::new("localhost").websocket_with("/", Door(door), options);
        let server = Server::new().host(host).cluster(cluster.clone());
        let server = TestServer::start(server).await.expect("it starts");
        let peer = server.connect("/").await;
        let client = soon(through.recv()).await.expect("it was let in");
        Self { server, cluster, everyone: client.endpoint().clone(), peer, client }
    }

    pub(crate) async fn at(url: &str) -> Self {
        Self::start(NatsBus::new([url]).unwrap()).await
    }

    /// Waits until it knows of so many nodes, itself included.
    pub(crate) async fn knows(&self, nodes: usize) {
        eventually(|| self.cluster.status().nodes == nodes).await;
    }

    pub(crate) async fn is_connected(&self, is_connected: bool) {
        eventually(|| self.cluster.status().bus.is_connected() == is_connected).await;
    }

    pub(crate) async fn broadcast(&self, text: &str) -> Tally {
        soon(self.everyone.broadcast(text)).await
    }

    pub(crate) async fn hear(&mut self) -> String {
        soon(self.peer.hear()).await
    }
}

pub(crate) async fn soon<F: IntoFuture>(what: F) -> F::Output {
    timeout(PATIENCE, what).await.expect("it comes before patience ends")
}

/// Waits until something is so.
pub(crate) async fn eventually(is_so: impl Fn() -> bool) {
    soon(async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
