//! How often limits have been reached.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often each limit of a server was reached since it has started; see
/// [`Running::limits_hit`](crate::Running::limits_hit).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitsHit {
    /// Connections closed at once, as there were as many as there may be:
    /// [`Server::max_connections`](crate::Server::max_connections).
    pub connections: u64,
    /// Connections closed at once, as the process had no descriptor left for one.
    pub descriptors: u64,
    /// Connections closed, or handshakes answered 429:
    /// [`Server::max_connections_per_ip`](crate::Server::max_connections_per_ip).
    pub connections_per_ip: u64,
    /// Handshakes answered 429: [`Server::handshakes_per_ip`](crate::Server::handshakes_per_ip).
    pub handshakes_per_ip: u64,
    /// Handshakes answered 503: [`Options::max_clients`](crate::Options::max_clients).
    pub clients: u64,
    /// Requests answered 431: [`Server::max_head_size`](crate::Server::max_head_size),
    /// [`Server::max_headers`](crate::Server::max_headers).
    pub heads: u64,
    /// Connections that ended with a response, as it was the last that they may have:
    /// [`Server::max_requests`](crate::Server::max_requests).
    pub requests: u64,
}

impl LimitsHit {
    /// Each with the name that it has where it is told.
    pub(crate) fn by_name(self) -> [(&'static str, u64); 7] {
        let Self {
            connections,
            descriptors,
            connections_per_ip,
            handshakes_per_ip,
            clients,
            heads,
            requests,
        } = self;
        [
            ("connections", connections),
            ("descriptors", descriptors),
            ("connections_per_ip", connections_per_ip),
            ("handshakes_per_ip", handshakes_per_ip),
            ("clients", clients),
            ("heads", heads),
            ("requests", requests),
        ]
    }
}

/// The same as it is counted.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    pub(crate) connections: Counter,
    pub(crate) descriptors: Counter,
    pub(crate) connections_per_ip: Counter,
    pub(crate) handshakes_per_ip: Counter,
    pub(crate) clients: Counter,
    pub(crate) heads: Counter,
    pub(crate) requests: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Hits {
    pub(crate) fn snapshot(&self) -> LimitsHit {
        LimitsHit {
            connections: self.connections.get(),
            descriptors: self.descriptors.get(),
            connections_per_ip: self.connections_per_ip.get(),
            handshakes_per_ip: self.handshakes_per_ip.get(),
            clients: self.clients.get(),
            heads: self.heads.get(),
            requests: self.requests.get(),
        }
    }
}
