//! Some clients of an endpoint, under a name.

use std::{fmt, sync::Arc};

use aerys_proto::Message;

use super::{Broadcast, Client, Endpoint};
use crate::{connection::ClientId, presence::Present, roster::Choice};

/// Some clients of an [`Endpoint`], under a name: a room, a topic, a user who has several tabs open. Cheap to clone;
/// usable from any task or thread.
///
/// A client gets in by [`Client::join`] and out by [`Client::leave`], or by going. A group is there while it has
/// members; one that has none owns nothing, and a handle to it is as good as to any other.
///
/// What is broadcast to it costs as much as it has members, however many clients the endpoint has.
///
/// ```
/// use aerys::{Accepted, Client, Failure, Handshake, Message, Refusal, Websocket};
///
/// struct Rooms;
///
/// impl Websocket<String> for Rooms {
///     async fn on_open(&self, handshake: Handshake<String>) -> Result<Accepted<String>, Refusal> {
///         let room = handshake.param("room").unwrap_or("lobby").to_owned();
///         let client = handshake.accept_with(room.clone());
///         client.join(&room)?;
///         Ok(client)
///     }
///
///     async fn on_data(&self, client: &Client<String>, message: Message) -> Result<(), Failure> {
///         let room = client.endpoint().group(client.state());
///         room.broadcast(message).except([client.id()]).nowait();
///         Ok(())
///     }
/// }
/// ```
pub struct Group<S = ()> {
    endpoint: Endpoint<S>,
    name: Arc<str>,
}

impl<S> Group<S> {
    pub(super) fn new(endpoint: Endpoint<S>, name: Arc<str>) -> Self {
        Self { endpoint, name }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The endpoint that its members are clients of.
    pub fn endpoint(&self) -> &Endpoint<S> {
        &self.endpoint
    }

    /// Sends a message to every member of this moment, or to those of them chosen with
    /// [`only`](Broadcast::only) and [`except`](Broadcast::except).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn broadcast(&self, message: impl Into<Message>) -> Broadcast<'_, S> {
        Broadcast::new(&self.endpoint, Choice::of(Arc::clone(&self.name)), message.into())
    }

    /// All its members of this moment, in no particular order.
    pub fn clients(&self) -> Vec<Client<S>> {
        self.endpoint.roster().group_clients(&self.name)
    }

    /// Whether this client is a member.
    pub fn contains(&self, id: ClientId) -> bool {
        self.endpoint.roster().is_in_group(id, &self.name)
    }

    /// How many members it has.
    pub fn len(&self) -> usize {
        self.endpoint.roster().group_len(&self.name)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<S: Send + Sync + 'static> Group<S> {
    /// Who is present in it now, on every node of a [`Cluster`](crate::Cluster), in the order in which they came: those of
    /// its members that [show](Client::show) something. It costs as much as they are.
    ///
    /// Of other nodes this is what they have told by now; `docs/cluster.md` says what that is worth.
    pub fn presence(&self) -> Vec<Present> {
        self.endpoint.roster().present(&self.name)
    }

    /// How many are present in it, on every node.
    pub fn presence_len(&self) -> usize {
        self.endpoint.roster().present_count(&self.name)
    }

    /// Sends a client who is present, in words of `tell`'s, and in its place among what
    /// [`on_presence`](crate::Websocket::on_presence) says: a list and the changes to it come in such an order that whoever
    /// applies each as it comes has the list right. A change that is in the list already may come as well.
    ///
    /// It does not wait. `tell` may be called more than once if very much changes meanwhile.
    ///
    /// ```
    /// # use aerys::{Client, JoinError};
    /// # fn example(client: &Client) -> Result<(), JoinError> {
    /// client.join("tea")?;
    /// let tea = client.endpoint().group("tea");
    /// tea.send_presence(client, |present| {
    ///     let names: Vec<_> = present.iter().filter_map(|it| it.shown.as_text()).collect();
    ///     names.join(", ").into()
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_presence(&self, client: &Client<S>, tell: impl Fn(&[Present]) -> Message) {
        self.endpoint.roster().send_present(client.id(), &self.name, tell);
    }
}

impl<S> Clone for Group<S> {
    fn clone(&self) -> Self {
        Self { endpoint: self.endpoint.clone(), name: Arc::clone(&self.name) }
    }
}

impl<S> fmt::Debug for Group<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("name", &self.name)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
