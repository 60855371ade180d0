//! Nodes that share a bus: who hears what is broadcast on one of them, and what is known of the others.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use aerys::{
    Bus, BusFuture, BusState, Client, ClientId, Cluster, Endpoint, Host, Inbound, LocalBus,
    NotQueued, Options, Published, Server, ServerError, Tally,
};
use bytes::Bytes;

use crate::common::{
    Guests, Lobby, Running, Ws, connect, eventually, soon, start, tally as plain_tally, try_start,
};

/// One server of a cluster, with some clients.
struct Node {
    server: Running,
    guests: Guests,
    cluster: Cluster,
    peers: Vec<Ws>,
    clients: Vec<Client>,
}

impl Node {
    async fn start(bus: impl Bus, clients: usize) -> Self {
        let cluster = Cluster::new(bus);
        let (lobby, guests) = Lobby::new();
        let host = Host::new("localhost").websocket_with("/", lobby, Options::new());
        let server = start(Server::new().host(host).cluster(cluster.clone())).await;
        let mut node = Self { server, guests, cluster, peers: Vec::new(), clients: Vec::new() };
        for _ in 0..clients {
            node.peers.push(connect(&node.server).await);
            node.clients.push(node.guests.next().await);
        }
        node
    }

    fn endpoint(&self) -> &Endpoint {
        self.clients[0].endpoint()
    }

    fn ids(&self) -> Vec<ClientId> {
        self.clients.iter().map(Client::id).collect()
    }
}

fn tally(delivered: usize, published: Published) -> Tally {
    let mut tally = plain_tally(delivered, 0, 0);
    tally.published = published;
    tally
}

/// Two nodes with as many clients each.
async fn pair(clients: usize) -> (Node, Node) {
    let bus = LocalBus::new();
    (Node::start(bus.clone(), clients).await, Node::start(bus, clients).await)
}

#[tokio::test]
async fn who_is_meant_hears_it_on_whichever_node() {
    let (mut here, mut there) = pair(3).await;
    let everyone = here.endpoint().clone();
    let (own, foreign) = (here.ids(), there.ids());
    here.clients[0].join("tea").unwrap();
    there.clients[1].join("tea").unwrap();
    there.clients[2].join("tea").unwrap();
    let (tea, milk) = (everyone.group("tea"), everyone.group("milk"));
    let cases = [
        ("all", everyone.broadcast("all"), vec![0, 1, 2], vec![0, 1, 2]),
        ("local", everyone.broadcast("local").local(), vec![0, 1, 2], vec![]),
        ("only", everyone.broadcast("only").only([own[1], foreign[2]]), vec![1], vec![2]),
        ("far", everyone.broadcast("far").only([foreign[0]]), vec![], vec![0]),
        ("no one", everyone.broadcast("no one").only([]), vec![], vec![]),
        (
            "except",
            everyone.broadcast("except").except([own[0], foreign[1]]),
            vec![1, 2],
            vec![0, 2],
        ),
        ("tea", tea.broadcast("tea"), vec![0], vec![1, 2]),
        ("some tea", tea.broadcast("some tea").except([foreign[1]]), vec![0], vec![2]),
        ("no tea", milk.broadcast("no tea"), vec![], vec![]),
        ("with a key", everyone.broadcast("with a key").key("key"), vec![0, 1, 2], vec![0, 1, 2]),
    ];
    for (text, broadcast, hearers, foreign_hearers) in cases {
        let published = if text == "local" { Published::Here } else { Published::Queued };
        assert_eq!(soon(broadcast).await, tally(hearers.len(), published), "{text}");
        for hearer in hearers {
            assert_eq!(here.peers[hearer].hear_text().await, text);
        }
        for hearer in foreign_hearers {
            assert_eq!(there.peers[hearer].hear_text().await, text);
        }
    }
    // Nobody has heard anything else.
    there.endpoint().broadcast("end").nowait();
    for peer in here.peers.iter_mut().chain(&mut there.peers) {
        assert_eq!(peer.hear_text().await, "end");
    }
    let (status, other) = (here.cluster.status(), there.cluster.status());
    assert_eq!((status.forwarded, status.not_forwarded, status.received), (9, 0, 1));
    assert_eq!((other.forwarded, other.received, other.malformed), (1, 9, 0));
}

#[tokio::test]
async fn what_one_publisher_says_to_one_audience_comes_in_that_order_on_every_node() {
    const COUNT: usize = 2000;
    let (mut here, mut there) = pair(2).await;
    for client in here.clients.iter().chain(&there.clients) {
        client.join("tea").unwrap();
    }
    let everyone = here.endpoint().clone();
    // From a thread that is none of the workers', and from a task on one.
    let publish = {
        let everyone = everyone.clone();
        move || {
            for number in 0..COUNT {
                everyone.group("tea").broadcast(format!("thread {number}")).nowait();
            }
        }
    };
    let thread = std::thread::spawn(publish);
    for number in 0..COUNT {
        everyone.group("tea").broadcast(format!("task {number}")).nowait();
    }
    thread.join().unwrap();
    for peer in here.peers.iter_mut().chain(&mut there.peers) {
        let mut next = [0, 0];
        while next != [COUNT, COUNT] {
            let text = peer.hear_text().await;
            let (name, number) = text.split_once(' ').unwrap();
            let next = &mut next[usize::from(name == "task")];
            assert_eq!(number, next.to_string(), "{name}");
            *next += 1;
        }
    }
}

#[tokio::test]
async fn ids_are_unlike_on_all_nodes_and_safe_integers() {
    let (here, there) = pair(3).await;
    for id in here.ids() {
        assert!(!there.ids().contains(&id));
        assert!(there.endpoint().client(id).is_none());
    }
    let nodes = [here.cluster.status().node, there.cluster.status().node];
    assert_ne!(nodes[0], nodes[1]);
    for (node, ids) in nodes.into_iter().zip([here.ids(), there.ids()]) {
        assert!(ids.iter().all(|id| id.as_u64() < 1 << 53 && id.as_u64() >> 31 == u64::from(node)));
    }
}

#[tokio::test]
async fn nodes_know_of_each_other_and_of_one_that_stops() {
    let (here, there) = pair(1).await;
    let third = Node::start(LocalBus::new(), 0).await;
    assert_eq!(here.cluster.status().nodes, 2);
    assert_eq!(there.cluster.status().nodes, 2);
    // On a bus of its own.
    assert_eq!(third.cluster.status().nodes, 1);
    assert!(here.cluster.status().bus.is_connected());
    soon(here.cluster.flush()).await.unwrap();
    let Node { server, cluster, .. } = there;
    server.stop().await;
    eventually(|| here.cluster.status().nodes == 1).await;
    let mut here = here;
    assert_eq!(soon(here.endpoint().broadcast("alone")).await, tally(1, Published::Queued));
    assert_eq!(here.peers[0].hear_text().await, "alone");
    assert_eq!(cluster.status().received, 0);
}

#[tokio::test]
async fn what_is_for_an_endpoint_that_is_not_here_goes_nowhere() {
    let bus = LocalBus::new();
    let (lobby, _guests) = Lobby::new();
    let cluster = Cluster::new(bus.clone());
    let host = Host::new("localhost").websocket("/another", lobby);
    let _elsewhere = start(Server::new().host(host).cluster(cluster.clone())).await;
    let mut here = Node::start(bus, 1).await;
    assert_eq!(soon(here.endpoint().broadcast("here")).await, tally(1, Published::Queued));
    assert_eq!(here.peers[0].hear_text().await, "here");
    let status = cluster.status();
    assert_eq!((status.nodes, status.received, status.malformed), (2, 0, 0));
}

#[tokio::test]
async fn a_cluster_is_for_one_server() {
    let cluster = Cluster::new(LocalBus::new());
    let server = || {
        let (lobby, _guests) = Lobby::new();
        Server::new().host(Host::new("localhost").websocket("/", lobby)).cluster(cluster.clone())
    };
    let _first = start(server()).await;
    let second = soon(try_start(server())).await;
    let Err(error) = second else { panic!("it is taken") };
    assert!(matches!(error, ServerError::ClusterTaken), "{error}");
}

/// A bus that goes and comes back when it is told to, and gives the node what a test has for it.
#[derive(Clone, Default)]
struct Flighty(Arc<State>);

#[derive(Default)]
struct State {
    is_away: AtomicBool,
    inbound: Mutex<Option<Inbound>>,
    published: Mutex<Vec<Bytes>>,
}

impl Bus for Flighty {
    fn start(&self, inbound: Inbound) {
        *self.0.inbound.lock().unwrap() = Some(inbound);
    }

    fn publish(&self, _: u16, frame: Bytes) -> Result<(), NotQueued> {
        if self.0.is_away.load(Ordering::SeqCst) {
            return Err(NotQueued::Away);
        }
        self.0.published.lock().unwrap().push(frame);
        Ok(())
    }

    fn flush(&self) -> BusFuture<'_, Result<(), NotQueued>> {
        Box::pin(async {
            if self.0.is_away.load(Ordering::SeqCst) { Err(NotQueued::Away) } else { Ok(()) }
        })
    }

    fn state(&self) -> BusState {
        BusState::Connected { since: Instant::now() }
    }

    fn stop(&self) {}
}

#[tokio::test]
async fn while_the_bus_is_away_this_node_is_told_and_nothing_is_said_later() {
    let bus = Flighty::default();
    let mut node = Node::start(bus.clone(), 1).await;
    let endpoint = node.endpoint().clone();
    let inbound = bus.0.inbound.lock().unwrap().clone().unwrap();
    bus.0.is_away.store(true, Ordering::SeqCst);
    let away = Published::NotQueued(NotQueued::Away);
    assert_eq!(soon(endpoint.broadcast("away")).await, tally(1, away));
    assert_eq!(node.peers[0].hear_text().await, "away");
    assert_eq!(node.cluster.flush().await, Err(NotQueued::Away));
    bus.0.is_away.store(false, Ordering::SeqCst);
    inbound.connected();
    assert_eq!(soon(endpoint.broadcast("back")).await, tally(1, Published::Queued));
    let published = bus.0.published.lock().unwrap().clone();
    let has = |text: &str| published.iter().filter(|it| it.ends_with(text.as_bytes())).count();
    assert_eq!((has("away"), has("back")), (0, 1));
    // It has said that it is there, for who has forgotten it meanwhile.
    assert_eq!(published.len(), 2);
    let status = node.cluster.status();
    assert_eq!((status.forwarded, status.not_forwarded), (1, 1));
}

#[tokio::test]
async fn whatever_the_bus_brings_is_understood_or_counted() {
    let bus = Flighty::default();
    let mut node = Node::start(bus.clone(), 1).await;
    let inbound = bus.0.inbound.lock().unwrap().clone().unwrap();
    node.endpoint().broadcast("one").nowait();
    assert_eq!(node.peers[0].hear_text().await, "one");
    let own = bus.0.published.lock().unwrap().last().cloned().unwrap();
    // Its own is not told once more.
    assert!(inbound.receive(own.clone()));
    // As if it were another's: the nonce begins with the seventh byte.
    let mut foreign = own.to_vec();
    foreign[6] ^= 1;
    assert!(inbound.receive(foreign.clone().into()));
    assert_eq!(node.peers[0].hear_text().await, "one");
    for malformed in
        [&b""[..], b"x", &own[..10], &own[..15], b"\x02whatever is said in another version"]
    {
        assert!(inbound.receive(Bytes::copy_from_slice(malformed)));
    }
    let status = node.cluster.status();
    assert_eq!((status.received, status.malformed), (1, 5));
    node.server.stop().await;
    // Nobody takes anything in any more.
    let is_closed = || !inbound.receive(foreign.clone().into());
    drop((node.cluster, node.clients));
    eventually(is_closed).await;
}

#[tokio::test]
async fn a_number_that_another_node_has_is_not_given_to_the_next_client() {
    let bus = Flighty::default();
    let mut node = Node::start(bus.clone(), 1).await;
    let (first, number) = (node.clients[0].id(), node.cluster.status().node);
    let inbound = bus.0.inbound.lock().unwrap().clone().unwrap();
    // An announcement of one that has the same number, and has drawn the smallest nonce.
    let mut announcement = vec![1, 1];
    announcement.extend(number.to_be_bytes());
    announcement.extend(0_u64.to_be_bytes());
    inbound.receive(announcement.into());
    let redrawn = node.cluster.status().node;
    assert_ne!(redrawn, number);
    node.peers.push(connect(&node.server).await);
    node.clients.push(node.guests.next().await);
    assert_eq!(node.clients[1].id().as_u64() >> 31, u64::from(redrawn));
    // Whoever has an id of before keeps it, and is heard by it.
    let only = node.endpoint().broadcast("you").only([first]);
    assert_eq!(soon(only).await, tally(1, Published::Queued));
    assert_eq!(node.peers[0].hear_text().await, "you");
}
