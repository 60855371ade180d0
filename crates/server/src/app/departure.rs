//! A client that has gone: all there is left to know about it.

use std::{fmt, sync::Arc};

use aerys_proto::{Close, CloseCode};

use super::{Client, Endpoint, Group};
use crate::{
    connection::{ClientId, Stats},
    transport::PeerAddr,
};

/// A client that has gone, as [`on_close`](crate::Websocket::on_close) gets to see it.
///
/// There is nobody to send to any more, so it has no `send`; its endpoint is still there to tell
/// the others.
pub struct Departure<S = ()> {
    client: Client<S>,
    close: Close,
    groups: Vec<Arc<str>>,
}

impl<S> Departure<S> {
    pub(crate) fn new(client: Client<S>, close: Close, groups: Vec<Arc<str>>) -> Self {
        Self { client, close, groups }
    }

    /// The id the client had.
    pub fn id(&self) -> ClientId {
        self.client.id()
    }

    /// What the application kept for it.
    pub fn state(&self) -> &S {
        self.client.state()
    }

    /// The endpoint it was a client of, and is no more.
    pub fn endpoint(&self) -> &Endpoint<S> {
        self.client.endpoint()
    }

    /// The [groups](Group) it was a member of, and is no more, in the order in which it had joined.
    ///
    /// ```
    /// # use aerys::Departure;
    /// # fn example(gone: &Departure) {
    /// for room in gone.groups() {
    ///     room.broadcast(format!("{} has left {}", gone.id(), room.name())).nowait();
    /// }
    /// # }
    /// ```
    pub fn groups(&self) -> impl ExactSizeIterator<Item = Group<S>> {
        let names = self.groups.iter().cloned();
        names.map(|name| Group::new(self.endpoint().clone(), name))
    }

    /// The address its connection came from.
    pub fn peer_addr(&self) -> PeerAddr {
        self.client.peer_addr()
    }

    /// The last that is known of its connection: what passed, when, and what it was still owed.
    ///
    /// ```
    /// # use aerys::Departure;
    /// # fn example(gone: &Departure) {
    /// let stats = gone.inspect();
    /// println!("{} was here for {:?}", gone.peer_addr(), stats.connected.elapsed());
    /// # }
    /// ```
    pub fn inspect(&self) -> Stats {
        self.client.inspect()
    }

    /// Why it went: the code of whoever closed, [`CloseCode::NO_STATUS`] if the client gave none,
    /// [`CloseCode::ABNORMAL`] if it vanished without a word (RFC 6455 §7.1.5).
    pub fn code(&self) -> CloseCode {
        self.close.code
    }

    /// The words that came with the code; often empty.
    pub fn reason(&self) -> &str {
        self.close.reason.as_ref()
    }
}

impl<S> fmt::Debug for Departure<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Departure")
            .field("id", &self.id())
            .field("code", &self.code())
            .field("reason", &self.reason())
            .finish()
    }
}
