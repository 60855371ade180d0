//! All hosts, as requests find their way to them.

use std::{collections::HashMap, fs, sync::Arc};

use http::{Request, Version, header, uri::Authority};
use percent_encoding::percent_decode_str;

use super::{Pages, files::Files};
use crate::{Host, ServerError, mount::Application, worker::Worker};

pub(crate) struct Site {
    hosts: HashMap<String, Arc<Grounds>>,
    /// The only host answers for every name.
    only: Option<Arc<Grounds>>,
}

/// One host, with its router made and its applications mounted.
pub(super) struct Grounds {
    endpoints: matchit::Router<Arc<dyn Application>>,
    pub(super) files: Option<Files>,
    pub(super) pages: Option<Pages>,
}

/// An endpoint found, and what stands in the path for its parameters.
pub(super) type Found = (Arc<dyn Application>, Vec<(String, String)>);

/// RFC 9112 §3.2: the request has no `Host` header, several, or a broken one.
pub(super) struct BadHost;

impl Site {
    /// Mounts every host's applications, and answers them in order beside the site.
    pub(crate) fn new(
        hosts: Vec<Host>,
        workers: &[Arc<Worker>],
    ) -> Result<(Self, Vec<Arc<dyn Application>>), ServerError> {
        let mut site = Self { hosts: HashMap::new(), only: None };
        let mut applications = Vec::new();
        for host in hosts {
            let name = normal(&host.name);
            let grounds = Grounds::new(host, workers, &mut applications)?;
            if site.hosts.insert(name.clone(), Arc::new(grounds)).is_some() {
                return Err(ServerError::DuplicateHost { name });
            }
        }
        if site.hosts.is_empty() {
            return Err(ServerError::NoHost);
        }
        if site.hosts.len() == 1 {
            site.only = site.hosts.values().next().cloned();
        }
        Ok((site, applications))
    }

    pub(super) fn host<B>(&self, request: &Request<B>) -> Result<Option<&Arc<Grounds>>, BadHost> {
        let named = named_host(request)?;
        if self.only.is_some() {
            return Ok(self.only.as_ref());
        }
        // RFC 9112 §3.2.2: an absolute request target outranks the header.
        let host = request.uri().authority().or(named.as_ref());
        Ok(host.and_then(|it| self.hosts.get(&it.host().to_ascii_lowercase())))
    }
}

impl Grounds {
    fn new(
        host: Host,
        workers: &[Arc<Worker>],
        applications: &mut Vec<Arc<dyn Application>>,
    ) -> Result<Self, ServerError> {
        let mut endpoints = matchit::Router::new();
        for (path, mount) in host.mounts {
            let application = mount(path.clone(), workers)
                .map_err(|source| ServerError::Options { path: path.clone(), source })?;
            endpoints
                .insert(&path, Arc::clone(&application))
                .map_err(|source| ServerError::Route { host: host.name.clone(), path, source })?;
            applications.push(application);
        }
        if let Some(path) = &host.root {
            let refused = |source| ServerError::Root { path: path.clone(), source };
            fs::read_dir(path).map_err(refused)?;
        }
        let files = host.root.as_deref().map(Files::new);
        Ok(Self { endpoints, files, pages: host.pages })
    }

    pub(super) fn endpoint(&self, path: &str) -> Option<Found> {
        let found = self.endpoints.at(path).ok()?;
        let decoded = |value| percent_decode_str(value).decode_utf8_lossy().into_owned();
        let params = found.params.iter().map(|(key, value)| (key.to_owned(), decoded(value)));
        Some((Arc::clone(found.value), params.collect()))
    }
}

/// What the `Host` header says. RFC 9112 §3.2: a request has exactly one, unless it is older than
/// HTTP/1.1, when it may have none.
fn named_host<B>(request: &Request<B>) -> Result<Option<Authority>, BadHost> {
    let mut values = request.headers().get_all(header::HOST).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value,
        (None, _) if request.version() < Version::HTTP_11 => return Ok(None),
        _ => return Err(BadHost),
    };
    let authority = value.to_str().ok().and_then(|value| value.parse::<Authority>().ok());
    // RFC 9110 §7.2: a name and a port, but no user.
    authority.filter(|it| !it.as_str().contains('@')).map(Some).ok_or(BadHost)
}

/// A configured name as requests' names are compared with it.
fn normal(name: &str) -> String {
    name.parse::<Authority>()
        .map_or_else(|_| name.to_owned(), |it| it.host().to_owned())
        .to_ascii_lowercase()
}
