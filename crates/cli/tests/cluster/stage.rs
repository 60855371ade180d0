//! Three nodes and the crowd on them, and what is so while nothing goes wrong.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use futures_util::{FutureExt, SinkExt, StreamExt, future::join_all};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    common::soon,
    crowd::{Addresses, Crowd, PEOPLE, Socket, connect},
    node::Node,
    record::{Pair, Record, lost},
    residents::{self, Residents},
};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How often to look for what there is no event for.
const PERIOD: Duration = Duration::from_millis(20);

pub(crate) const FORWARDED: &str = "aerys_cluster_messages_forwarded_total";
pub(crate) const NOT_FORWARDED: &str = "aerys_cluster_messages_not_forwarded_total";
pub(crate) const RECEIVED: &str = "aerys_cluster_messages_received_total";

/// What a node may need for a hundred clients and what waits for the bus, in bytes.
const MAX_MEMORY: u64 = 128 << 20;

pub(crate) struct Stage {
    /// `None` is one that is gone.
    pub(crate) nodes: [Option<Node>; 3],
    nats: [Vec<String>; 3],
    addresses: Addresses,
    pub(crate) record: Record,
    pub(crate) crowd: Crowd,
    residents: Residents,
    began: Instant,
    /// How many messages were said that are in no record.
    probed: AtomicU64,
}

impl Stage {
    /// Each node with its own servers of NATS, the first of which it comes to first.
    pub(crate) async fn start(nats: [Vec<String>; 3]) -> Self {
        // Three hundred sockets for each of the tests of this process.
        rlimit::increase_nofile_limit(8192).unwrap();
        let (addresses, record) = (Addresses::default(), Record::default());
        let mut residents = Residents::default();
        let mut nodes = [const { None }; 3];
        for (at, servers) in nats.iter().enumerate() {
            let node = Node::start(servers).await;
            addresses.set(at, Some(node.server.address()));
            residents.come(at, node.server.address()).await;
            nodes[at] = Some(node);
        }
        let crowd = Crowd::start(&addresses, &record).await;
        let (began, probed) = (Instant::now(), AtomicU64::new(0));
        let mut stage = Self { nodes, nats, addresses, record, crowd, residents, began, probed };
        stage.agrees(3).await;
        soon("everybody", stage.crowd.is_there()).await;
        stage.all_hear_all().await;
        stage
    }

    /// On one server.
    pub(crate) async fn on(url: &str) -> Self {
        let nats = || vec![url.to_owned()];
        Self::start([nats(), nats(), nats()]).await
    }

    pub(crate) fn node(&self, node: usize) -> &Node {
        self.nodes[node].as_ref().expect("it is there")
    }

    fn running(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate().filter_map(|(at, node)| Some((at, node.as_ref()?)))
    }

    /// Waits until each node knows of so many, itself included, and has its bus.
    pub(crate) async fn agrees(&self, nodes: u64) {
        for (at, _) in self.running() {
            self.knows(at, nodes).await;
        }
    }

    /// Waits until one does.
    pub(crate) async fn knows(&self, node: usize, nodes: u64) {
        let node = self.node(node);
        let what = format!("{nodes} nodes");
        eventually(&what, async || {
            node.is_connected().await && node.figure("aerys_cluster_nodes").await == nodes
        })
        .await;
    }

    /// Has one killed, as by a power cut.
    pub(crate) async fn kill(&mut self, node: usize) {
        self.addresses.set(node, None);
        let node = self.nodes[node].take().expect("it is there");
        node.server.kill().await;
    }

    /// Has no newcomers come to one that is about to stop, and takes it out.
    pub(crate) fn take(&mut self, node: usize) -> Node {
        self.addresses.set(node, None);
        self.nodes[node].take().expect("it is there")
    }

    /// Starts one in the place of one that is gone. Clients come when it hears the others.
    pub(crate) async fn restart(&mut self, node: usize) {
        self.nodes[node] = Some(Node::start(&self.nats[node]).await);
        self.is_bridged().await;
        let address = self.node(node).server.address();
        self.addresses.set(node, Some(address));
        self.residents.come(node, address).await;
    }

    /// Waits until a node lists as present who is on these, and nobody else.
    pub(crate) async fn lists(&self, node: usize, nodes: &[usize]) {
        let address = self.node(node).server.address();
        let expected = nodes.iter().map(|node| residents::name(*node)).collect();
        eventually("the right ones are present", async || {
            Residents::listed(address).await == expected
        })
        .await;
    }

    /// Waits until each node does so of all.
    pub(crate) async fn all_list_all(&self) {
        let nodes: Vec<_> = self.running().map(|(at, _)| at).collect();
        for node in &nodes {
            self.lists(*node, &nodes).await;
        }
    }

    /// Waits until what is said on any node is heard on any other.
    pub(crate) async fn is_bridged(&self) {
        static PROBES: AtomicU32 = AtomicU32::new(0);
        let path = format!("/rooms/probe-{}", PROBES.fetch_add(1, Ordering::Relaxed));
        let mut probes = Vec::new();
        for (at, node) in self.running() {
            let socket = soon("a probe", connect(node.server.address(), &path)).await.unwrap();
            probes.push((at, socket, Vec::new()));
        }
        let others = probes.len() - 1;
        let bridged = async {
            while probes.iter().any(|(_, _, heard)| heard.len() < others) {
                for (at, socket, _) in &mut probes {
                    socket.send(Message::text(at.to_string())).await.unwrap();
                    self.probed.fetch_add(1, Ordering::Relaxed);
                }
                sleep(PERIOD).await;
                for (_, socket, heard) in &mut probes {
                    hear_others(socket, heard);
                }
            }
        };
        timeout(PATIENCE, bridged).await.expect("each hears the others");
    }

    /// They talk, and everybody hears all that is for it.
    pub(crate) async fn all_hear_all(&self) {
        self.is_bridged().await;
        let began = Instant::now();
        self.crowd.talk(true);
        sleep(Duration::from_secs(2)).await;
        self.crowd.talk(false);
        let pairs = self.hears(began, "everything", |_| true).await;
        self.all_list_all().await;
        assert!(pairs.len() > PEOPLE as usize, "they have hardly talked: {}", pairs.len());
    }

    /// Waits until what was said since `began` is heard where it has to be, and answers all that was said.
    pub(crate) async fn hears(
        &self,
        began: Instant,
        what: &str,
        has_to: impl Fn(&Pair) -> bool,
    ) -> Vec<Pair> {
        let until = Instant::now();
        loop {
            self.record.is_sound();
            let pairs = self.record.pairs(began, until);
            let (required, others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(&has_to);
            if required.iter().all(|it| it.is_heard) {
                return required.into_iter().chain(others).collect();
            }
            assert!(until.elapsed() < PATIENCE, "{what} is not heard: {:#?}", lost(&required));
            sleep(PERIOD * 5).await;
        }
    }

    /// Whatever was said was handed to the bus, or counted as not. For as long as no node has been restarted.
    pub(crate) async fn counts_add_up(&self) {
        eventually("each message is counted", async || {
            let said = self.record.said(self.began, Instant::now()) as u64;
            let counted = self.sum(FORWARDED).await + self.sum(NOT_FORWARDED).await;
            counted == said + self.probed.load(Ordering::Relaxed)
        })
        .await;
    }

    /// A metric of all nodes together.
    pub(crate) async fn sum(&self, name: &str) -> u64 {
        join_all(self.running().map(|(_, node)| node.figure(name))).await.into_iter().sum()
    }

    /// In the end: nobody has heard what was not to be heard, and no node has grown.
    pub(crate) fn is_sound(&self) {
        self.record.is_sound();
        for (at, node) in self.running() {
            let peak = node.peak_memory();
            assert!(peak < MAX_MEMORY, "node {at} has had {peak} bytes");
        }
    }
}

/// Notes which other nodes were heard, of what has come already.
fn hear_others(socket: &mut Socket, heard: &mut Vec<String>) {
    while let Some(message) = socket.next().now_or_never() {
        let message = message.expect("the node is there").unwrap();
        if let Message::Text(text) = message
            && !heard.contains(&text.to_string())
        {
            heard.push(text.to_string());
        }
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            sleep(PERIOD).await;
        }
    };
    let waited = timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{what}: not within {PATIENCE:?}");
}
