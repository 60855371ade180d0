//! `broadcast`: who hears it, in which order, and what is counted.

use std::{
    ops::Range,
    sync::{Arc, Mutex, OnceLock, mpsc},
};

use aerys::{
    Accepted, Client, ClientId, Departure, Endpoint, Failure, Handshake, Message, Options, Refusal,
    Tally, Websocket,
};
use futures_util::future::join_all;

use crate::common::{
    Guests, Journal, Lobby, Raw, Running, Ws, connect, connect_to, frame, on_a_thread, serve,
    serve_with, soon,
};

/// Some clients, spread over two workers.
async fn room(size: usize) -> (Running, Guests, Vec<Ws>, Vec<Client>) {
    let (server, mut guests) = Lobby::serve(Options::new()).await;
    let (mut peers, mut clients) = (Vec::new(), Vec::new());
    for _ in 0..size {
        peers.push(connect(&server).await);
        clients.push(guests.next().await);
    }
    (server, guests, peers, clients)
}

fn tally(delivered: usize, gone: usize) -> Tally {
    crate::common::tally(delivered, gone, 0)
}

#[tokio::test]
async fn those_hear_it_who_are_meant() {
    let (server, mut guests, mut peers, clients) = room(6).await;
    // An id that nobody has any more.
    connect(&server).await.leave().await;
    let left = guests.next().await.id();
    guests.journal.until(1).await;
    let endpoint = clients[0].endpoint();
    let ids = |indices: &[usize]| -> Vec<ClientId> {
        indices.iter().map(|index| clients.get(*index).map_or(left, Client::id)).collect()
    };
    // `only`, `except` and who hears it. 9 has left.
    type Indices = &'static [usize];
    let cases: &[(Option<Indices>, Option<Indices>, Indices)] = &[
        (None, None, &[0, 1, 2, 3, 4, 5]),
        (Some(&[1]), None, &[1]),
        (Some(&[0, 3, 5]), None, &[0, 3, 5]),
        (Some(&[]), None, &[]),
        (Some(&[2, 2, 3, 2]), None, &[2, 3]),
        (Some(&[9]), None, &[]),
        (Some(&[9, 4]), None, &[4]),
        (None, Some(&[]), &[0, 1, 2, 3, 4, 5]),
        (None, Some(&[0, 5]), &[1, 2, 3, 4]),
        (None, Some(&[1, 1, 9]), &[0, 2, 3, 4, 5]),
        (None, Some(&[0, 1, 2, 3, 4, 5]), &[]),
        (Some(&[1, 2, 3]), Some(&[2]), &[1, 3]),
        (Some(&[1]), Some(&[1]), &[]),
        (Some(&[]), Some(&[1]), &[]),
    ];
    for (number, (only, except, hearers)) in cases.iter().enumerate() {
        for waits in [true, false] {
            let text = format!("{number} {waits}");
            let mut broadcast = endpoint.broadcast(&text);
            if let Some(only) = only {
                broadcast = broadcast.only(ids(only));
            }
            if let Some(except) = except {
                broadcast = broadcast.except(ids(except));
            }
            if waits {
                assert_eq!(soon(broadcast).await, tally(hearers.len(), 0), "{text}");
            } else {
                broadcast.nowait();
            }
            for hearer in *hearers {
                assert_eq!(peers[*hearer].hear_text().await, text);
            }
        }
    }
    // Two calls of each add up.
    let twice = endpoint.broadcast("twice").only(ids(&[0, 1])).only(ids(&[2]));
    assert_eq!(soon(twice.except(ids(&[0])).except(ids(&[1]))).await, tally(1, 0));
    assert_eq!(peers[2].hear_text().await, "twice");
    // What was not meant for them would come before this.
    assert_eq!(soon(endpoint.broadcast("last")).await, tally(6, 0));
    for ws in &mut peers {
        assert_eq!(ws.hear_text().await, "last");
    }
    drop(peers);
    server.stop().await;
}

#[tokio::test]
async fn one_that_goes_meanwhile_is_counted_as_gone() {
    let (server, mut guests, mut peers, clients) = room(3).await;
    let mut raw = Raw::open(&server).await;
    guests.next().await;
    let endpoint = clients[0].endpoint().clone();
    let broadcast = tokio::spawn(async move { endpoint.broadcast(vec![1; 64 << 20]).await });
    raw.frame().await;
    for ws in &mut peers {
        assert_eq!(ws.hear().await.len(), 64 << 20);
    }
    assert!(!broadcast.is_finished());
    // With unread data, so it is reset.
    drop(raw);
    assert_eq!(soon(broadcast).await.unwrap(), tally(3, 1));
    drop(peers);
    server.stop().await;
}

/// Says in a broadcast who comes and who goes.
struct Announcer(Journal);

impl Announcer {
    async fn announce(&self, endpoint: &Endpoint<String>, text: &str) {
        let tally = endpoint.broadcast(text).await;
        self.0.note(format!("{text}: {} {}", tally.delivered, tally.gone));
    }
}

impl Websocket<String> for Announcer {
    async fn on_open(&self, handshake: Handshake<String>) -> Result<Accepted<String>, Refusal> {
        let name = handshake.request().uri.query().unwrap_or_default().to_owned();
        let client = handshake.accept_with(name);
        self.announce(client.endpoint(), &format!("{} is here", client.state())).await;
        Ok(client)
    }

    async fn on_close(&self, gone: &Departure<String>) {
        self.announce(gone.endpoint(), &format!("{} has left", gone.state())).await;
    }
}

#[tokio::test]
async fn one_who_comes_hears_it_and_one_who_has_gone_does_not() {
    let journal = Journal::default();
    let server = serve(Announcer(journal.clone())).await;
    let mut ann = connect_to(&server, "/?ann").await;
    assert_eq!(ann.hear_text().await, "ann is here");
    journal.until(1).await;
    let mut bob = connect_to(&server, "/?bob").await;
    for ws in [&mut ann, &mut bob] {
        assert_eq!(ws.hear_text().await, "bob is here");
    }
    journal.until(2).await;
    bob.leave().await;
    assert_eq!(ann.hear_text().await, "bob has left");
    journal.until(3).await;
    ann.leave().await;
    server.stop().await;
    let expected =
        ["ann is here: 1 0", "bob is here: 2 0", "bob has left: 1 0", "ann has left: 0 0"];
    assert_eq!(journal.lines(), expected);
}

#[tokio::test]
async fn each_publisher_is_heard_in_its_order_on_every_worker() {
    async fn publish(client: Client, name: usize) {
        for number in 0..150 {
            let broadcast = client.endpoint().broadcast(format!("{name} {number}"));
            match number % 3 {
                0 => assert_eq!(broadcast.await, tally(6, 0)),
                _ => broadcast.nowait(),
            }
        }
    }
    let (server, _guests, peers, clients) = room(6).await;
    let publishers = join_all((0..4).map(|name| {
        let publish = publish(clients[name].clone(), name);
        async move {
            match name % 2 {
                0 => tokio::spawn(publish).await.unwrap(),
                _ => on_a_thread(publish).await,
            }
        }
    }));
    let listen = async |mut ws: Ws| {
        let mut heard = [0; 4];
        for _ in 0..4 * 150 {
            let text = ws.hear_text().await;
            let (name, number) = text.split_once(' ').unwrap();
            let next = &mut heard[name.parse::<usize>().unwrap()];
            assert_eq!(number.parse(), Ok(*next), "{text}");
            *next += 1;
        }
        ws
    };
    tokio::join!(publishers, join_all(peers.into_iter().map(listen)));
    server.stop().await;
}

/// Broadcasts each message, and then says the same to each client.
struct Twice;

impl Twice {
    fn say(endpoint: &Endpoint, text: &str) {
        endpoint.broadcast(format!("all {text}")).nowait();
        for client in endpoint.clients() {
            client.send(format!("each {text}")).nowait();
        }
    }
}

impl Websocket for Twice {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        Self::say(client.endpoint(), message.as_text().unwrap_or_default());
        Ok(())
    }
}

#[tokio::test]
async fn a_broadcast_reaches_a_client_before_what_is_sent_to_it_next() {
    let server = serve(Twice).await;
    let mut peers = Vec::new();
    for _ in 0..4 {
        peers.push(connect(&server).await);
    }
    for number in 0..300 {
        let text = number.to_string();
        peers[number % 4].say(&*text).await;
        for ws in &mut peers {
            assert_eq!(ws.hear_text().await, format!("all {text}"));
            assert_eq!(ws.hear_text().await, format!("each {text}"));
        }
    }
    drop(peers);
    server.stop().await;
}

#[tokio::test]
async fn a_broadcast_from_a_thread_is_before_its_next_send_and_before_its_close() {
    let (server, _guests, mut peers, clients) = room(4).await;
    on_a_thread(async move {
        for number in 0..300 {
            Twice::say(clients[0].endpoint(), &number.to_string());
        }
        clients[0].endpoint().broadcast("last").nowait();
        clients.iter().for_each(|client| client.close().nowait());
    })
    .await;
    for ws in &mut peers {
        for number in 0..300 {
            assert_eq!(ws.hear_text().await, format!("all {number}"));
            assert_eq!(ws.hear_text().await, format!("each {number}"));
        }
        assert_eq!(ws.hear_text().await, "last");
        assert_eq!(ws.hear_close().await.0, 1000);
    }
    drop(peers);
    server.stop().await;
}

/// Says each number, all at once: to all, to all but one client, or to that one in either way.
fn say_numbers(one: &Client) {
    for number in NUMBERS {
        let all = one.endpoint().broadcast(number.to_string());
        match number % 7 {
            0..3 => all.nowait(),
            3 | 4 => all.except([one.id()]).nowait(),
            5 => all.only([one.id()]).nowait(),
            _ => one.send(number.to_string()).nowait(),
        }
    }
}

/// More than a worker keeps for later, and than leaves in one write.
const NUMBERS: Range<usize> = 0..3000;

/// The peers hear their numbers in order; the first is the one.
async fn hear_numbers(peers: &mut [Ws]) {
    for (index, ws) in peers.iter_mut().enumerate() {
        for number in NUMBERS {
            let is_the_one = index == 0;
            let hears = match number % 7 {
                0..3 => true,
                3 | 4 => !is_the_one,
                _ => is_the_one,
            };
            if hears {
                assert_eq!(ws.hear_text().await, number.to_string());
            }
        }
    }
}

struct Numbers;

impl Websocket for Numbers {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, _: Message) -> Result<(), Failure> {
        say_numbers(client);
        Ok(())
    }
}

#[tokio::test]
async fn what_is_said_at_once_to_various_clients_each_hears_in_order() {
    let server = serve(Numbers).await;
    let mut peers = Vec::new();
    for _ in 0..4 {
        peers.push(connect(&server).await);
    }
    peers[0].say("go").await;
    hear_numbers(&mut peers).await;
    drop(peers);
    server.stop().await;
}

#[tokio::test]
async fn what_a_thread_says_at_once_to_various_clients_each_hears_in_order() {
    let (server, _guests, mut peers, clients) = room(4).await;
    on_a_thread(async move { say_numbers(&clients[0]) }).await;
    hear_numbers(&mut peers).await;
    drop(peers);
    server.stop().await;
}

/// Broadcasts each message to all.
struct Relay;

impl Websocket for Relay {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.endpoint().broadcast(message).nowait();
        Ok(())
    }
}

#[tokio::test]
async fn many_small_ones_at_once_are_not_too_much_for_a_publisher_that_reads() {
    // Each of them counts for 65 bytes, which makes more than the limit of one read.
    const COUNT: usize = 2300;
    let options = Options::new().max_queued_bytes(128 * 1024);
    let server = serve_with(Relay, options).await;
    let mut publisher = Raw::open(&server).await;
    for _ in 0..10 {
        publisher.write(frame(1, b"a").repeat(COUNT)).await;
        for _ in 0..COUNT {
            assert_eq!(publisher.frame().await, (0x81, b"a".to_vec()));
        }
    }
    drop(publisher);
    server.stop().await;
}

/// Broadcasts each message once it is told to; until then its worker stands still.
struct Blocking {
    endpoint: Arc<OnceLock<Endpoint>>,
    told: Mutex<mpsc::Receiver<()>>,
}

impl Websocket for Blocking {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        self.endpoint.get_or_init(|| client.endpoint().clone());
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.endpoint().broadcast("waiting").nowait();
        self.told.lock().unwrap().recv()?;
        client.endpoint().broadcast(message).nowait();
        Ok(())
    }
}

/// It blocks one of two workers.
mod over_sockets {
    use super::*;

    #[tokio::test]
    async fn a_broadcast_comes_after_those_that_its_publisher_knew_of() {
        let ((tell, told), endpoint) = (mpsc::channel(), Arc::default());
        let server =
            serve(Blocking { endpoint: Arc::clone(&endpoint), told: Mutex::new(told) }).await;
        let (mut blocked, mut free) = (connect(&server).await, connect(&server).await);
        blocked.say("second").await;
        assert_eq!(free.hear_text().await, "waiting");
        endpoint.get().expect("they are in").broadcast("first").nowait();
        tell.send(()).unwrap();
        assert_eq!(blocked.hear_text().await, "waiting");
        for ws in [&mut blocked, &mut free] {
            assert_eq!(ws.hear_text().await, "first");
            assert_eq!(ws.hear_text().await, "second");
        }
        drop((blocked, free));
        server.stop().await;
    }
}
