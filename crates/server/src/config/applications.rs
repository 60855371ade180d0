//! What a program has registered under names, for a file to put on paths.
//!
//! An application is made when it is mounted, and not when a [`Server`](crate::Server) is built of a file: a server
//! whose endpoints stay where they are, and as they are, needs none.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Weak},
};

use crate::{
    app::Websocket,
    error::ServerError,
    http_server::{HostService, MountFn, Mounting},
    options::Options,
    session::{Application, Mounted},
    sync::{Mutex, Rank},
};

/// Applications and HTTP services by name. A clone has the same ones.
#[derive(Clone, Default)]
pub(super) struct Applications {
    by_name: BTreeMap<String, Registered>,
    options: BTreeMap<String, Options>,
    services: BTreeMap<String, HostService>,
}

/// One application.
#[derive(Clone)]
struct Registered {
    mount: Arc<dyn Fn() -> MountFn + Send + Sync>,
    /// Of one that is for a single endpoint.
    single: Option<Arc<Single>>,
}

/// The endpoint that has it, if one has.
struct Single(Mutex<Option<Weak<dyn Application>>>);

impl Single {
    fn endpoint(&self) -> Option<Arc<dyn Application>> {
        self.0.lock().as_ref().and_then(Weak::upgrade)
    }

    fn give(&self, endpoint: &Arc<dyn Application>) {
        let before = self.0.lock().replace(Arc::downgrade(endpoint));
        drop(before);
    }
}

impl Applications {
    /// Registers an application for one endpoint.
    pub(super) fn add<S, W>(&mut self, name: String, app: W)
    where
        W: Websocket<S>,
        S: Send + Sync + 'static,
    {
        let app = Arc::new(app);
        let single = Arc::new(Single(Mutex::new(Rank::Leaf, None)));
        let (taken, called) = (Arc::clone(&single), name.clone());
        let mount = move || -> MountFn {
            let (app, taken, name) = (Arc::clone(&app), Arc::clone(&taken), called.clone());
            Box::new(move |place, settings, workers| {
                if taken.endpoint().is_some() {
                    return Err(ServerError::ApplicationTaken { name, path: place.path });
                }
                let endpoint: Arc<dyn Application> = Mounted::new(app, place, settings, workers);
                taken.give(&endpoint);
                Ok(endpoint)
            })
        };
        self.by_name.insert(name, Registered { mount: Arc::new(mount), single: Some(single) });
    }

    /// Registers an application of which each endpoint has its own.
    pub(super) fn add_each<S, W>(
        &mut self,
        name: String,
        make: impl Fn() -> W + Send + Sync + 'static,
    ) where
        W: Websocket<S>,
        S: Send + Sync + 'static,
    {
        let make = Arc::new(make);
        let mount = move || -> MountFn {
            let make = Arc::clone(&make);
            Box::new(move |place, settings, workers| {
                Ok(Mounted::new(make(), place, settings, workers))
            })
        };
        self.by_name.insert(name, Registered { mount: Arc::new(mount), single: None });
    }

    pub(super) fn add_options(&mut self, name: String, options: Options) {
        self.options.insert(name, options);
    }

    pub(super) fn add_service(&mut self, name: String, service: HostService) {
        self.services.insert(name, service);
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.by_name.keys().map(String::as_str).collect()
    }

    pub(super) fn service_names(&self) -> Vec<&str> {
        self.services.keys().map(String::as_str).collect()
    }

    /// What holds for an endpoint of this application unless its section says otherwise.
    pub(super) fn default_options(&self, name: &str) -> Options {
        self.options.get(name).cloned().unwrap_or_default()
    }

    /// The first of which there are options, and nothing else.
    pub(super) fn unregistered(&self) -> Option<&str> {
        self.options.keys().map(String::as_str).find(|name| !self.by_name.contains_key(*name))
    }

    /// Whether it is for a single endpoint, and if it has one already, the host and the path of that.
    pub(super) fn single(&self, name: &str) -> Option<Option<(String, String)>> {
        let single = self.by_name.get(name)?.single.as_ref()?;
        Some(single.endpoint().map(|it| (it.host().to_owned(), it.path().to_owned())))
    }

    /// What mounts it on a path. It is the same application as one of this name that is there already.
    pub(super) fn mounting(&self, name: &str, path: &str, options: Options) -> Option<Mounting> {
        let mount = (self.by_name.get(name)?.mount)();
        Some(Mounting { path: path.to_owned(), name: name.to_owned().into(), options, mount })
    }

    pub(super) fn service(&self, name: &str) -> Option<HostService> {
        self.services.get(name).cloned()
    }
}

impl fmt::Debug for Applications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: BTreeSet<_> = self.names().into_iter().chain(self.service_names()).collect();
        names.fmt(f)
    }
}
