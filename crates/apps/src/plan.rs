//! What a configuration file says of processes: those that are there, and those that are to be.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc},
};

use aerys::{Metric, ProgramSettings};

use crate::{
    endpoint::Application,
    error::StartError,
    figures,
    options::{OptionsError, ProcessOptions},
    pool::{Pool, Wanted},
    protocol::EndpointPlace,
};

/// What the key of processes begins with that endpoints share. No host does.
const SHARED_MARK: char = '=';

/// The processes of a server that a file describes, through its reloads.
///
/// ```no_run
/// use aerys::{Config, ConfigError};
/// use aerys_apps::Programs;
///
/// fn main() -> Result<(), ConfigError> {
///     let plan = Programs::new().plan();
///     Config::load("aerys.toml")?.programs(move |settings| plan.make(settings)).serve()
/// }
/// ```
#[derive(Clone, Default)]
pub struct Programs(Arc<Mutex<HashMap<String, Weak<Pool>>>>);

/// What one reading of the file says.
#[derive(Clone)]
pub struct Plan {
    programs: Programs,
    wanted: Arc<Mutex<BTreeMap<String, Entry>>>,
}

struct Entry {
    pool: Arc<Pool>,
    wanted: Wanted,
}

/// Why an application cannot be had as a file says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// It could never be started.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// Two endpoints share processes and do not agree on them.
    #[error("the endpoints that share {0:?} do not say the same of their processes")]
    Different(String),
    /// Two endpoints share processes, which cannot tell them apart.
    #[error(
        "{shared:?} has an endpoint {number} already, and that is {path:?}: write another number as its \"endpoint\""
    )]
    Taken {
        /// What they share.
        shared: String,
        /// The number of both.
        number: u16,
        /// Where the first of them is.
        path: String,
    },
}

impl Programs {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is to be filled by a reading of the file.
    pub fn plan(&self) -> Plan {
        Plan { programs: self.clone(), wanted: Arc::default() }
    }

    /// How the processes are, as metrics for [`aerys::Config::metric`]: `aerys_process_ready`, `aerys_process_clients`,
    /// `aerys_process_lag_seconds`, `aerys_process_queued_bytes` and `aerys_process_restarts_total`, each with the labels
    /// `application`, which is the endpoint's host and path or what endpoints share, and `process`.
    pub fn metrics(&self) -> Vec<Metric> {
        let programs = self.clone();
        figures::read_by(move || {
            let pools = programs.0.lock().unwrap_or_else(PoisonError::into_inner);
            let running =
                |(key, pool): (&String, &Weak<Pool>)| Some((key.clone(), pool.upgrade()?));
            let mut running: Vec<_> = pools.iter().filter_map(running).collect();
            drop(pools);
            running.sort_by(|(one, _), (other, _)| one.cmp(other));
            let told = |(key, pool): &(String, Arc<Pool>)| {
                (key.trim_start_matches(SHARED_MARK).to_owned(), pool.figures())
            };
            running.iter().map(told).collect()
        })
    }

    /// The pool that is there by this name, or one that starts nothing yet.
    fn pool(&self, key: &str, wanted: &Wanted) -> Arc<Pool> {
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(key).and_then(Weak::upgrade) {
            return pool;
        }
        pools.retain(|_, pool| pool.strong_count() > 0);
        let pool = Pool::new(wanted.clone());
        pools.insert(key.to_owned(), Arc::downgrade(&pool));
        pool
    }
}

impl Plan {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an application for an endpoint, for [`aerys::Config::programs`]. Nothing is started before the server is.
    ///
    /// # Errors
    ///
    /// [`PlanError`].
    pub fn make(&self, settings: &ProgramSettings) -> Result<Application, PlanError> {
        let options = options(settings);
        options.check()?;
        if settings.lines {
            return Ok(Application::lines(options));
        }
        let ProgramSettings { host, path, shared, endpoint: number, .. } = settings;
        let place = EndpointPlace { endpoint: *number, host: host.clone(), path: path.clone() };
        // No name that a person gives is a place.
        let key = shared
            .clone()
            .map_or_else(|| format!("{host}{path}"), |name| format!("{SHARED_MARK}{name}"));
        let wanted = Wanted { options: Arc::new(options), places: Vec::new() };
        let mut entries = self.lock();
        let entry = entries.entry(key).or_insert_with_key(|key| Entry {
            pool: self.programs.pool(key, &wanted),
            wanted: wanted.clone(),
        });
        let shared = || shared.clone().unwrap_or_default();
        if entry.wanted.options != wanted.options {
            return Err(PlanError::Different(shared()));
        }
        match entry.wanted.places.iter().find(|it| it.endpoint == *number) {
            Some(there) if *there != place => {
                let path = there.path.clone();
                return Err(PlanError::Taken { shared: shared(), number: *number, path });
            }
            Some(_) => {}
            None => entry.wanted.places.push(place),
        }
        entry.pool.want(entry.wanted.clone());
        Ok(Application::of_pool(Arc::clone(&entry.pool), *number))
    }

    /// Has new processes started in the place of those that run, as the plan says, and waits until they are ready: newcomers
    /// go there then, and the others stay for as long as they may. It blocks the thread, which must be none of the server's
    /// workers.
    ///
    /// # Errors
    ///
    /// [`StartError`] of the first that does not get ready, whose predecessors go on.
    pub fn apply(&self) -> Result<(), StartError> {
        let running: Vec<_> = {
            let entries = self.lock();
            let running = |entry: &Entry| {
                let runtime = entry.pool.runtime()?;
                Some((Arc::clone(&entry.pool), entry.wanted.clone(), runtime))
            };
            entries.values().filter_map(running).collect()
        };
        for (pool, wanted, runtime) in running {
            let (done, is_done) = mpsc::channel();
            runtime.spawn(async move {
                let _ = done.send(pool.replace(wanted).await);
            });
            // A server that ends meanwhile tells nothing.
            is_done.recv().unwrap_or(Ok(()))?;
        }
        Ok(())
    }
}

fn options(settings: &ProgramSettings) -> ProcessOptions {
    let mut options = ProcessOptions::new(&settings.command)
        .processes(settings.processes)
        .folder(&settings.folder)
        .start_period(settings.start_period)
        .heartbeat_period(settings.heartbeat_period)
        .stuck_period(settings.stuck_period)
        .stop_period(settings.stop_period)
        .drain_period(settings.drain_period)
        .max_frame(settings.max_frame)
        .max_queued_bytes(settings.max_queued_bytes);
    for (name, value) in &settings.environment {
        options = options.variable(name, value);
    }
    if let Some(param) = &settings.shard_by {
        options = options.shard_by(param);
    }
    if let Some(user) = settings.user {
        options = options.user(user);
    }
    if let Some(group) = settings.group {
        options = options.group(group);
    }
    options
}
