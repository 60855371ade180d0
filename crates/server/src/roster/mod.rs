//! Who is here, one shard for each worker, and how a message gets to all of them.

mod audience;
mod backlog;
mod delivery;
mod groups;
#[cfg(test)]
mod guest;
mod members;
mod presence;
mod shard;
#[cfg(test)]
mod simulation;
mod step;
mod walk;

use std::sync::{
    Arc, OnceLock, Weak,
    atomic::{AtomicBool, Ordering},
};

use aerys_proto::{Config, Message};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

pub(crate) use self::{audience::Choice, presence::Onlooker, walk::Walk};
use self::{delivery::Delivery, groups::GroupSizes, shard::Shard};
use crate::{
    cluster::{Link, Malformed, Received, Receiver},
    connection::{ClientId, DeliveryCount, Published, Shared},
    error::JoinError,
    metrics::EndpointCounters,
    options::GroupLimits,
    presence::Presence,
    runtime::{Alarms, EndpointSlot, Worker},
};

/// One who can be spoken to.
pub(crate) trait Member {
    fn shared(&self) -> &Arc<Shared>;
}

pub(crate) struct Roster<M> {
    shards: Box<[Arc<Shard<M>>]>,
    groups: GroupSizes,
    presence: Presence,
    /// Who is asked what is to be said of who comes and goes.
    onlooker: OnceLock<Weak<dyn Onlooker>>,
    /// The cluster that its server is a node of, and what the endpoint is called there.
    link: OnceLock<(Arc<Link>, Box<str>)>,
    host: String,
    path: Arc<str>,
    slot: EndpointSlot,
    protocol: Arc<Config>,
    stopping: AtomicBool,
    end: CancellationToken,
}

impl<M> Roster<M> {
    pub(crate) fn new(
        host: String,
        path: String,
        protocol: Arc<Config>,
        workers: &[Arc<Worker>],
    ) -> Self {
        let name = format!("{host}{path}");
        let shard = |worker: &Arc<Worker>| {
            let counters = worker.counters().endpoint(&name);
            Arc::new(Shard::new(Arc::clone(worker), Arc::clone(&protocol), counters))
        };
        let shards: Box<[_]> = workers.iter().map(shard).collect();
        let path = Arc::from(path);
        let slot = |_, worker: &Arc<Worker>| worker.activity().add(&path);
        Self {
            groups: GroupSizes::new(Arc::clone(shards[0].counters())),
            shards,
            presence: Presence::new(),
            onlooker: OnceLock::new(),
            link: OnceLock::new(),
            host,
            slot: workers.iter().fold(EndpointSlot::NONE, slot),
            path,
            protocol,
            stopping: AtomicBool::new(false),
            end: CancellationToken::new(),
        }
    }

    /// Makes a client a member, if `accept` lets it in. Whoever learns that it was finds it here.
    pub(crate) fn join(&self, id: ClientId, client: M, accept: impl FnOnce() -> bool) -> bool {
        self.shard(id).join(id, client, accept)
    }

    pub(crate) fn next_id(&self, worker: usize) -> ClientId {
        let serial = self.shards[worker].worker().next_serial();
        let id = ClientId::new(serial, worker, self.shards.len());
        self.link.get().map_or(id, |(link, _)| id.on_node(link.node()))
    }

    pub(crate) fn client(&self, id: ClientId) -> Option<M>
    where
        M: Clone,
    {
        self.shard(id).client(id)
    }

    pub(crate) fn clients(&self) -> Vec<M>
    where
        M: Clone,
    {
        self.shards.iter().flat_map(|shard| shard.clients()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.len()).sum()
    }

    /// Has a client in a group: what is broadcast there from now on is for it.
    pub(crate) fn join_group(&self, id: ClientId, name: &str) -> Result<(), JoinError> {
        if name.is_empty() || name.len() > JoinError::MAX_NAME {
            return Err(JoinError::Name { len: name.len() });
        }
        self.shard(id).join_group(id, name, &self.groups)
    }

    /// What a client is in, in the order in which it joined.
    pub(crate) fn groups_of(&self, id: ClientId) -> Vec<Arc<str>> {
        self.shard(id).groups(id)
    }

    /// The groups that have members.
    pub(crate) fn groups(&self) -> Vec<Arc<str>> {
        self.groups.names()
    }

    pub(crate) fn group_len(&self, name: &str) -> usize {
        self.groups.size(name)
    }

    pub(crate) fn is_in_group(&self, id: ClientId, name: &str) -> bool {
        self.shard(id).is_in_group(id, name)
    }

    pub(crate) fn group_clients(&self, name: &str) -> Vec<M>
    where
        M: Clone,
    {
        self.shards.iter().flat_map(|shard| shard.group_members(name)).collect()
    }

    /// What holds for who joins a group from now on.
    pub(crate) fn set_group_limits(&self, limits: GroupLimits) {
        self.groups.set_limits(limits);
    }

    /// What the connections of this worker are woken by.
    pub(crate) fn alarms(&self, worker: usize) -> &Arc<Alarms> {
        self.shards[worker].worker().alarms()
    }

    /// What this worker counts of it.
    pub(crate) fn counters(&self, worker: usize) -> &Arc<EndpointCounters> {
        self.shards[worker].counters()
    }

    pub(crate) fn worker(&self, id: ClientId) -> &Worker {
        self.shard(id).worker()
    }

    /// From now on nobody stays: who is here is given back to be closed, and who joins later finds
    /// [`is_stopping`](Self::is_stopping).
    pub(crate) fn stop(&self) -> Vec<M>
    where
        M: Clone,
    {
        self.stopping.store(true, Ordering::SeqCst);
        self.clients()
    }

    /// Cancelled when every client has gone after [`stop`](Self::stop).
    pub(crate) fn end(&self) -> &CancellationToken {
        &self.end
    }

    /// What its clients' connections go by.
    pub(crate) fn protocol(&self) -> &Config {
        &self.protocol
    }

    /// Where the application is mounted, as it was given.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// How workers say that they are at its handlers.
    pub(crate) fn slot(&self) -> EndpointSlot {
        self.slot
    }

    /// For what is bound to no client.
    pub(crate) fn any_worker(&self) -> &Worker {
        self.shards[0].worker()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn shard(&self, id: ClientId) -> &Shard<M> {
        &self.shards[id.worker(self.shards.len())]
    }
}

impl<M: Member> Roster<M> {
    /// Looks at some of those who are here, and answers whether there are more: see [`Walk`]. No lock is to be taken,
    /// and nothing foreign run, by `look`.
    pub(crate) fn look(&self, walk: &mut Walk, look: &mut dyn FnMut(ClientId, &Shared)) -> bool {
        walk.step(&self.shards, look)
    }

    /// Puts into a client's outbox what was broadcast before this moment. Who is about to say something
    /// to a client does this first, on whatever thread.
    #[inline]
    pub(crate) fn catch_up(&self, id: ClientId) {
        self.shard(id).catch_up(id);
    }
}

impl<M: Member + Send + Sync + 'static> Roster<M> {
    /// Takes a client out, and answers in which groups it was: what was broadcast while it was here is counted
    /// as lost with it.
    pub(crate) fn leave(self: &Arc<Self>, id: ClientId) -> Vec<Arc<str>> {
        let groups = self.shard(id).leave(id, &self.groups);
        for group in &groups {
            self.hide(id, group);
        }
        groups
    }

    /// Takes a client out of a group; answers whether it was in it.
    pub(crate) fn leave_group(self: &Arc<Self>, id: ClientId, name: &str) -> bool {
        let was_in_it = self.shard(id).leave_group(id, name, &self.groups);
        if was_in_it {
            self.hide(id, name);
        }
        was_in_it
    }

    /// From now on what is broadcast goes to the other nodes, too, and what those broadcast comes here. Said before
    /// the first client.
    pub(crate) fn connect(self: &Arc<Self>, link: &Arc<Link>) {
        let name = format!("{}{}", self.host, self.path);
        let this = Arc::downgrade(self);
        link.add(&name, this);
        self.presence.share(link.nonce());
        let _ = self.link.set((Arc::clone(link), name.into()));
    }

    /// Broadcasts to who is chosen, here and on other nodes, unless it `is_local`. Those of other nodes count for
    /// nothing here.
    pub(crate) fn broadcast(
        &self,
        message: Message,
        choice: Choice,
        key: Option<&Arc<str>>,
        delivery_count: Option<&Arc<DeliveryCount>>,
        is_local: bool,
    ) -> Published {
        let published = match self.link.get() {
            Some((link, name)) if !is_local => {
                link.publish(&choice.outgoing(name, key.map(|key| &**key), &message))
            }
            _ => Published::Here,
        };
        self.tell(message, choice, key, delivery_count);
        published
    }

    /// Broadcasts to who is here and chosen; each worker tells its own clients.
    fn tell(
        &self,
        message: Message,
        choice: Choice,
        key: Option<&Arc<str>>,
        delivery_count: Option<&Arc<DeliveryCount>>,
    ) {
        let message = message.for_many(&self.protocol);
        let group = choice.group().cloned();
        let mut audiences = choice.split(self.shards.len());
        for (worker, shard) in self.shards.iter().enumerate() {
            // A worker that has none of a group has nothing to do.
            if group.as_ref().is_none_or(|name| shard.has_group(name))
                && let Some(audience) = audiences.take(worker)
            {
                let delivery_count = delivery_count.map(DeliveryCount::expect_one);
                let delivery = Delivery::new(audience, message.clone(), delivery_count);
                shard.give(match key {
                    Some(key) => delivery.with_key(key),
                    None => delivery,
                });
            }
        }
    }
}

impl<M: Member + Send + Sync + 'static> Receiver for Roster<M> {
    fn receive(self: Arc<Self>, received: Received) {
        let Received { group, key, only, except, message } = received;
        self.tell(message, Choice::received(group, only, except), key.as_ref(), None);
    }

    fn learn(self: Arc<Self>, publisher: u64, told: Bytes) -> Result<(), Malformed> {
        self.learn_presence(publisher, told)
    }

    fn forget(self: Arc<Self>, publisher: u64) {
        self.forget_presence(publisher);
    }

    fn summarize(self: Arc<Self>) {
        self.summarize_presence();
    }
}
