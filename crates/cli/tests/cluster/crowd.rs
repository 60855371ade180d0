//! Three hundred people in thirty rooms, over all nodes. Some move about; who loses its node goes to another.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::TcpStream,
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message},
};

use crate::record::{End, Entry, Record};

pub(crate) const PEOPLE: u32 = 300;

const ROOMS: u32 = 30;

/// Every tenth moves about.
const MOVERS: u32 = 10;

/// So often each says something while they talk, and so much right after each other.
const PERIOD: Duration = Duration::from_millis(2000);
const BURST: usize = 3;

/// So often each mover moves.
const STAY: Duration = Duration::from_millis(1500);

/// How long until the next node is tried.
const RETRY: Duration = Duration::from_millis(50);

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Where nodes are that take clients.
#[derive(Clone, Default)]
pub(crate) struct Addresses(Arc<Mutex<[Option<SocketAddr>; 3]>>);

pub(crate) struct Crowd {
    talk: watch::Sender<bool>,
    /// How many are in a room now.
    connected: watch::Receiver<u32>,
    people: JoinSet<()>,
}

/// One of the crowd.
struct Person {
    addresses: Addresses,
    record: Record,
    talks: watch::Receiver<bool>,
    connected: watch::Sender<u32>,
    node: usize,
    room: u32,
    moves: bool,
    random: Random,
}

impl Addresses {
    pub(crate) fn set(&self, node: usize, address: Option<SocketAddr>) {
        self.0.lock().unwrap()[node] = address;
    }

    pub(crate) fn of(&self, node: usize) -> Option<SocketAddr> {
        self.0.lock().unwrap()[node]
    }
}

impl Crowd {
    /// Has all of them come in; a third to each node.
    pub(crate) async fn start(addresses: &Addresses, record: &Record) -> Self {
        let (talk, talks) = watch::channel(false);
        let (counting, connected) = watch::channel(0);
        let mut people = JoinSet::new();
        for number in 0..PEOPLE {
            let person = Person {
                addresses: addresses.clone(),
                record: record.clone(),
                talks: talks.clone(),
                connected: counting.clone(),
                node: number as usize % 3,
                // So that each room has people of all nodes.
                room: number / 3 % ROOMS,
                moves: number % MOVERS == 0,
                random: Random(u64::from(number) + 1),
            };
            people.spawn(person.live());
        }
        Self { talk, connected, people }
    }

    /// Has them talk, or be silent.
    pub(crate) fn talk(&self, talk: bool) {
        self.talk.send_replace(talk);
    }

    /// Waits until everybody is in a room: movers may be on their way.
    pub(crate) async fn is_there(&mut self) {
        let arrived = self.connected.wait_for(|count| *count >= PEOPLE - PEOPLE / MOVERS);
        let outcome = arrived.await.map(drop);
        if outcome.is_err() {
            // Somebody has panicked.
            while let Some(ended) = self.people.join_next().await {
                ended.unwrap();
            }
        }
    }
}

impl Person {
    async fn live(mut self) {
        loop {
            let (socket, node) = self.arrive().await;
            let entry = self.record.open(node, self.room);
            self.connected.send_modify(|count| *count += 1);
            let end = self.stay(socket, &entry).await;
            entry.end(end);
            self.connected.send_modify(|count| *count -= 1);
            self.node = if end == End::Left { node + 1 } else { node + 2 } % 3;
            if self.moves {
                self.room = self.random.below(ROOMS.into()) as u32;
            }
        }
    }

    /// Goes from node to node until one lets it in.
    async fn arrive(&self) -> (Socket, usize) {
        for node in (self.node..self.node + 3).map(|it| it % 3).cycle() {
            if let Some(address) = self.addresses.of(node)
                && let Ok(socket) = connect(address, &format!("/rooms/{}", self.room)).await
            {
                return (socket, node);
            }
            sleep(RETRY).await;
        }
        unreachable!("there is always a next node");
    }

    async fn stay(&mut self, mut socket: Socket, entry: &Entry) -> End {
        let now = Instant::now();
        let mut speak = now + self.random.part_of(PERIOD);
        let leave = now + STAY + self.random.part_of(STAY);
        loop {
            let talks = *self.talks.borrow();
            tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => entry.hear(&text),
                    Some(Ok(Message::Close(close))) => {
                        let code = close.map_or(1005, |it| it.code.into());
                        // Its answer is sent.
                        while let Some(Ok(_)) = socket.next().await {}
                        return End::Closed(code);
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return End::Lost,
                },
                _ = self.talks.changed() => {
                    // What was not said meanwhile is not made up for.
                    speak = Instant::now() + self.random.part_of(PERIOD);
                }
                () = sleep_until(speak), if talks => {
                    speak = Instant::now() + PERIOD;
                    // They may have been told to be silent at the same time.
                    if *self.talks.borrow() && say(&mut socket, entry).await.is_err() {
                        return End::Lost;
                    }
                }
                () = sleep_until(leave), if self.moves && talks => {
                    return go(socket, entry).await;
                }
            }
        }
    }
}

/// Says some messages right after each other.
async fn say(socket: &mut Socket, entry: &Entry) -> Result<(), Error> {
    for _ in 0..BURST {
        let text = entry.say();
        socket.feed(Message::text(text)).await?;
    }
    socket.flush().await
}

/// Leaves with a goodbye: what was said before it is handled.
async fn go(mut socket: Socket, entry: &Entry) -> End {
    if socket.close(None).await.is_err() {
        return End::Lost;
    }
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => entry.hear(&text),
            Some(Ok(Message::Close(_))) => return End::Left,
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return End::Lost,
        }
    }
}

pub(crate) async fn connect(address: SocketAddr, path: &str) -> Result<Socket, Error> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(client_async(format!("ws://localhost{path}"), stream).await?.0)
}

/// Numbers that are the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        for shift in [13, -7, 17] {
            self.0 ^= if shift > 0 { self.0 << shift } else { self.0 >> -shift };
        }
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn part_of(&mut self, period: Duration) -> Duration {
        Duration::from_millis(self.below(period.as_millis() as u64))
    }
}
