//! The seam to what carries frames between nodes.

use std::{fmt, future::Future, pin::Pin, sync::Weak, time::Instant};

use bytes::Bytes;

use super::link::Link;
use crate::error::NotQueued;

/// Into how many parts a bus may divide what is published. What is for the same clients is in the same part.
pub const PARTITIONS: u16 = 64;

/// What a [`Bus`] does that takes time.
pub type BusFuture<'b, T> = Pin<Box<dyn Future<Output = T> + Send + 'b>>;

/// Carries frames between the nodes of a [`Cluster`](crate::Cluster). At most once each, and in the order in which a
/// node has published them in a partition; nothing is asked of it between two nodes, or two partitions.
///
/// [`LocalBus`](crate::LocalBus) is one within a program.
pub trait Bus: Send + Sync + 'static {
    /// Begins: what other nodes publish from now on is given to `inbound`. This node's own may be, too. Said once, in a
    /// tokio runtime that lives until it [stops](Self::stop), and where a bus may have tasks. It does not wait for
    /// the bus to be there.
    fn start(&self, inbound: Inbound);

    /// Hands a frame on to all other nodes that are there, without waiting.
    ///
    /// # Errors
    ///
    /// If a bus that is connected has not taken it. It is not to be sent later then.
    fn publish(&self, partition: u16, frame: Bytes) -> Result<(), NotQueued>;

    /// Waits until it is known to have everything that was published before.
    fn flush(&self) -> BusFuture<'_, Result<(), NotQueued>>;

    /// Whether it is there.
    fn state(&self) -> BusState;

    /// What it has lost so far. Default nothing.
    fn losses(&self) -> BusLosses {
        BusLosses::default()
    }

    /// Ends: nothing comes any more, and nothing is published. What was published before may still be on its way.
    fn stop(&self);
}

/// What a program has chosen while it runs.
impl Bus for Box<dyn Bus> {
    fn start(&self, inbound: Inbound) {
        (**self).start(inbound);
    }

    fn publish(&self, partition: u16, frame: Bytes) -> Result<(), NotQueued> {
        (**self).publish(partition, frame)
    }

    fn flush(&self) -> BusFuture<'_, Result<(), NotQueued>> {
        (**self).flush()
    }

    fn state(&self) -> BusState {
        (**self).state()
    }

    fn losses(&self) -> BusLosses {
        (**self).losses()
    }

    fn stop(&self) {
        (**self).stop();
    }
}

/// What a [`Bus`] has lost since it was made, as far as it knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BusLosses {
    /// Frames of other nodes that it has dropped, since this node did not take them in as fast as they came, or since
    /// they came later than what their node has said after them.
    pub unread: u64,
    /// Frames of this node that it had taken, and that were lost with its connection.
    pub unsent: u64,
}

/// Whether a [`Bus`] is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BusState {
    /// It is.
    Connected {
        /// For how long.
        since: Instant,
    },
    /// It is not. It is looked for.
    Away {
        /// For how long.
        since: Instant,
        /// Why, in words for whoever looks after it.
        reason: String,
    },
}

impl BusState {
    /// Whether it is there.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected { .. })
    }
}

/// Where a [`Bus`] gives a node what has come for it. Cheap to clone.
#[derive(Clone)]
pub struct Inbound(Weak<Link>);

impl Inbound {
    pub(super) fn new(link: Weak<Link>) -> Self {
        Self(link)
    }

    /// Takes in a frame, on whatever thread: the clients whom it is for are told soon. Answers whether there is
    /// anybody left to take in another.
    ///
    /// It takes as long as a broadcast does; if the workers do not keep up, it does their work.
    pub fn receive(&self, frame: Bytes) -> bool {
        let link = self.0.upgrade().filter(|link| link.is_open());
        link.inspect(|link| link.receive(frame)).is_some()
    }

    /// Whether there is still a node.
    pub(super) fn is_open(&self) -> bool {
        self.0.upgrade().is_some_and(|link| link.is_open())
    }

    /// The bus is there, for the first time or again: the other nodes are told of this one.
    pub fn connected(&self) {
        if let Some(link) = self.0.upgrade() {
            link.announce();
        }
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound").finish_non_exhaustive()
    }
}
