//! What a node has of its cluster: the bus, the other nodes, and which endpoints are here.

use std::{
    collections::HashMap,
    hash::Hasher,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    Bus, ClusterStatus, Inbound, PARTITIONS,
    frame::{self, Frame, Outgoing, Publisher, Received},
    nodes::{Heard, Nodes},
    wire::Malformed,
};
use crate::{
    connection::Published,
    error::{NotQueued, ServerError},
    log,
    sync::Mutex,
};

/// In how many parts of a lease a node gives a sign of life.
const SIGNS_PER_LEASE: u32 = 3;

/// How long a node that stops waits until the bus has its goodbye.
const GOODBYE_PERIOD: Duration = Duration::from_millis(500);

pub(crate) struct Link {
    bus: Box<dyn Bus>,
    nodes: Nodes,
    lease: Duration,
    /// By host and path. Of several the last that is there: one that a reload makes in another's place may not come to be.
    endpoints: Mutex<Endpoints>,
    is_joined: AtomicBool,
    end: CancellationToken,
    /// The last time that it gave a sign of life.
    last_beat: Mutex<Option<Instant>>,
    forwarded: AtomicU64,
    not_forwarded: AtomicU64,
    received: AtomicU64,
    malformed: AtomicU64,
}

/// By their names.
type Endpoints = HashMap<Box<str>, Vec<Weak<dyn Receiver>>>;

/// An endpoint, to which other nodes speak.
pub(crate) trait Receiver: Send + Sync {
    /// Tells it to the clients of this node.
    fn receive(self: Arc<Self>, received: Received);

    /// Another node, which has this nonce, tells who is present there.
    fn learn(self: Arc<Self>, publisher: u64, told: Bytes) -> Result<(), Malformed>;

    /// A node is gone, and with it whoever was present there.
    fn forget(self: Arc<Self>, publisher: u64);

    /// Tells the other nodes how much there is to know of who is present here.
    fn summarize(self: Arc<Self>);
}

/// A server is a node for as long as it has this. One that is dropped has gone without a word.
pub(crate) struct Joined(Arc<Link>);

impl Link {
    pub(super) fn new(bus: Box<dyn Bus>, lease: Duration) -> Self {
        Self {
            bus,
            nodes: Nodes::new(),
            lease,
            endpoints: Mutex::default(),
            is_joined: AtomicBool::new(false),
            end: CancellationToken::new(),
            last_beat: Mutex::default(),
            forwarded: AtomicU64::new(0),
            not_forwarded: AtomicU64::new(0),
            received: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
        }
    }

    pub(super) fn set_lease(&mut self, lease: Duration) {
        self.lease = lease;
    }

    /// Makes a server a node. Needs a runtime around it that lives as long.
    pub(crate) fn join(self: &Arc<Self>) -> Result<Joined, ServerError> {
        let joined = self.begin()?;
        let link = Arc::clone(self);
        tokio::spawn(async move {
            let end = link.end.clone();
            end.run_until_cancelled(link.give_signs_of_life()).await;
        });
        Ok(joined)
    }

    /// Makes a server a node that gives no signs of life by itself.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<Joined, ServerError> {
        if self.is_joined.swap(true, Ordering::AcqRel) {
            return Err(ServerError::ClusterTaken);
        }
        self.bus.start(Inbound::new(Arc::downgrade(self)));
        Ok(Joined(Arc::clone(self)))
    }

    async fn give_signs_of_life(&self) {
        let mut beat = interval(self.lease / SIGNS_PER_LEASE);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // It comes at once, and the bus says by itself when it is there.
        beat.tick().await;
        loop {
            beat.tick().await;
            self.beat();
        }
    }

    /// Gives a sign of life, and forgets who has given none.
    pub(crate) fn beat(&self) {
        let now = Instant::now();
        let last = self.last_beat.lock().replace(now);
        if last.is_some_and(|last| now - last > self.lease * 2 / SIGNS_PER_LEASE) {
            // This node has stood still, and what the others have said meanwhile is still to be heard.
            self.nodes.excuse();
        }
        self.announce();
        let gone = self.nodes.expire(self.lease);
        if !gone.is_empty() {
            let (gone, nodes) = (gone.len(), self.nodes.count(self.lease));
            log::event!(WARN, { gone, nodes }, "nodes have given no sign of life");
        }
        for nonce in gone {
            self.forget(nonce);
        }
    }

    fn forget(&self, nonce: u64) {
        for endpoint in self.endpoints() {
            endpoint.forget(nonce);
        }
    }

    /// All that are here.
    fn endpoints(&self) -> Vec<Arc<dyn Receiver>> {
        let endpoints = self.endpoints.lock();
        endpoints.values().filter_map(|those| last_there(those)).collect()
    }

    /// Messages for these clients come here from now on, for as long as it is there.
    pub(crate) fn add(&self, name: &str, endpoint: Weak<dyn Receiver>) {
        let mut endpoints = self.endpoints.lock();
        endpoints.retain(|_, those| {
            those.retain(|endpoint| endpoint.strong_count() > 0);
            !those.is_empty()
        });
        endpoints.entry(name.into()).or_default().push(endpoint);
    }

    /// What tells this node from any other.
    pub(crate) fn nonce(&self) -> u64 {
        self.nodes.nonce()
    }

    /// Tells the other nodes something of who is present at an endpoint. What is lost of it they
    /// [ask for](Receiver::summarize).
    pub(crate) fn tell_presence(&self, endpoint: &str, told: &[u8]) {
        // Who is no node any more has gone with all its clients.
        if self.is_open() {
            let frame = self.publisher().presence(endpoint, told);
            let _ = self.bus.publish(partition(endpoint, None), frame);
        }
    }

    /// The number of this node, for the ids of clients.
    pub(crate) fn node(&self) -> u32 {
        self.nodes.number()
    }

    /// Hands a message on for the other nodes.
    pub(crate) fn publish(&self, outgoing: &Outgoing<'_>) -> Published {
        let partition = partition(outgoing.endpoint, outgoing.group);
        match self.bus.publish(partition, self.publisher().broadcast(outgoing)) {
            Ok(()) => {
                self.forwarded.fetch_add(1, Ordering::Relaxed);
                Published::Queued
            }
            Err(error) => {
                self.not_forwarded.fetch_add(1, Ordering::Relaxed);
                Published::NotQueued(error)
            }
        }
    }

    /// Tells the others that this node is there, and how much there is to know of it.
    pub(crate) fn announce(&self) {
        // If the bus is away, nobody hears it, and it is said when it is back.
        let _ = self.bus.publish(0, self.publisher().announcement());
        for endpoint in self.endpoints() {
            endpoint.summarize();
        }
    }

    /// Takes in a frame of any node.
    pub(super) fn receive(&self, frame: Bytes) {
        if let Err(error) = self.take_in(frame) {
            self.malformed.fetch_add(1, Ordering::Relaxed);
            log::event!(WARN, { %error }, "what has come by the bus is no frame");
        }
    }

    fn take_in(&self, frame: Bytes) -> Result<(), Malformed> {
        let (publisher, frame) = frame::decode(frame)?;
        if publisher.nonce == self.nodes.nonce() {
            return Ok(());
        }
        match frame {
            Frame::Announcement => self.hear(publisher),
            Frame::Goodbye => {
                if self.nodes.forget(publisher.nonce) {
                    let nodes = self.nodes.count(self.lease);
                    log::event!(INFO, { node = publisher.node, nodes }, "a node has gone");
                    self.forget(publisher.nonce);
                }
            }
            Frame::Broadcast { endpoint, received } => self.tell(&endpoint, received),
            Frame::Presence { endpoint, told } => {
                // It is a sign of life, too: what is known of a node is forgotten when its lease is over.
                self.hear(publisher);
                let is_known = self.nodes.is_known(publisher.nonce);
                if let Some(endpoint) = self.endpoint(&endpoint).filter(|_| is_known) {
                    endpoint.learn(publisher.nonce, told)?;
                }
            }
        }
        Ok(())
    }

    fn hear(&self, Publisher { node, nonce }: Publisher) {
        match self.nodes.hear(node, nonce) {
            Heard::Known => {}
            Heard::New => {
                let nodes = self.nodes.count(self.lease);
                log::event!(INFO, { node, nodes }, "there is another node");
                // Which is not to wait for the next sign of life to know of this one.
                self.announce();
            }
            Heard::Theirs => self.announce(),
            Heard::Redrawn => {
                let number = self.nodes.number();
                log::event!(WARN, { node, number }, "another node has this one's number, which has another now");
                self.announce();
            }
        }
    }

    fn tell(&self, endpoint: &str, received: Received) {
        if let Some(endpoint) = self.endpoint(endpoint) {
            self.received.fetch_add(1, Ordering::Relaxed);
            endpoint.receive(received);
        }
    }

    /// An endpoint may be on some nodes alone.
    fn endpoint(&self, name: &str) -> Option<Arc<dyn Receiver>> {
        let endpoints = self.endpoints.lock();
        endpoints.get(name).and_then(|those| last_there(those))
    }

    fn publisher(&self) -> Publisher {
        Publisher { node: self.nodes.number(), nonce: self.nodes.nonce() }
    }

    /// Whether its server is a node.
    pub(super) fn is_open(&self) -> bool {
        !self.end.is_cancelled()
    }

    pub(super) async fn flush(&self) -> Result<(), NotQueued> {
        self.bus.flush().await
    }

    pub(super) fn status(&self) -> ClusterStatus {
        ClusterStatus {
            bus: self.bus.state(),
            node: self.nodes.number(),
            nodes: self.nodes.count(self.lease),
            forwarded: self.forwarded.load(Ordering::Relaxed),
            not_forwarded: self.not_forwarded.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            malformed: self.malformed.load(Ordering::Relaxed),
            losses: self.bus.losses(),
        }
    }

    fn end(&self) {
        if self.is_open() {
            self.end.cancel();
            self.bus.stop();
        }
    }
}

impl Joined {
    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.0
    }

    /// Tells the other nodes, and waits until the bus has that, for a moment at most and not beyond `end`.
    pub(crate) async fn leave(self, end: Instant) {
        let Self(link) = &self;
        if link.bus.publish(0, link.publisher().goodbye()).is_ok() {
            let end = end.min(Instant::now() + GOODBYE_PERIOD);
            // If it is not there in time, the lease tells the others.
            let _ = timeout_at(end, link.bus.flush()).await;
        }
        link.end();
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn last_there(those: &[Weak<dyn Receiver>]) -> Option<Arc<dyn Receiver>> {
    those.iter().rev().find_map(Weak::upgrade)
}

/// The same on every node (FNV-1a).
fn partition(endpoint: &str, group: Option<&str>) -> u16 {
    let mut hash = Fnv(0xCBF2_9CE4_8422_2325);
    hash.write(endpoint.as_bytes());
    hash.write(&[0]);
    hash.write(group.unwrap_or_default().as_bytes());
    (hash.finish() % u64::from(PARTITIONS)) as u16
}

struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use aerys_proto::Message;

    use super::*;
    use crate::cluster::LocalBus;

    #[derive(Default)]
    struct Heard(AtomicUsize);

    impl Receiver for Heard {
        fn receive(self: Arc<Self>, _: Received) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn learn(self: Arc<Self>, _: u64, _: Bytes) -> Result<(), Malformed> {
            Ok(())
        }

        fn forget(self: Arc<Self>, _: u64) {}

        fn summarize(self: Arc<Self>) {}
    }

    #[test]
    fn an_endpoint_hears_the_others_again_when_what_was_to_take_its_place_has_not_come_to_be() {
        let link = Link::new(Box::new(LocalBus::new()), Duration::from_secs(15));
        let another = Publisher { node: 1, nonce: link.nodes.nonce() ^ 1 };
        let frame = another.broadcast(&Outgoing {
            endpoint: "mysite.com/chat",
            group: None,
            key: None,
            only: None,
            except: &[],
            message: &Message::text("hello"),
        });
        let (stays, goes) = (Arc::<Heard>::default(), Arc::<Heard>::default());
        let heard = |it: &Arc<Heard>| it.0.load(Ordering::Relaxed);
        let weak = |it: &Arc<Heard>| -> Weak<dyn Receiver> {
            let weak: Weak<Heard> = Arc::downgrade(it);
            weak
        };
        link.add("mysite.com/chat", weak(&stays));
        link.receive(frame.clone());
        link.add("mysite.com/chat", weak(&goes));
        link.receive(frame.clone());
        assert_eq!((heard(&stays), heard(&goes)), (1, 1));
        drop(goes);
        link.receive(frame);
        assert_eq!(heard(&stays), 2);
    }
}
