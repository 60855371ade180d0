//! All hosts, as requests find their way to them.

use std::{collections::HashMap, sync::Arc};

use percent_encoding::percent_decode_str;

use super::{Host, HostService, files::Files};
use crate::{
    address::{Authority, configured_name, normal_path, route},
    error::ServerError,
    runtime::Worker,
    session::Application,
};

pub(crate) struct Hosts {
    /// By their names' normal form.
    by_name: HashMap<String, Arc<HostRoutes>>,
    /// The only host answers for every name.
    only: Option<Arc<HostRoutes>>,
}

/// One host, with its router made and its applications mounted.
pub(super) struct HostRoutes {
    endpoints: matchit::Router<Arc<dyn Application>>,
    pub(super) files: Option<Files>,
    pub(super) host_service: Option<HostService>,
}

/// An endpoint found, and what stands in the path for its parameters.
pub(super) type Found = (Arc<dyn Application>, Vec<(String, String)>);

impl Hosts {
    /// Mounts every host's applications, and answers them in order beside the hosts.
    pub(crate) fn new(
        hosts: Vec<Host>,
        workers: &[Arc<Worker>],
    ) -> Result<(Self, Vec<Arc<dyn Application>>), ServerError> {
        let mut all = Self { by_name: HashMap::new(), only: None };
        let mut applications = Vec::new();
        for host in hosts {
            let name = configured_name(&host.name)
                .map_err(|cause| ServerError::HostName { name: host.name.clone(), cause })?;
            let routes = HostRoutes::new(host, workers, &mut applications)?;
            if all.by_name.insert(name.clone(), Arc::new(routes)).is_some() {
                return Err(ServerError::DuplicateHost { name });
            }
        }
        if all.by_name.is_empty() {
            return Err(ServerError::NoHost);
        }
        if all.by_name.len() == 1 {
            all.only = all.by_name.values().next().cloned();
        }
        Ok((all, applications))
    }

    /// The host that is asked for, if there is one.
    pub(super) fn host(&self, asked: Option<&Authority<'_>>) -> Option<&Arc<HostRoutes>> {
        self.only.as_ref().or_else(|| self.by_name.get(&*asked?.host))
    }
}

impl HostRoutes {
    fn new(
        host: Host,
        workers: &[Arc<Worker>],
        applications: &mut Vec<Arc<dyn Application>>,
    ) -> Result<Self, ServerError> {
        let mut endpoints = matchit::Router::new();
        for (path, mount) in host.mounts {
            let pattern = route(&path).map_err(|cause| ServerError::Path {
                host: host.name.clone(),
                path: path.clone(),
                cause,
            })?;
            let application = mount(&host.name, path.clone(), workers)
                .map_err(|cause| ServerError::Options { path: path.clone(), cause })?;
            endpoints.insert(pattern, Arc::clone(&application)).map_err(|error| {
                ServerError::Route { host: host.name.clone(), path, cause: error.into() }
            })?;
            applications.push(application);
        }
        let files = Files::of(&host.name, host.roots)?;
        if host.host_service.len() > 1 {
            return Err(ServerError::SecondService { host: host.name });
        }
        Ok(Self { endpoints, files, host_service: host.host_service.into_iter().next() })
    }

    /// Whether there may be anything but endpoints.
    pub(super) fn has_pages(&self) -> bool {
        self.files.is_some() || self.host_service.is_some()
    }

    pub(super) fn endpoint(&self, path: &str) -> Option<Found> {
        let path = normal_path(path);
        let found = self.endpoints.at(&path).ok()?;
        let decoded = |value| percent_decode_str(value).decode_utf8_lossy().into_owned();
        let params = found.params.iter().map(|(key, value)| (key.to_owned(), decoded(value)));
        Some((Arc::clone(found.value), params.collect()))
    }
}
