//! A client that was accepted: the handle by which an application speaks to it.

use std::{
    fmt,
    hash::{Hash, Hasher},
    marker,
    net::IpAddr,
    sync::Arc,
};

use aerys_proto::Message;

use super::{Close, Endpoint, Group, Send};
use crate::{
    connection::{ClientId, Shared, Stats},
    error::{JoinError, ShowError},
    log::{Call, HandlerSpan},
    roster::Member,
    runtime::Handler,
    transport::{ClientAddr, PeerAddr},
};

/// One client of an [`Endpoint`]. Cheap to clone; may be kept and used from any task or thread.
///
/// It stays valid when the client goes: what is sent to it then answers
/// [`ClientGone`](crate::ClientGone).
pub struct Client<S = ()>(Arc<Peer<S>>);

struct Peer<S> {
    id: ClientId,
    state: S,
    address: ClientAddr,
    endpoint: Endpoint<S>,
    shared: Arc<Shared>,
}

impl<S> Client<S> {
    pub(crate) fn new(
        id: ClientId,
        state: S,
        address: ClientAddr,
        endpoint: Endpoint<S>,
        shared: Arc<Shared>,
    ) -> Self {
        Self(Arc::new(Peer { id, state, address, endpoint, shared }))
    }

    /// Its number, unlike any other that this server has given or will give.
    pub fn id(&self) -> ClientId {
        self.0.id
    }

    /// What the application keeps for it: the value given to
    /// [`accept_with`](crate::Handshake::accept_with).
    pub fn state(&self) -> &S {
        &self.0.state
    }

    /// The endpoint it is a client of.
    pub fn endpoint(&self) -> &Endpoint<S> {
        &self.0.endpoint
    }

    /// The address its connection comes from: behind a proxy, the proxy's.
    pub fn peer_addr(&self) -> PeerAddr {
        self.0.address.peer().clone()
    }

    /// Its IP address: see [`Handshake::client_ip`](crate::Handshake::client_ip).
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.0.address.ip()
    }

    /// Where it is, for the log.
    pub(crate) fn address(&self) -> &ClientAddr {
        &self.0.address
    }

    /// Sends a message: `.await` waits until all of it has been handed to the kernel, `.nowait()`
    /// does not wait. Messages leave in the order in which they were sent.
    ///
    /// ```
    /// # use aerys::{Client, SendError};
    /// # async fn example(client: &Client) -> Result<(), SendError> {
    /// client.send("text").await?;
    /// client.send(vec![0xC0, 0xFF, 0xEE]).await?; // bytes are sent as binary
    /// client.send("not waited for").nowait();
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn send(&self, message: impl Into<Message>) -> Send<'_, S> {
        Send::new(self, message.into())
    }

    /// Makes it a member of a [`Group`] of its endpoint: what is broadcast there from now on reaches it, and nothing
    /// that was before. Until it [leaves](Self::leave) or goes. To join twice is harmless.
    ///
    /// It can be said in `on_open` as soon as the client is accepted, before anything is sent.
    ///
    /// # Errors
    ///
    /// [`JoinError`] if it has gone, if the group or the number of its groups is at its limit, or if the name is none.
    pub fn join(&self, group: impl AsRef<str>) -> Result<(), JoinError> {
        self.endpoint().roster().join_group(self.id(), group.as_ref())
    }

    /// The [groups](Group) it is a member of, in the order in which it joined; none once it has gone.
    pub fn groups(&self) -> Vec<Group<S>> {
        let names = self.endpoint().roster().groups_of(self.id()).into_iter();
        names.map(|name| Group::new(self.endpoint().clone(), name)).collect()
    }

    /// Closes the connection, after everything already sent has left. The code is 1000 and the
    /// reason empty unless set.
    ///
    /// `.await` waits until [`on_close`](crate::Websocket::on_close) has run, so not in `on_close`
    /// itself; `.nowait()` does not wait. Closing twice is harmless: the first code and reason count.
    ///
    /// ```
    /// # use aerys::{Client, CloseCode};
    /// # async fn example(client: &Client) {
    /// client.close().code(CloseCode::AWAY).reason("moving house").await;
    /// # }
    /// ```
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn close(&self) -> Close<'_, S> {
        Close::new(self)
    }

    /// Waits until the client has gone; `on_close` may not have run yet. For tasks that work for a
    /// client and are not [bound](Self::spawn) to it.
    pub async fn gone(&self) {
        self.shared().end().cancelled().await;
    }

    /// What is known of its connection now, or of its last moments if it has gone.
    ///
    /// ```
    /// # use aerys::Client;
    /// # fn example(client: &Client) {
    /// let stats = client.inspect();
    /// println!("{} is owed {} bytes", stats.peer_addr, stats.queued_bytes);
    /// # }
    /// ```
    pub fn inspect(&self) -> Stats {
        let shared = self.shared_in_order();
        let (dropped, superseded) = (shared.outbox.dropped(), shared.outbox.superseded());
        shared.meter.stats(&self.0.address, shared.queued_bytes(), dropped, superseded)
    }

    #[inline]
    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// The span of a call of one of its handlers.
    #[inline]
    pub(crate) fn span(&self, handler: Handler) -> HandlerSpan {
        HandlerSpan::new(|| Call {
            path: self.endpoint().roster().path(),
            handler: handler.name(),
            client: Some(self.id().as_u64()),
            address: Some(&self.0.address),
        })
    }

    /// What it shares with its driver, once what was broadcast before has been put in there.
    #[inline]
    pub(crate) fn shared_in_order(&self) -> &Shared {
        self.endpoint().roster().catch_up(self.id());
        self.shared()
    }
}

impl<S: marker::Send + Sync + 'static> Client<S> {
    /// Takes it out of a [`Group`]: what is broadcast there from now on does not reach it. Answers whether it was a
    /// member.
    pub fn leave(&self, group: impl AsRef<str>) -> bool {
        self.endpoint().roster().leave_group(self.id(), group.as_ref())
    }

    /// Has it present in a [`Group`] that it is a member of, showing this to whoever looks at
    /// [`Group::presence`], on every node of a cluster: a name, a place of a cursor. What it has shown there before is
    /// replaced. Until it [hides](Self::hide), [leaves](Self::leave) or goes.
    ///
    /// The members are told what [`on_presence`](crate::Websocket::on_presence) makes of it, before this returns: what it
    /// says to the group then comes behind that on this node.
    ///
    /// ```
    /// use aerys::{Client, Failure};
    ///
    /// fn come_in(client: &Client, name: &str) -> Result<(), Failure> {
    ///     client.join("tea")?;
    ///     client.show("tea", name)?;
    ///     let names = client.endpoint().group("tea").presence();
    ///     assert!(names.iter().any(|it| it.shown.as_text() == Some(name)));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// With the feature `json` it may be any value that can be serialized: `Message::json(&value)?`.
    ///
    /// # Errors
    ///
    /// [`ShowError`] if it has gone, is no member, or if that is more than 4096 bytes.
    pub fn show(&self, group: impl AsRef<str>, shown: impl Into<Message>) -> Result<(), ShowError> {
        self.endpoint().roster().show(self.id(), group.as_ref(), None, &shown.into())
    }

    /// The same, as somebody: all clients that show themselves as the same one count once, whichever nodes they are on, and
    /// what was shown last is what is seen. When the last of them has gone, [`Options::presence_linger`] says for how long
    /// its return is waited for, so that who reconnects is not seen to leave.
    ///
    /// Who somebody is the application knows: a user's number, a name that was signed in with.
    ///
    /// # Errors
    ///
    /// As [`show`](Self::show), and if the identity does not have 1 to 255 bytes.
    ///
    /// [`Options::presence_linger`]: crate::Options::presence_linger
    pub fn show_as(
        &self,
        group: impl AsRef<str>,
        identity: impl AsRef<str>,
        shown: impl Into<Message>,
    ) -> Result<(), ShowError> {
        let (group, identity) = (group.as_ref(), Some(identity.as_ref()));
        self.endpoint().roster().show(self.id(), group, identity, &shown.into())
    }

    /// Has it present in a [`Group`] no more, of which it stays a member. Answers whether it was.
    pub fn hide(&self, group: impl AsRef<str>) -> bool {
        self.endpoint().roster().hide(self.id(), group.as_ref())
    }
}

impl<S> Member for Client<S> {
    fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }
}

impl<S> Clone for Client<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The same connection.
impl<S> PartialEq for Client<S> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<S> Eq for Client<S> {}

/// By its id, which stays. Clippy warns of such keys all the same (`mutable_key_type`), since what is behind a
/// client changes; a map from [`ClientId`] to [`Client`] is as good.
impl<S> Hash for Client<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.id().as_u64()).finish()
    }
}
