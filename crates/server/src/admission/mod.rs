//! Who may still come: limits on connections, handshakes and clients, and how often each was reached.

mod addresses;
mod buckets;
mod hits;
mod key;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;

pub(crate) use self::addresses::AddressPlace;
pub(crate) use self::hits::Hits;
pub use self::hits::LimitsHit;
use self::{addresses::Addresses, buckets::Buckets, key::Key};
use crate::log;

/// What a server lets in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AdmissionLimits {
    /// `None` for as many as there may be open files.
    pub(crate) max_connections: Option<usize>,
    pub(crate) max_connections_per_ip: Option<usize>,
    pub(crate) handshakes_per_ip: Option<Rate>,
}

/// So many at once, and so many more each second; at least one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) per_second: u32,
    pub(crate) burst: u32,
}

/// Those limits, and what is taken of each.
pub(crate) struct Admission {
    max_connections: AtomicUsize,
    connections: ArcSwapOption<Addresses>,
    handshakes: ArcSwapOption<Buckets>,
    pub(crate) hits: Arc<Hits>,
}

/// What a client takes of limits, until its session is over.
#[derive(Default)]
pub(crate) struct Places {
    pub(crate) address: Option<Arc<AddressPlace>>,
    pub(crate) endpoint: Option<EndpointPlace>,
}

/// One of the clients that an endpoint may have. It is given back when dropped.
pub(crate) struct EndpointPlace(Arc<AtomicUsize>);

/// A limit has been reached, and since others go, it is for later.
pub(crate) struct Full;

impl Admission {
    /// More connections than the system allows are not to be had.
    pub(crate) fn new(limits: AdmissionLimits) -> Self {
        let admission = Self {
            max_connections: AtomicUsize::new(0),
            connections: ArcSwapOption::empty(),
            handshakes: ArcSwapOption::empty(),
            hits: Arc::default(),
        };
        admission.change(limits);
        admission
    }

    /// Goes by these from now on. Who is there stays, and counts if such were counted before.
    pub(crate) fn change(&self, limits: AdmissionLimits) {
        self.max_connections.store(max_connections(limits.max_connections), Ordering::Relaxed);
        match (&*self.connections.load(), limits.max_connections_per_ip) {
            (Some(addresses), Some(max)) => addresses.change(max),
            (_, max) => self.connections.store(max.map(Addresses::new).map(Arc::new)),
        }
        match (&*self.handshakes.load(), limits.handshakes_per_ip) {
            (Some(buckets), Some(rate)) if buckets.rate() == rate => {}
            (_, rate) => self.handshakes.store(rate.map(Buckets::new).map(Arc::new)),
        }
    }

    /// Whether there may be one more than so many connections.
    pub(crate) fn has_room(&self, connections: usize) -> bool {
        let has_room = connections < self.max_connections.load(Ordering::Relaxed);
        if !has_room {
            self.hits.connections.count();
        }
        has_room
    }

    /// Counts a connection of an address; nothing if that is not counted.
    pub(crate) fn connection(&self, ip: IpAddr) -> Result<Option<Arc<AddressPlace>>, Full> {
        let connections = self.connections.load();
        let Some(connections) = &*connections else { return Ok(None) };
        let place = connections.take(Key::of(ip)).map(Arc::new);
        if place.is_none() {
            self.hits.connections_per_ip.count();
        }
        place.map(Some).ok_or(Full)
    }

    /// Counts a handshake of an address.
    ///
    /// # Errors
    ///
    /// After how long the next one may come.
    pub(crate) fn handshake(&self, ip: IpAddr) -> Result<(), Duration> {
        let handshakes = self.handshakes.load();
        let Some(handshakes) = &*handshakes else { return Ok(()) };
        let taken = handshakes.take(Key::of(ip));
        if taken.is_err() {
            self.hits.handshakes_per_ip.count();
        }
        taken
    }
}

impl Places {
    /// In a box, of which there is none where nothing is counted.
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        (self.address.is_some() || self.endpoint.is_some()).then(|| Box::new(self))
    }
}

impl EndpointPlace {
    /// One of `max`, of which so many are taken.
    pub(crate) fn take(taken: &Arc<AtomicUsize>, max: usize) -> Option<Self> {
        let one_more = |taken| (taken < max).then_some(taken + 1);
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Self(Arc::clone(taken)))
    }
}

impl Drop for EndpointPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many connections there are to be, if so many are asked for. More than the system allows are not to be had.
fn max_connections(asked: Option<usize>) -> usize {
    let possible = possible_connections();
    let asked = asked.unwrap_or_else(usual_connections);
    if asked > possible {
        log::event!(
            WARN, { asked, possible },
            "Server::max_connections is more than the limit of open files allows: raise that (ulimit -n)"
        );
    }
    asked.min(possible)
}

/// How many connections there may be, for all that the system allows: the limit of open files, less 64, or half if
/// there are as few, for what the server opens itself.
fn possible_connections() -> usize {
    open_files().map_or(usize::MAX, |files| files - 64.min(files / 2))
}

/// And if nothing was said: an eighth is left to whatever else the program opens.
fn usual_connections() -> usize {
    open_files().map_or(usize::MAX, |files| possible_connections().min(files - files / 8))
}

#[cfg(unix)]
fn open_files() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};
    usize::try_from(getrlimit(Resource::Nofile).current?).ok()
}

#[cfg(not(unix))]
fn open_files() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_so_many_places_and_gets_them_back() {
        let taken = Arc::default();
        let take = || EndpointPlace::take(&taken, 2);
        let [one, two] = [take(), take()].map(Option::unwrap);
        assert!(take().is_none());
        drop(one);
        let three = take();
        assert!(three.is_some() && take().is_none());
        drop((two, three));
        assert_eq!(taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn some_open_files_are_left_to_the_program() {
        if let Some(files) = open_files() {
            let (usual, possible) = (usual_connections(), possible_connections());
            assert!(usual >= files / 2 && usual <= possible, "{usual} of {files}");
            assert!(possible < files, "{possible} of {files}");
        }
    }
}
