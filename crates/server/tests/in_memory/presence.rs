//! Who is present in a group, here and on other nodes, and for how long.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aerys::{
    Accepted, Bus, BusFuture, BusState, Client, Cluster, Endpoint, Failure, Group, Handshake, Host,
    Inbound, LocalBus, Message, NotQueued, Options, PresenceChange, PresenceEvent, Refusal, Server,
    ShowError, Websocket,
    test::{TestClient, TestServer},
};
use bytes::Bytes;
use tokio::time::{advance, sleep};

const LEASE: Duration = Duration::from_secs(15);

/// Everybody is in the group `tea`, under the name in the query: `?ada`, or as somebody, `?ada=number`.
#[derive(Clone, Default)]
struct Tearoom(Arc<Mutex<Vec<Client>>>);

impl Websocket for Tearoom {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let query = handshake.request().uri.query().unwrap_or_default().to_owned();
        let client = handshake.accept();
        self.0.lock().unwrap().push(Client::clone(&client));
        client.join("tea")?;
        match query.split_once('=') {
            Some((name, number)) => client.show_as("tea", number, name)?,
            None if query.is_empty() => {}
            None => client.show("tea", query)?,
        }
        client.endpoint().group("tea").send_presence(&client, |present| {
            let names: Vec<_> = present.iter().filter_map(|it| it.shown.as_text()).collect();
            format!("present: {}", names.join(" ")).into()
        });
        Ok(client)
    }

    /// Shows what is said.
    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.show("tea", message)?;
        Ok(())
    }

    fn on_presence(&self, group: &Group, change: &PresenceChange) -> Option<Message> {
        assert_eq!(group.name(), "tea");
        let name = change.present.shown.as_text()?;
        assert!(name != "panic", "it was to be expected");
        let event = match change.event {
            PresenceEvent::Joined => "joined",
            PresenceEvent::Changed => "changed",
            PresenceEvent::Left => "left",
            _ => return None,
        };
        Some(format!("{event} {name} {}", change.count).into())
    }
}

/// Notes who is told of whom, and who is present when it starts.
#[derive(Clone, Default)]
struct Late(Arc<Mutex<Vec<String>>>);

impl Websocket for Late {
    async fn on_start(&self, endpoint: &Endpoint) -> Result<(), Failure> {
        sleep(Duration::from_secs(1)).await;
        let present = endpoint.group("tea").presence_len();
        self.0.lock().unwrap().push(format!("{present} are there"));
        Ok(())
    }

    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    fn on_presence(&self, _: &Group, change: &PresenceChange) -> Option<Message> {
        let (event, shown) = (change.event, &change.present.shown);
        self.0.lock().unwrap().push(format!("{event:?} {shown}"));
        None
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_is_told_of_changes_when_it_has_started() {
    let bus = LocalBus::new();
    let there = Node::of(&bus).await;
    let _ada = there.come("ada", "ada").await;
    let late = Late::default();
    let host = Host::new("localhost").websocket("/", late.clone());
    let server = Server::new().host(host).cluster(Cluster::new(bus.clone()));
    let server = TestServer::start(server).await.expect("it starts");
    let bob = there.come("bob", "ada bob").await;
    drop(bob);
    sleep(Duration::from_secs(1)).await;
    server.stop().await;
    drop(there.come("eve", "ada eve").await);
    assert_eq!(*late.0.lock().unwrap(), ["1 are there", "Joined bob", "Left bob"]);
}

/// One server, of a cluster if there is a bus.
struct Node {
    server: TestServer,
    app: Tearoom,
}

impl Node {
    async fn start(bus: Option<Box<dyn Bus>>, linger: Duration) -> Self {
        let app = Tearoom::default();
        let options = Options::new().presence_linger(linger).heartbeat_period(None);
        let host = Host::new("localhost").websocket_with("/", app.clone(), options);
        let server = Server::new().host(host);
        let server = match bus {
            Some(bus) => server.cluster(Cluster::new(bus).lease(LEASE)),
            None => server,
        };
        Self { server: TestServer::start(server).await.expect("it starts"), app }
    }

    async fn alone() -> Self {
        Self::start(None, Duration::ZERO).await
    }

    async fn of(bus: &LocalBus) -> Self {
        Self::start(Some(Box::new(bus.clone())), Duration::ZERO).await
    }

    async fn come(&self, query: &str, present: &str) -> TestClient {
        // Nobody comes in the same moment as another.
        sleep(Duration::from_millis(1)).await;
        let mut client = self.server.connect(&format!("/?{query}")).await;
        assert_eq!(client.hear().await, format!("present: {present}"));
        client
    }

    /// Those who have come, in that order, and may have gone.
    fn clients(&self) -> Vec<Client> {
        self.app.0.lock().unwrap().clone()
    }

    fn endpoint(&self) -> Endpoint {
        self.clients()[0].endpoint().clone()
    }

    fn tea(&self) -> Group {
        self.endpoint().group("tea")
    }

    fn present(&self) -> Vec<String> {
        let present = self.tea().presence();
        assert_eq!(present.len(), self.tea().presence_len());
        present.iter().map(|it| it.shown.to_string()).collect()
    }
}

async fn hear<const N: usize>(client: &mut TestClient, messages: [&str; N]) {
    for message in messages {
        assert_eq!(client.hear().await, message);
    }
}

#[tokio::test(start_paused = true)]
async fn those_in_the_group_hear_who_comes_changes_and_goes_but_not_of_themselves() {
    let node = Node::alone().await;
    let mut ada = node.come("ada", "ada").await;
    let mut watching = node.come("", "ada").await;
    let bob = node.come("bob", "ada bob").await;
    bob.send("Bob").await;
    // It is what it was.
    bob.send("Bob").await;
    for client in [&mut ada, &mut watching] {
        hear(client, ["joined bob 2", "changed Bob 2"]).await;
    }
    let clients = node.clients();
    assert!(clients[2].hide("tea") && !clients[2].hide("tea"));
    assert!(node.tea().contains(clients[2].id()));
    clients[2].show("tea", "bob again").unwrap();
    assert!(clients[2].leave("tea"));
    for client in [&mut ada, &mut watching] {
        hear(client, ["left Bob 1", "joined bob again 2", "left bob again 1"]).await;
    }
    drop(ada);
    hear(&mut watching, ["left ada 0"]).await;
    assert_eq!(node.present(), [""; 0]);
    assert!(node.endpoint().presence_counts().is_empty());
    assert_eq!(watching.now().await, None);
}

#[tokio::test(start_paused = true)]
async fn who_is_present_is_told_with_since_when_and_from_where() {
    let node = Node::alone().await;
    let _ada = node.come("ada", "ada").await;
    advance(Duration::from_secs(60)).await;
    let _bob = node.come("bob=7", "ada bob").await;
    let _again = node.come("Bob=7", "ada Bob").await;
    let clients = node.clients();
    clients[0].show("tea", "Ada").unwrap();
    let present = node.tea().presence();
    let [ada, bob] = &*present else { panic!("{present:?}") };
    assert_eq!((ada.id, ada.identity.as_deref(), ada.clients), (clients[0].id(), None, 1));
    assert_eq!((bob.id, bob.identity.as_deref(), bob.clients), (clients[2].id(), Some("7"), 2));
    assert_eq!((ada.node(), bob.node()), (0, 0));
    // What is shown has changed, and not since when somebody is there.
    assert_eq!((bob.since - ada.since).as_secs(), 60);
    assert_eq!(ada.shown.as_text(), Some("Ada"));
    let counts = node.endpoint().presence_counts();
    let counts: Vec<_> = counts.iter().map(|(group, count)| (group.name(), *count)).collect();
    assert_eq!(counts, [("tea", 2)]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_shown_is_refused_with_the_reason() {
    let node = Node::alone().await;
    let ada = node.come("ada", "ada").await;
    let client = &node.clients()[0];
    let long = "x".repeat(ShowError::MAX_SHOWN + 1);
    let cases = [
        (client.show("tea", long), ShowError::TooLarge { len: 4097 }),
        (client.show("milk", "ada"), ShowError::NotAMember),
        (client.show_as("tea", "", "ada"), ShowError::Identity { len: 0 }),
        (client.show_as("tea", "x".repeat(256), "ada"), ShowError::Identity { len: 256 }),
    ];
    for (outcome, error) in cases {
        assert_eq!(outcome, Err(error));
    }
    client.show_as("tea", "x".repeat(255), "x".repeat(4096)).unwrap();
    drop(ada);
    client.gone().await;
    node.server.stop().await;
    assert_eq!(client.show("tea", "ada"), Err(ShowError::ClientGone));
    assert!(!client.hide("tea"));
}

#[tokio::test(start_paused = true)]
async fn several_clients_of_one_count_once_and_the_last_that_was_shown_is_seen() {
    let node = Node::alone().await;
    let mut watching = node.come("", "").await;
    let first = node.come("ada=1", "ada").await;
    let second = node.come("ada=1", "ada").await;
    hear(&mut watching, ["joined ada 1"]).await;
    node.clients()[2].show_as("tea", "1", "Ada").unwrap();
    hear(&mut watching, ["changed Ada 1"]).await;
    // Who has shown it is gone, and the other one shows what it did.
    drop(second);
    hear(&mut watching, ["changed ada 1"]).await;
    // As somebody else.
    node.clients()[1].show_as("tea", "2", "eve").unwrap();
    hear(&mut watching, ["left ada 0", "joined eve 1"]).await;
    drop(first);
    hear(&mut watching, ["left eve 0"]).await;
    assert_eq!(watching.now().await, None);
}

#[tokio::test(start_paused = true)]
async fn who_returns_within_the_linger_is_not_seen_to_leave() {
    let linger = Duration::from_secs(5);
    let node = Node::start(None, linger).await;
    let mut watching = node.come("", "").await;
    for _ in 0..3 {
        let ada = node.come("ada=1", "ada").await;
        if node.clients().len() == 2 {
            hear(&mut watching, ["joined ada 1"]).await;
        }
        drop(ada);
        sleep(linger - Duration::from_secs(1)).await;
        assert_eq!(watching.now().await, None);
        assert_eq!(node.tea().presence()[0].clients, 0);
    }
    sleep(linger).await;
    hear(&mut watching, ["left ada 0"]).await;
    // Who is nobody in particular is not waited for.
    drop(node.come("bob", "bob").await);
    hear(&mut watching, ["joined bob 1", "left bob 0"]).await;
    let ada = node.come("ada=1", "ada").await;
    drop(ada);
    sleep(linger / 2).await;
    let _ada = node.come("Ada=1", "Ada").await;
    hear(&mut watching, ["joined ada 1", "changed Ada 1"]).await;
    sleep(linger * 2).await;
    assert_eq!(watching.now().await, None);
}

#[tokio::test(start_paused = true)]
async fn an_application_that_panics_over_a_change_harms_nobody() {
    let node = Node::alone().await;
    let mut ada = node.come("ada", "ada").await;
    let _panic = node.come("panic", "ada panic").await;
    let _bob = node.come("bob", "ada panic bob").await;
    hear(&mut ada, ["joined bob 3"]).await;
    assert_eq!(node.present(), ["ada", "panic", "bob"]);
}

#[tokio::test(start_paused = true)]
async fn every_node_knows_who_is_present_on_all_and_those_of_one_that_stops_leave() {
    let bus = LocalBus::new();
    let (here, there) = (Node::of(&bus).await, Node::of(&bus).await);
    let mut ada = here.come("ada", "ada").await;
    let bob = there.come("bob", "ada bob").await;
    hear(&mut ada, ["joined bob 2"]).await;
    // Who comes later learns of all there were.
    let late = Node::of(&bus).await;
    let mut eve = late.come("eve", "ada bob eve").await;
    hear(&mut ada, ["joined eve 3"]).await;
    for node in [&here, &there, &late] {
        assert_eq!(node.present(), ["ada", "bob", "eve"]);
        let (ids, nodes): (Vec<_>, Vec<_>) =
            node.tea().presence().iter().map(|it| (it.id, it.node())).unzip();
        assert_eq!(ids, [&here, &there, &late].map(|it| it.clients()[0].id()));
        assert!(nodes[0] != nodes[1] && nodes[1] != nodes[2] && !nodes.contains(&0));
        // Members are those of the node itself.
        assert_eq!(node.tea().len(), 1);
    }
    bob.send("Bob").await;
    hear(&mut ada, ["changed Bob 3"]).await;
    hear(&mut eve, ["changed Bob 3"]).await;
    there.server.stop().await;
    hear(&mut ada, ["left Bob 2"]).await;
    hear(&mut eve, ["left Bob 2"]).await;
    assert_eq!(
        (here.present(), late.present()),
        (there_are(["ada", "eve"]), there_are(["ada", "eve"]))
    );
}

fn there_are<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).into()
}

#[tokio::test(start_paused = true)]
async fn those_of_a_node_that_dies_leave_when_its_lease_is_over() {
    let bus = LocalBus::new();
    let (here, there) = (Node::of(&bus).await, Node::of(&bus).await);
    let mut ada = here.come("ada", "ada").await;
    let bob = there.come("bob", "ada bob").await;
    hear(&mut ada, ["joined bob 2"]).await;
    drop((there, bob));
    sleep(LEASE * 2 / 3).await;
    assert_eq!(here.present(), ["ada", "bob"]);
    sleep(LEASE).await;
    hear(&mut ada, ["left bob 1"]).await;
    assert_eq!(here.present(), ["ada"]);
}

#[tokio::test(start_paused = true)]
async fn who_loses_its_node_and_returns_on_another_is_not_seen_to_leave() {
    let (bus, linger) = (LocalBus::new(), Duration::from_secs(5));
    let node = || Node::start(Some(Box::new(bus.clone())), linger);
    let (here, there) = (node().await, node().await);
    let mut watching = here.come("", "").await;
    // The node stops, or dies.
    for stops in [true, false] {
        let lost = node().await;
        let bob = lost.come("bob=1", "bob").await;
        hear(&mut watching, ["joined bob 1"]).await;
        drop(bob);
        if stops {
            lost.server.stop().await;
        } else {
            drop(lost);
        }
        sleep(Duration::from_secs(1)).await;
        let bob = there.come("bob=1", "bob").await;
        sleep(LEASE * 3).await;
        assert_eq!(watching.now().await, None, "{stops}");
        assert_eq!(here.tea().presence()[0].id, there.clients().last().unwrap().id());
        drop(bob);
        sleep(linger).await;
        hear(&mut watching, ["left bob 0"]).await;
    }
}

/// A bus that loses what it is told to.
#[derive(Clone)]
struct Lossy {
    bus: LocalBus,
    /// How many of the next frames are lost.
    losses: Arc<AtomicUsize>,
}

impl Bus for Lossy {
    fn start(&self, inbound: Inbound) {
        self.bus.start(inbound);
    }

    fn publish(&self, partition: u16, frame: Bytes) -> Result<(), NotQueued> {
        let less = |losses: usize| losses.checked_sub(1);
        match self.losses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => Ok(()),
            Err(_) => self.bus.publish(partition, frame),
        }
    }

    fn flush(&self) -> BusFuture<'_, Result<(), NotQueued>> {
        self.bus.flush()
    }

    fn state(&self) -> BusState {
        self.bus.state()
    }

    fn stop(&self) {
        self.bus.stop();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_on_the_way_is_made_up_for() {
    let lossy = Lossy { bus: LocalBus::new(), losses: Arc::default() };
    let node = || Node::start(Some(Box::new(lossy.clone())), Duration::ZERO);
    let (here, there) = (node().await, node().await);
    let mut ada = here.come("ada", "ada").await;
    let bob = there.come("bob", "ada bob").await;
    hear(&mut ada, ["joined bob 2"]).await;
    // The next change tells that there was another.
    lossy.losses.store(1, Ordering::Relaxed);
    bob.send("lost").await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(ada.now().await, None);
    let eve = there.come("eve", "ada lost eve").await;
    let mut heard = [ada.hear().await, ada.hear().await];
    assert!(heard[1].ends_with(" 3"), "{heard:?}");
    heard.sort();
    assert!(heard[0].starts_with("changed lost") && heard[1] == "joined eve 3", "{heard:?}");
    assert_eq!(here.present(), ["ada", "lost", "eve"]);
    // And without one, the next sign of life.
    lossy.losses.store(1, Ordering::Relaxed);
    drop(eve);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(here.present(), ["ada", "lost", "eve"]);
    hear(&mut ada, ["left eve 2"]).await;
    assert_eq!(here.present(), ["ada", "lost"]);
    // Many changes, of which every other one is lost.
    let mut crowd = Vec::new();
    for number in 0..200 {
        lossy.losses.store(number % 2, Ordering::Relaxed);
        crowd.push(there.server.connect(&format!("/?{number}")).await);
    }
    sleep(LEASE).await;
    let present = here.present();
    assert_eq!(present.len(), 202);
    assert!((0..200).all(|number| present.contains(&number.to_string())));
}
