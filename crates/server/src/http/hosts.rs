//! All hosts, as requests find their way to them.

use std::{collections::HashMap, net::Ipv4Addr, sync::Arc};

use percent_encoding::percent_decode_str;

use super::{
    Host, HostService, Mounter, file_headers::file_headers, files::Files, redirects::Redirects,
};
use crate::{
    address::{Authority, configured_name, normal_path, route},
    error::ServerError,
    session::Application,
};

pub(crate) struct Hosts {
    /// By their names' normal form.
    by_name: HashMap<String, Arc<HostRoutes>>,
    /// The only host, if there is only one.
    only: Option<Arc<HostRoutes>>,
    /// The one for names that are nobody's.
    any: Option<Arc<HostRoutes>>,
}

/// One host, with its router made and its applications mounted.
pub(super) struct HostRoutes {
    endpoints: matchit::Router<Arc<dyn Application>>,
    pub(super) files: Option<Files>,
    pub(super) host_service: Option<HostService>,
    pub(super) redirects: Redirects,
}

/// An endpoint found, and what stands in the path for its parameters.
pub(super) type Found = (Arc<dyn Application>, Vec<(String, String)>);

impl Hosts {
    /// Mounts every host's applications.
    pub(crate) fn new(hosts: Vec<Host>, mounter: &mut Mounter<'_>) -> Result<Self, ServerError> {
        let mut all = Self { by_name: HashMap::new(), only: None, any: None };
        let is_only = hosts.len() == 1;
        if hosts.is_empty() {
            return Err(ServerError::NoHost);
        }
        for host in hosts {
            let names = names(&host)?;
            let (is_any, name) = (host.is_any, host.name.clone());
            let routes = Arc::new(HostRoutes::new(host, mounter)?);
            if is_any && all.any.replace(Arc::clone(&routes)).is_some() {
                return Err(ServerError::DuplicateHost { name });
            }
            for name in names {
                if all.by_name.insert(name.clone(), Arc::clone(&routes)).is_some() {
                    return Err(ServerError::DuplicateHost { name });
                }
            }
            all.only = is_only.then_some(routes);
        }
        Ok(all)
    }

    /// The host that is asked for, if there is one. The only one has no other beside it for which a name could
    /// be meant that is nobody's own.
    pub(super) fn host(&self, asked: Option<&Authority<'_>>) -> Option<&Arc<HostRoutes>> {
        let Some(asked) = asked else { return self.only.as_ref().or(self.any.as_ref()) };
        let only = || self.only.as_ref().filter(|_| is_nobodys(&asked.host));
        self.by_name.get(&*asked.host).or_else(only).or(self.any.as_ref())
    }
}

/// The names of a host in their normal form.
fn names(host: &Host) -> Result<Vec<String>, ServerError> {
    let first = (!host.is_any).then_some(&host.name);
    let names = first.into_iter().chain(&host.aliases).map(|name| {
        configured_name(name).map_err(|cause| ServerError::HostName { name: name.clone(), cause })
    });
    names.collect()
}

/// Whether a host in its normal form is none that somebody could point at another's machine: an IP address, or
/// `localhost` (RFC 6761 §6.3).
fn is_nobodys(host: &str) -> bool {
    host == "localhost" || host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

impl HostRoutes {
    fn new(host: Host, mounter: &mut Mounter<'_>) -> Result<Self, ServerError> {
        let mut endpoints = matchit::Router::new();
        for mounting in host.mounts {
            let path = mounting.path.clone();
            let pattern = route(&path).map_err(|cause| ServerError::Path {
                host: host.name.clone(),
                path: path.clone(),
                cause,
            })?;
            let application = mounter.mount(&host.name, mounting)?;
            endpoints.insert(pattern, application).map_err(|error| ServerError::Route {
                host: host.name.clone(),
                path,
                cause: error.into(),
            })?;
        }
        let headers = file_headers(&host.name, host.file_headers)?;
        let files = Files::of(&host.name, host.roots, headers)?;
        let redirects = Redirects::new(&host.name, host.redirects)?;
        if host.host_service.len() > 1 {
            return Err(ServerError::SecondService { host: host.name });
        }
        let host_service = host.host_service.into_iter().next();
        Ok(Self { endpoints, files, host_service, redirects })
    }

    /// Whether there may be anything but endpoints.
    pub(super) fn has_pages(&self) -> bool {
        self.files.is_some() || self.host_service.is_some() || !self.redirects.is_empty()
    }

    pub(super) fn endpoint(&self, path: &str) -> Option<Found> {
        let path = normal_path(path);
        let found = self.endpoints.at(&path).ok()?;
        let decoded = |value| percent_decode_str(value).decode_utf8_lossy().into_owned();
        let params = found.params.iter().map(|(key, value)| (key.to_owned(), decoded(value)));
        Some((Arc::clone(found.value), params.collect()))
    }
}
