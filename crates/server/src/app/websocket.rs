//! The trait an application implements: three methods, two more around the server's life, and one about presence.

use std::{
    future::{Future, ready},
    sync::Arc,
};

use aerys_proto::Message;

use super::{Accepted, Client, Departure, Endpoint, Group, Handshake};
use crate::{
    error::{Failure, Refusal},
    presence::PresenceChange,
};

/// A websocket application. `S` is what it keeps for each client, `()` if nothing.
///
/// One value serves every client of the endpoint it is mounted on, from several threads at once;
/// what the methods change they keep in atomics or behind locks. One that the program goes on to use
/// elsewhere is mounted in an [`Arc`].
///
/// For one client, `on_open` returns before its first `on_data` starts, and its `on_data` calls run
/// one at a time, in the order in which the messages came. A handler is never dropped half-way: if
/// the client goes meanwhile, the next thing sent to it answers [`ClientGone`](crate::ClientGone).
///
/// ```
/// use aerys::{Accepted, Client, Failure, Handshake, Message, Refusal, Websocket};
///
/// struct Echo;
///
/// impl Websocket for Echo {
///     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
///         Ok(handshake.accept())
///     }
///
///     async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
///         client.send(message).await?;
///         Ok(())
///     }
/// }
/// ```
pub trait Websocket<S: Send + Sync + 'static = ()>: Send + Sync + 'static {
    /// Called once, before the first connection is accepted.
    ///
    /// # Errors
    ///
    /// What it fails with keeps the server from starting.
    fn on_start(&self, endpoint: &Endpoint<S>) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = endpoint;
        ready(Ok(()))
    }

    /// Decides whether a client is let in, before any answer is on the wire.
    ///
    /// It may read the request and wait as long as it needs to, then either
    /// [`accept`](Handshake::accept)s or [`refuse`](Handshake::refuse)s. It may go on to talk to the
    /// client that it accepted before it returns the [`Accepted`] that it was given.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], or any error: before the client is accepted that answers 500, afterwards it
    /// closes the client with 1011. Either is logged and the peer is not told why.
    fn on_open(
        &self,
        handshake: Handshake<S>,
    ) -> impl Future<Output = Result<Accepted<S>, Refusal>> + Send;

    /// A message has come from `client`.
    ///
    /// # Errors
    ///
    /// Any error closes the client with 1011 and is logged; an uncaught
    /// [`ClientGone`](crate::ClientGone) is neither.
    fn on_data(
        &self,
        client: &Client<S>,
        message: Message,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (client, message);
        ready(Ok(()))
    }

    /// A client that was accepted has gone; called exactly once for each.
    ///
    /// It may run while an `on_open` or `on_data` of the same client is still waiting for something.
    fn on_close(&self, gone: &Departure<S>) -> impl Future<Output = ()> + Send {
        let _ = gone;
        ready(())
    }

    /// Somebody has come, has changed or has gone who is present in a group, here or on another node of a
    /// [`Cluster`](crate::Cluster): see [`Client::show`]. What is returned is told to the members of the group on this node,
    /// but for the client whose doing it is; by default nothing.
    ///
    /// It is first called when `on_start` has returned: those who are present on other nodes by then
    /// [are listed](Group::presence), and not told of.
    ///
    /// The changes of a group are told in their order, and behind a change comes what was said to the group after it. To
    /// keep that promise this may be called once more for a change that has another come before it. It is
    /// called by whoever changes something, on whatever thread, and is waited for: it is no place to block. If it panics
    /// that is logged, and nothing is told.
    ///
    /// ```
    /// # use aerys::{Accepted, Failure, Group, Handshake, Message, Refusal, Websocket};
    /// use aerys::{PresenceChange, PresenceEvent};
    ///
    /// # struct Rooms;
    /// # impl Websocket for Rooms {
    /// #     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
    /// #         Ok(handshake.accept())
    /// #     }
    /// fn on_presence(&self, _: &Group, change: &PresenceChange) -> Option<Message> {
    ///     let name = change.present.shown.as_text()?;
    ///     match change.event {
    ///         PresenceEvent::Joined => Some(format!("{name} is here").into()),
    ///         PresenceEvent::Left => Some(format!("{name} has gone").into()),
    ///         _ => None,
    ///     }
    /// }
    /// # }
    /// ```
    fn on_presence(&self, group: &Group<S>, change: &PresenceChange) -> Option<Message> {
        let _ = (group, change);
        None
    }

    /// Called once when the server stops, after the last client's `on_close`, or when another
    /// application's `on_start` fails after this one's. Applications are stopped in the reverse order
    /// of their starts.
    fn on_stop(&self, endpoint: &Endpoint<S>) -> impl Future<Output = ()> + Send {
        let _ = endpoint;
        ready(())
    }
}

/// The application itself: what is behind the `Arc` may be mounted on several paths, and be spoken to
/// from elsewhere.
impl<S: Send + Sync + 'static, W: Websocket<S>> Websocket<S> for Arc<W> {
    fn on_start(&self, endpoint: &Endpoint<S>) -> impl Future<Output = Result<(), Failure>> + Send {
        W::on_start(self, endpoint)
    }

    fn on_open(
        &self,
        handshake: Handshake<S>,
    ) -> impl Future<Output = Result<Accepted<S>, Refusal>> + Send {
        W::on_open(self, handshake)
    }

    fn on_data(
        &self,
        client: &Client<S>,
        message: Message,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        W::on_data(self, client, message)
    }

    fn on_close(&self, gone: &Departure<S>) -> impl Future<Output = ()> + Send {
        W::on_close(self, gone)
    }

    fn on_presence(&self, group: &Group<S>, change: &PresenceChange) -> Option<Message> {
        W::on_presence(self, group, change)
    }

    fn on_stop(&self, endpoint: &Endpoint<S>) -> impl Future<Output = ()> + Send {
        W::on_stop(self, endpoint)
    }
}
