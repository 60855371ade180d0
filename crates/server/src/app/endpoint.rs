//! The clients of one mounted application.

use std::{fmt, sync::Arc};

use aerys_proto::Message;

use super::{Broadcast, Client, Group};
use crate::{
    connection::ClientId,
    log::{Call, HandlerSpan},
    roster::{Choice, Roster},
    runtime::Handler,
};

/// The clients of one application on one path. Cheap to clone; usable from any task or thread.
///
/// An application reaches it from every client, from [`Departure`](crate::Departure), and in
/// [`on_start`](crate::Websocket::on_start), where a clone can be kept to publish from outside.
pub struct Endpoint<S = ()>(Arc<Roster<Client<S>>>);

impl<S> Endpoint<S> {
    pub(crate) fn new(roster: Roster<Client<S>>) -> Self {
        Self(Arc::new(roster))
    }

    /// The host that it is on, as it was given to [`Host::new`](crate::Host::new); `*` if it is on
    /// [any](crate::Host::any).
    pub fn host(&self) -> &str {
        self.0.host()
    }

    /// The path that the application is mounted on, as it was given: with parameters, `/rooms/{room}`.
    ///
    /// An application of which there are several may learn so in [`on_start`](crate::Websocket::on_start) which one it
    /// is.
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// Sends a message to every client, or to those chosen with
    /// [`only`](Broadcast::only) and [`except`](Broadcast::except).
    ///
    /// ```
    /// # use aerys::Client;
    /// # async fn example(client: &Client) {
    /// let everyone = client.endpoint();
    /// let tally = everyone.broadcast("hello").except([client.id()]).await;
    /// println!("{} heard it, {} left before they did", tally.delivered, tally.gone);
    /// # }
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn broadcast(&self, message: impl Into<Message>) -> Broadcast<'_, S> {
        Broadcast::new(self, Choice::default(), message.into())
    }

    /// The client with this id, if it is here.
    pub fn client(&self, id: ClientId) -> Option<Client<S>> {
        self.0.client(id)
    }

    /// All clients that are here now, in no particular order.
    pub fn clients(&self) -> Vec<Client<S>> {
        self.0.clients()
    }

    /// How many clients are here now.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The group of this name, whether it has members or not; see [`Group`].
    pub fn group(&self, name: impl AsRef<str>) -> Group<S> {
        Group::new(self.clone(), Arc::from(name.as_ref()))
    }

    /// All groups that have members now, in no particular order.
    pub fn groups(&self) -> Vec<Group<S>> {
        let names = self.0.groups().into_iter();
        names.map(|name| Group::new(self.clone(), name)).collect()
    }

    /// The groups in which somebody is [present](Group::presence), on any node, with how many are; in no particular order.
    pub fn presence_counts(&self) -> Vec<(Group<S>, usize)> {
        let counts = self.0.present_counts().into_iter();
        counts.map(|(name, count)| (Group::new(self.clone(), name), count)).collect()
    }

    /// The span of a call of a handler that is about no client.
    pub(crate) fn span(&self, handler: Handler) -> HandlerSpan {
        let (path, handler) = (self.0.path(), handler.name());
        HandlerSpan::new(|| Call { path, handler, client: None, address: None })
    }

    pub(crate) fn roster(&self) -> &Arc<Roster<Client<S>>> {
        &self.0
    }
}

impl<S> Clone for Endpoint<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Endpoint<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("len", &self.len()).finish_non_exhaustive()
    }
}
