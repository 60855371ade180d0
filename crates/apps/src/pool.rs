//! The processes of an application: as many as are wanted, and on a reload those before them.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aerys::{Endpoint, Handshake};
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    endpoint::Held,
    endpoints::Endpoints,
    error::StartError,
    figures::Figures,
    link::Link,
    options::ProcessOptions,
    protocol::EndpointPlace,
    supervisor::{Common, Slot},
};

/// What is wanted of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) options: Arc<ProcessOptions>,
    /// Empty for the one endpoint that starts.
    pub(crate) places: Vec<EndpointPlace>,
}

/// Processes that are started with the first endpoint and stopped with the last.
pub(crate) struct Pool {
    state: Mutex<State>,
    /// Held by who starts, replaces or stops processes.
    changing: tokio::sync::Mutex<()>,
}

struct State {
    wanted: Wanted,
    current: Option<Arc<Generation>>,
    /// Those before, whose clients have not all gone.
    before: Vec<Arc<Generation>>,
    /// The numbers of the endpoints that have started.
    started: Vec<u16>,
    /// Where the processes are looked after, once there are some.
    runtime: Option<Handle>,
}

/// Processes that were started together.
struct Generation {
    slots: Vec<Arc<Slot>>,
    endpoints: Arc<Endpoints>,
    shard_by: Option<String>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Pool {
    pub(crate) fn new(wanted: Wanted) -> Arc<Self> {
        let state =
            State { wanted, current: None, before: Vec::new(), started: Vec::new(), runtime: None };
        Arc::new(Self { state: Mutex::new(state), changing: tokio::sync::Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Option<Arc<Generation>> {
        self.lock().current.clone()
    }

    /// An endpoint starts. With the first the processes are started, and it is waited until they are ready.
    pub(crate) async fn attach(
        &self,
        number: u16,
        endpoint: &Endpoint<Held>,
    ) -> Result<(), StartError> {
        let _changing = self.changing.lock().await;
        let generation = match self.current() {
            Some(generation) => generation,
            None => {
                let mut wanted = self.lock().wanted.clone();
                if wanted.places.is_empty() {
                    let (host, path) = (endpoint.host().to_owned(), endpoint.path().to_owned());
                    wanted.places.push(EndpointPlace { endpoint: number, host, path });
                }
                let generation = Generation::start(&wanted).await?;
                let mut state = self.lock();
                state.wanted = wanted;
                state.current = Some(Arc::clone(&generation));
                state.runtime = Some(Handle::current());
                generation
            }
        };
        generation.endpoints.start(number, endpoint.clone());
        self.lock().started.push(number);
        Ok(())
    }

    /// An endpoint has stopped. With the last the processes are, and it is waited for their ends.
    pub(crate) async fn detach(&self, number: u16) {
        let _changing = self.changing.lock().await;
        let stopped = {
            let mut state = self.lock();
            state.started.retain(|it| *it != number);
            if !state.started.is_empty() {
                return;
            }
            let mut stopped = mem::take(&mut state.before);
            stopped.extend(state.current.take());
            stopped
        };
        for generation in &stopped {
            generation.stop.cancel();
        }
        for generation in &stopped {
            generation.tasks.wait().await;
        }
    }

    /// What is to be started, if nothing has been.
    #[cfg_attr(not(feature = "config"), expect(dead_code, reason = "a file says it"))]
    pub(crate) fn want(&self, wanted: Wanted) {
        let mut state = self.lock();
        if state.current.is_none() {
            state.wanted = wanted;
        }
    }

    /// Where its processes are looked after, while there are some.
    #[cfg_attr(not(feature = "config"), expect(dead_code, reason = "a file is read elsewhere"))]
    pub(crate) fn runtime(&self) -> Option<Handle> {
        let state = self.lock();
        state.current.as_ref().and(state.runtime.clone())
    }

    /// Starts other processes, and once they are ready has newcomers go there. If they do not get ready, all stays as
    /// it was.
    pub(crate) async fn replace(&self, mut wanted: Wanted) -> Result<(), StartError> {
        let _changing = self.changing.lock().await;
        let Some(current) = self.current() else {
            self.lock().wanted = wanted;
            return Ok(());
        };
        if wanted.places.is_empty() {
            wanted.places = current.endpoints.places();
        }
        let generation = Generation::start(&wanted).await?;
        generation.endpoints.adopt(&current.endpoints);
        let mut state = self.lock();
        state.before.retain(|it| !it.tasks.is_empty());
        state.wanted = wanted;
        let before = state.current.replace(generation);
        state.before.extend(before);
        drop(state);
        current.stop.cancel();
        Ok(())
    }

    /// How its processes are, those of before a reload left out.
    pub(crate) fn figures(&self) -> Vec<Figures> {
        let current = self.current();
        current.iter().flat_map(|it| &it.slots).map(|slot| slot.figures()).collect()
    }

    /// The process that is to have a client, if it is ready.
    pub(crate) fn choose(&self, handshake: &Handshake<Held>) -> Option<Arc<Link>> {
        let generation = self.current()?;
        let Some(param) = &generation.shard_by else {
            let ready = generation.slots.iter().filter_map(|slot| slot.ready());
            return ready.min_by_key(|link| link.clients());
        };
        let mut hasher = DefaultHasher::new();
        handshake.param(param).hash(&mut hasher);
        let slots = generation.slots.len() as u64;
        generation.slots.get((hasher.finish() % slots.max(1)) as usize)?.ready()
    }
}

impl Generation {
    /// Starts processes, and waits until all of them are ready. If one does not get so, none stays.
    async fn start(wanted: &Wanted) -> Result<Arc<Self>, StartError> {
        let Wanted { options, places } = wanted;
        let endpoints = Arc::new(Endpoints::new(places.clone()));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let common = Arc::new(Common {
            name: options.name().into(),
            options: Arc::clone(options),
            endpoints: Arc::clone(&endpoints),
            stop: stop.clone(),
        });
        let (mut slots, mut firsts) = (Vec::new(), Vec::new());
        for index in 0..options.processes {
            let slot = Arc::new(Slot::new(index));
            let (first, has_started) = oneshot::channel();
            tasks.spawn(Arc::clone(&slot).keep(Arc::clone(&common), first));
            slots.push(slot);
            firsts.push(has_started);
        }
        tasks.close();
        let shard_by = options.shard_by.clone();
        // Whoever gives up waiting leaves no process behind.
        let guard = stop.clone().drop_guard();
        for first in firsts {
            // It is told always, unless the runtime ends.
            if let Ok(outcome) = first.await {
                outcome?;
            }
        }
        guard.disarm();
        Ok(Arc::new(Self { slots, endpoints, shard_by, stop, tasks }))
    }
}

/// With the last that knows of them, its processes end.
impl Drop for Generation {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
