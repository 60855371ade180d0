//! One message to one client, in the place of an earlier one with its key.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use aerys_proto::Message;

use super::drop_warning::DropWarning;
use crate::{
    app::Client,
    connection::{
        DeliveryCount, Tally,
        outbox::{Keyed, Receipt},
    },
    error::SendError,
};

/// A message with a key about to be sent; see [`Send::key`](super::Send::key).
///
/// As a future it resolves as [`Send`](super::Send) does, or with [`SendError::Superseded`].
#[must_use = "nothing is sent until it is `.await`ed or let go with `.nowait()`"]
pub struct KeyedSend<'c, S = ()> {
    client: &'c Client<S>,
    /// `None` once it was sent.
    message: Option<Message>,
    key: Arc<str>,
    outcome: Arc<DeliveryCount>,
    warning: DropWarning,
}

impl<'c, S> KeyedSend<'c, S> {
    pub(super) fn new(
        client: &'c Client<S>,
        message: Option<Message>,
        key: Arc<str>,
        warning: DropWarning,
    ) -> Self {
        Self { client, message, key, outcome: Arc::new(DeliveryCount::new()), warning }
    }

    /// Sends it without waiting. If the client has gone, nothing happens.
    pub fn nowait(mut self) {
        self.start(None);
    }

    fn start(&mut self, outcome: Option<Arc<DeliveryCount>>) {
        self.warning.disarm();
        if let Some(message) = self.message.take() {
            let keyed = Keyed::new(Arc::clone(&self.key), outcome);
            // What becomes of it is counted.
            let _ = self.client.shared_in_order().push(message, Receipt::Keyed(keyed));
        }
    }
}

impl<S> Future for KeyedSend<'_, S> {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.message.is_some() {
            let outcome = Arc::clone(&self.outcome);
            self.start(Some(outcome));
        }
        self.outcome.poll(cx).map(|tally| match tally {
            Tally { delivered: 1, .. } => Ok(()),
            Tally { dropped: 1, .. } => Err(SendError::Dropped),
            Tally { superseded: 1, .. } => Err(SendError::Superseded),
            _ => Err(SendError::ClientGone),
        })
    }
}

impl<S> Unpin for KeyedSend<'_, S> {}

impl<S> fmt::Debug for KeyedSend<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedSend")
            .field("client", self.client)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
