//! Several nodes: what is broadcast on one reaches the clients of all. A *node* is a server with its clients; a *bus*
//! carries what they tell each other.

mod bus;
mod frame;
mod link;
mod local;
mod nodes;
mod wire;

use std::{fmt, sync::Arc, time::Duration};

pub use self::{
    bus::{Bus, BusFuture, BusLosses, BusState, Inbound, PARTITIONS},
    local::LocalBus,
};
pub(crate) use self::{
    frame::{Outgoing, Received},
    link::{Joined, Link, Receiver},
    wire::{Malformed, put_text, text},
};
use crate::{
    error::NotQueued,
    metrics::{ClusterFigures, ReadCluster},
};

/// How long a node is known without a sign of life.
const LEASE: Duration = Duration::from_secs(15);

/// The nodes that a server is one of: what is broadcast on one of them, to everybody, to a [group](crate::Group) or to
/// [some](crate::command::Broadcast::only), reaches the clients of all, of the endpoint with the same host and path.
///
/// The program stays as it is: give the server one, with the bus that the nodes share. Cheap to clone; a clone tells
/// how the cluster is.
///
/// ```
/// use aerys::{Cluster, Endpoint, Host, LocalBus, Server, Websocket};
///
/// # async fn example(make: impl Fn() -> Host) -> Result<(), Box<dyn std::error::Error>> {
/// // Two nodes, here in one program.
/// let bus = LocalBus::new();
/// let server = |cluster| Server::new().listen("127.0.0.1:0").host(make()).cluster(cluster);
/// let one = server(Cluster::new(bus.clone())).start().await?;
/// let other = server(Cluster::new(bus)).start().await?;
///
/// let news: Endpoint = one.endpoint("/news")?;
/// news.broadcast("heard on both").await;
/// news.broadcast("heard on one").local().await;
/// # Ok(())
/// # }
/// ```
///
/// What is promised, and what is not, stands in `docs/cluster.md`.
#[derive(Clone)]
pub struct Cluster(Arc<Link>);

/// How a [`Cluster`] is, as one of its nodes sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterStatus {
    /// Whether the bus is there, and since when.
    pub bus: BusState,
    /// The number of this node, which is in the ids of its clients: 22 random bits, and others when another node
    /// turns out to have the same.
    pub node: u32,
    /// How many nodes there are, this one included: those that have given a sign of life within the
    /// [lease](Cluster::lease).
    pub nodes: usize,
    /// Messages that the bus has taken for other nodes.
    pub forwarded: u64,
    /// Messages that it has not taken.
    pub not_forwarded: u64,
    /// Messages of other nodes for endpoints that are here.
    pub received: u64,
    /// What has come by the bus and made no sense.
    pub malformed: u64,
    /// What the bus has lost, as far as it knows.
    pub losses: BusLosses,
}

impl Cluster {
    /// On this bus.
    pub fn new(bus: impl Bus) -> Self {
        Self(Arc::new(Link::new(Box::new(bus), LEASE)))
    }

    /// How long a node counts as there without a sign of life; at least a second. Each gives one in a third of it. By
    /// each node's own clock, whatever the time of day is. Default 15 s; the same for all nodes.
    ///
    /// # Panics
    ///
    /// If there is another handle to the cluster already.
    pub fn lease(mut self, lease: Duration) -> Self {
        let link = Arc::get_mut(&mut self.0).expect("said before there is another handle");
        link.set_lease(lease.max(Duration::from_secs(1)));
        self
    }

    /// How it is now.
    pub fn status(&self) -> ClusterStatus {
        self.0.status()
    }

    /// Waits until the bus has acknowledged what was published on this node before.
    ///
    /// # Errors
    ///
    /// [`NotQueued::Away`] if it does not, since it went: whether the last of it has reached the others is not known
    /// then.
    pub async fn flush(&self) -> Result<(), NotQueued> {
        self.0.flush().await
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.0
    }

    /// For the metrics.
    pub(crate) fn figures(self) -> ReadCluster {
        Box::new(move || {
            let status = self.status();
            ClusterFigures {
                is_connected: status.bus.is_connected(),
                nodes: status.nodes,
                forwarded: status.forwarded,
                not_forwarded: status.not_forwarded,
                received: status.received,
                malformed: status.malformed,
                unread: status.losses.unread,
                unsent: status.losses.unsent,
            }
        })
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cluster").field(&self.status()).finish()
    }
}
