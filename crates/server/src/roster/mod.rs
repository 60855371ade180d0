//! Who is here, one shard for each worker, and how a message gets to all of them.

mod delivery;

use std::{
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aerys_proto::Config;
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

pub(crate) use self::delivery::{Audience, Delivery};
use crate::{
    connection::{ClientId, Shared},
    runtime::{EndpointSlot, Worker},
    sync::{Mutex, MutexGuard, Rank},
};

/// 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// One who can be spoken to.
pub(crate) trait Member: Clone + Send + Sync + 'static {
    fn id(&self) -> ClientId;
    fn shared(&self) -> &Shared;
}

pub(crate) struct Roster<M> {
    shards: Box<[Shard<M>]>,
    path: Arc<str>,
    slot: EndpointSlot,
    protocol: Arc<Config>,
    stopping: AtomicBool,
    end: CancellationToken,
}

/// The clients that one worker drives.
///
/// A dense array to walk for a broadcast, with an index beside it to find one by its id. The worker
/// itself takes the lock all the time and others hardly ever, so it is as good as free.
pub(crate) struct Shard<M> {
    worker: Arc<Worker>,
    clients: Mutex<Clients<M>>,
}

type Clients<M> = IndexMap<ClientId, M, BuildHasherDefault<Scatter>>;

/// Hashes the ids that are given here. No client chooses its own, so there is no need to be
/// unpredictable, only to spread neighbours.
#[derive(Default)]
pub(crate) struct Scatter(u64);

impl<M> Roster<M> {
    pub(crate) fn new(path: String, protocol: Arc<Config>, workers: &[Arc<Worker>]) -> Self {
        let shard = |worker: &Arc<Worker>| Shard {
            worker: Arc::clone(worker),
            clients: Mutex::new(Rank::Shard, Clients::default()),
        };
        let path = Arc::from(path);
        let slot = |_, worker: &Arc<Worker>| worker.activity().add(&path);
        Self {
            shards: workers.iter().map(shard).collect(),
            slot: workers.iter().fold(EndpointSlot::NONE, slot),
            path,
            protocol,
            stopping: AtomicBool::new(false),
            end: CancellationToken::new(),
        }
    }

    /// Makes a client a member, if `accept` lets it in. Whoever learns that it was finds it here.
    pub(crate) fn join(&self, id: ClientId, client: M, accept: impl FnOnce() -> bool) -> bool {
        let shard = self.shard(id);
        // What was broadcast before it came is not for it.
        shard.worker.flush_orders();
        let mut clients = shard.lock();
        let is_accepted = accept();
        if is_accepted {
            clients.insert(id, client);
        }
        is_accepted
    }

    pub(crate) fn next_id(&self, worker: usize) -> ClientId {
        ClientId::new(self.shards[worker].worker.next_serial(), worker, self.shards.len())
    }

    pub(crate) fn leave(&self, id: ClientId) {
        let client = self.shard(id).lock().swap_remove(&id);
        drop(client);
    }

    pub(crate) fn client(&self, id: ClientId) -> Option<M>
    where
        M: Clone,
    {
        self.shard(id).lock().get(&id).cloned()
    }

    pub(crate) fn clients(&self) -> Vec<M>
    where
        M: Clone,
    {
        let shards = self.shards.iter();
        shards.flat_map(|shard| shard.lock().values().cloned().collect::<Vec<_>>()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    pub(crate) fn worker(&self, id: ClientId) -> &Worker {
        &self.shard(id).worker
    }

    pub(crate) fn shards(&self) -> &[Shard<M>] {
        &self.shards
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

    /// Where the application is mounted.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// How workers say that they are at its handlers.
    pub(crate) fn slot(&self) -> EndpointSlot {
        self.slot
    }

    /// What all its connections go by.
    pub(crate) fn protocol(&self) -> &Config {
        &self.protocol
    }

    /// For what is bound to no client.
    pub(crate) fn any_worker(&self) -> &Worker {
        &self.shards[0].worker
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn shard(&self, id: ClientId) -> &Shard<M> {
        &self.shards[id.worker(self.shards.len())]
    }
}

impl<M> Shard<M> {
    pub(crate) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    /// The clients, for a walk or a look; never kept locked while application code runs.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Clients<M>> {
        self.clients.lock()
    }
}

impl Hasher for Scatter {
    fn write_u64(&mut self, number: u64) {
        // The index is looked up by the low bits and told apart by the high ones.
        let product = u128::from(number) * u128::from(GOLDEN);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
