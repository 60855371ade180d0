//! One message to one client.

use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use aerys_proto::Message;

use super::{KeyedSend, drop_warning::DropWarning};
use crate::{app::Client, connection::outbox::Outbox, error::SendError};

/// A message about to be sent; see [`Client::send`].
///
/// As a future it resolves `Ok(())` when the whole message has been handed to the kernel, and
/// [`SendError::ClientGone`] if the client went first. Dropping the future once it was polled drops only the
/// receipt: the message still leaves.
#[must_use = "nothing is sent until it is `.await`ed or let go with `.nowait()`"]
pub struct Send<'c, S = ()> {
    client: &'c Client<S>,
    stage: Stage<'c>,
    warning: DropWarning,
}

enum Stage<'c> {
    Ready(Message),
    Sent(Awaited<'c>),
    Done,
}

/// A message in the outbox, at a place of which somebody waits to hear.
struct Awaited<'c> {
    outbox: &'c Outbox,
    place: u64,
}

impl<'c, S> Send<'c, S> {
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn new(client: &'c Client<S>, message: Message) -> Self {
        Self { client, stage: Stage::Ready(message), warning: DropWarning::new("send") }
    }

    /// Of the messages with this key that the client has not been sent yet, it is to be sent the latest alone, where
    /// the earlier would have been; that one's sender is answered [`SendError::Superseded`]. It is the one exception
    /// to the order of messages.
    ///
    /// ```
    /// # use aerys::Client;
    /// # fn example(client: &Client, x: f64, y: f64) {
    /// client.send(format!("{x} {y}")).key("position").nowait();
    /// # }
    /// ```
    pub fn key(self, key: impl AsRef<str>) -> KeyedSend<'c, S> {
        let Self { client, stage, warning } = self;
        let message = match stage {
            Stage::Ready(message) => Some(message),
            Stage::Sent(_) | Stage::Done => None,
        };
        KeyedSend::new(client, message, Arc::from(key.as_ref()), warning)
    }

    /// Sends it without waiting. If the client has gone, nothing happens.
    #[inline]
    pub fn nowait(self) {
        let Self { client, stage, mut warning } = self;
        warning.disarm();
        if let Stage::Ready(message) = stage {
            client.shared_in_order().send_nowait(message);
        }
    }
}

impl<S> Future for Send<'_, S> {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match mem::replace(&mut self.stage, Stage::Done) {
            Stage::Ready(message) => {
                self.warning.disarm();
                let config = self.client.endpoint().roster().protocol();
                let shared = self.client.shared_in_order();
                match shared.send_awaited(message, config, cx)? {
                    Some(place) => {
                        self.stage = Stage::Sent(Awaited { outbox: &shared.outbox, place });
                        Poll::Pending
                    }
                    None => Poll::Ready(Ok(())),
                }
            }
            Stage::Sent(awaited) => {
                let outcome = awaited.outbox.poll_sent(awaited.place, cx);
                if outcome.is_pending() {
                    self.stage = Stage::Sent(awaited);
                } else {
                    // It has heard.
                    mem::forget(awaited);
                }
                outcome
            }
            Stage::Done => panic!("`Send` polled after it was resolved"),
        }
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.outbox.abandon(self.place);
    }
}

impl<S> fmt::Debug for Send<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send").field("client", self.client).finish_non_exhaustive()
    }
}
