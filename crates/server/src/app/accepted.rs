//! The proof that a handshake was accepted, which is what `on_open` returns.

use std::{fmt, ops::Deref};

use super::{Client, Fault};
use crate::{connection::Shared, error::Failure};

/// A client that was let in, and the proof of it: what [`on_open`](crate::Websocket::on_open) has to
/// return.
///
/// Made by [`Handshake::accept`](crate::Handshake::accept) and
/// [`accept_with`](crate::Handshake::accept_with), one for each handshake. It dereferences to its
/// [`Client`], so that all that can be said to that can be said here; `.clone()` gives a [`Client`] to
/// keep.
///
/// ```
/// use aerys::{Accepted, Client, Handshake, Refusal};
///
/// async fn on_open(handshake: Handshake) -> Result<Accepted, Refusal> {
///     let client = handshake.accept();
///     client.send("welcome").await?;
///     let kept: Client = client.clone();
///     println!("{} is in", kept.id());
///     Ok(client)
/// }
/// ```
///
/// There is no second one, so that `on_open` cannot return another client's:
///
/// ```compile_fail,E0277
/// fn twice<T: Clone>(it: T) -> (T, T) {
///     (it.clone(), it)
/// }
/// # fn example(handshake: aerys::Handshake) {
/// twice(handshake.accept()); // error: the trait `Clone` is not implemented for `Accepted`
/// # }
/// ```
///
/// An `on_open` that returns one all the same which another handshake has handed to it is at fault: its
/// own client is answered 500, or closed with 1011 if it was accepted too, and the log says why.
#[must_use = "it is the answer only once `on_open` returns it as `Ok`"]
pub struct Accepted<S = ()>(Client<S>);

impl<S> Accepted<S> {
    pub(super) fn new(client: Client<S>) -> Self {
        Self(client)
    }

    /// Whether this connection's handshake has made it, in time or not.
    pub(crate) fn belongs_to(&self, shared: &Shared) -> bool {
        std::ptr::eq(self.shared(), shared)
    }

    /// Fails if another connection's handshake has made it.
    pub(crate) fn check(&self, shared: &Shared) -> Result<(), Fault> {
        if self.belongs_to(shared) {
            return Ok(());
        }
        Err(Failure::new("returned what another handshake was accepted with").into())
    }
}

impl<S> Deref for Accepted<S> {
    type Target = Client<S>;

    fn deref(&self) -> &Client<S> {
        &self.0
    }
}

impl<S> fmt::Debug for Accepted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Accepted").field(&self.id().as_u64()).finish()
    }
}
