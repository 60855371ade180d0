//! Broadcasts to clients that have nothing else to do, which the walk writes to by itself.

use std::sync::{Arc, Mutex};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Message, Options, Refusal, Server,
    Tally, Websocket,
    test::{TestClient, TestServer},
};

/// Tells everyone what anyone says, and how many have heard it.
#[derive(Clone, Default)]
struct Relay {
    clients: Arc<Mutex<Vec<Client>>>,
    tallies: Arc<Mutex<Vec<Tally>>>,
    gone: Arc<Mutex<usize>>,
}

impl Websocket for Relay {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        self.clients.lock().unwrap().push(client.clone());
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let tally = client.endpoint().broadcast(message).await;
        self.tallies.lock().unwrap().push(tally);
        Ok(())
    }

    async fn on_close(&self, _: &Departure) {
        *self.gone.lock().unwrap() += 1;
    }
}

impl Relay {
    /// The first to come, and so many others.
    async fn serve(&self, others: usize) -> (TestServer, TestClient, Vec<TestClient>) {
        let options = Options::new().heartbeat_period(None);
        let host = Host::new("localhost").websocket_with("/", self.clone(), options);
        let server = TestServer::start(Server::new().host(host)).await.expect("it starts");
        let first = server.connect("/").await;
        let mut peers = Vec::new();
        for _ in 0..others {
            peers.push(server.connect("/").await);
        }
        (server, first, peers)
    }

    fn client(&self, index: usize) -> Client {
        self.clients.lock().unwrap()[index].clone()
    }
}

/// A message that begins with its number.
fn numbered(number: usize, size: usize) -> String {
    let mut text = format!("{number} ");
    text.extend(std::iter::repeat_n('.', size - text.len()));
    text
}

fn number(text: &str) -> usize {
    text.split_once(' ').and_then(|(number, _)| number.parse().ok()).expect("it is numbered")
}

#[tokio::test(start_paused = true)]
async fn what_fits_only_in_part_is_heard_whole_and_before_what_is_said_behind_it() {
    // What is between the two takes 128 KiB: each size meets the end of that at another place.
    for size in [100, 1_000, 10_000, 16_384] {
        let relay = Relay::default();
        let (server, mut first, mut others) = relay.serve(1).await;
        let other = &mut others[0];
        other.stop_reading();
        let count = 4 * 128 * 1024 / size;
        for number in 0..count {
            let text = numbered(number, size);
            if number % 3 == 2 {
                relay.client(1).send(text).nowait();
            } else {
                relay.client(0).endpoint().broadcast(text).nowait();
                assert_eq!(self::number(&first.hear().await), number);
            }
        }
        let stats = relay.client(1).inspect();
        assert!(stats.queued_bytes > 0, "{size}");
        other.resume_reading();
        for expected in 0..count {
            assert_eq!(number(&other.hear().await), expected, "{size}");
        }
        let stats = relay.client(1).inspect();
        assert_eq!(stats.queued_bytes, 0);
        assert_eq!((stats.messages_sent, stats.frames_sent), (count as u64, count as u64));
        server.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_awaited_broadcast_waits_for_the_rest_of_what_fits_only_in_part() {
    let relay = Relay::default();
    let (server, mut first, mut others) = relay.serve(1).await;
    let other = &mut others[0];
    other.stop_reading();
    let mut heard = 0;
    // Until one is waited for in vain.
    while relay.tallies.lock().unwrap().len() == heard {
        first.send(numbered(heard, 16_384)).await;
        first.hear().await;
        heard += 1;
        assert_eq!(first.now().await, None);
    }
    // What is between the two takes 128 KiB.
    assert_eq!(heard, 8);
    other.resume_reading();
    for expected in 0..heard {
        assert_eq!(number(&other.hear().await), expected);
    }
    assert_eq!(first.now().await, None);
    let tallies = relay.tallies.lock().unwrap().clone();
    assert_eq!(tallies.len(), heard);
    assert!(tallies.iter().all(|it| it.delivered == 2), "{tallies:?}");
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_has_vanished_unnoticed_is_counted_as_gone_and_goes() {
    let relay = Relay::default();
    let (server, first, mut others) = relay.serve(2).await;
    let mut stays = others.pop().expect("two have come");
    others.pop().expect("two have come").vanish();
    // That is handled before the server has looked at the one that goes.
    first.send("anybody?").await;
    assert_eq!(stays.hear().await, "anybody?");
    assert_eq!(stays.now().await, None);
    let tally = relay.tallies.lock().unwrap()[0];
    assert_eq!((tally.delivered, tally.gone), (2, 1));
    assert_eq!(*relay.gone.lock().unwrap(), 1);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_walk_writes_is_counted_as_what_drivers_write() {
    let relay = Relay::default();
    let (server, mut first, mut others) = relay.serve(1).await;
    for number in 1..=3 {
        relay.client(0).endpoint().broadcast("four").nowait();
        relay.client(0).endpoint().broadcast("three").nowait();
        for peer in [&mut first, &mut others[0]] {
            assert_eq!((peer.hear().await, peer.hear().await), ("four".into(), "three".into()));
        }
        for client in [0, 1] {
            let stats = relay.client(client).inspect();
            assert_eq!(stats.bytes_sent, number * (2 + 4 + 2 + 5));
            assert_eq!((stats.frames_sent, stats.messages_sent), (2 * number, 2 * number));
            assert!(stats.last_send.is_some() && stats.last_send == stats.last_data_send);
            assert_eq!(stats.queued_bytes, 0);
        }
    }
    // And together with those.
    relay.client(1).send("one more").await.expect("it is here");
    let stats = relay.client(1).inspect();
    assert_eq!((stats.frames_sent, stats.messages_sent), (7, 7));
    assert_eq!(stats.bytes_sent, 3 * 13 + 2 + 8);
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_being_closed_hears_what_was_broadcast_before_and_nothing_after() {
    let relay = Relay::default();
    let (server, _first, mut others) = relay.serve(1).await;
    let (client, other) = (relay.client(1), &mut others[0]);
    client.endpoint().broadcast("before").nowait();
    client.close().nowait();
    client.endpoint().broadcast("after").nowait();
    assert_eq!(other.hear().await, "before");
    assert_eq!(other.next().await, aerys::test::Event::Close(1000, String::new()));
    server.stop().await;
}
