//! One message to many clients.

use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use aerys_proto::Message;

use super::drop_warning::DropWarning;
use crate::{
    app::Endpoint,
    connection::{ClientId, DeliveryCount, Published, Tally},
    roster::Choice,
};

/// A message about to be sent to many; see [`Endpoint::broadcast`] and [`Group::broadcast`](crate::Group::broadcast).
///
/// As a future it resolves to a [`Tally`] once each of them has had the message handed to the
/// kernel or has gone. One slow client keeps it waiting, until that client is served or given up;
/// `.nowait()` does not wait for anyone.
#[must_use = "nothing is sent until it is `.await`ed or let go with `.nowait()`"]
pub struct Broadcast<'e, S = ()> {
    endpoint: &'e Endpoint<S>,
    message: Message,
    choice: Choice,
    key: Option<Arc<str>>,
    is_local: bool,
    published: Published,
    delivery_count: Option<Arc<DeliveryCount>>,
    warning: DropWarning,
}

impl<'e, S> Broadcast<'e, S> {
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn new(endpoint: &'e Endpoint<S>, choice: Choice, message: Message) -> Self {
        let warning = DropWarning::new("broadcast");
        Self {
            endpoint,
            message,
            choice,
            key: None,
            is_local: false,
            published: Published::Here,
            delivery_count: None,
            warning,
        }
    }

    /// Only to these clients; of an empty list, to no one. Ids that are not here are ignored, and
    /// a second call adds to the first.
    pub fn only(mut self, ids: impl IntoIterator<Item = ClientId>) -> Self {
        self.choice.only(ids);
        self
    }

    /// Not to these clients, even if [`only`](Self::only) names them.
    pub fn except(mut self, ids: impl IntoIterator<Item = ClientId>) -> Self {
        self.choice.except(ids);
        self
    }

    /// To clients of this node alone, where there is a [`Cluster`](crate::Cluster).
    pub fn local(mut self) -> Self {
        self.is_local = true;
        self
    }

    /// Of the messages with this key that a client has not been sent yet, it is to be sent the latest alone, where
    /// the earlier would have been: prices for slow clients, positions, counts. It is the one exception to their
    /// order. The earlier counts as [superseded](Tally::superseded).
    ///
    /// ```
    /// # use aerys::Endpoint;
    /// # fn example(watching: &Endpoint, symbol: &str, price: f64) {
    /// watching.broadcast(format!("{symbol} {price}")).key(symbol).nowait();
    /// # }
    /// ```
    pub fn key(mut self, key: impl AsRef<str>) -> Self {
        self.key = Some(Arc::from(key.as_ref()));
        self
    }
}

impl<S: Send + Sync + 'static> Broadcast<'_, S> {
    /// Sends it without waiting for anyone.
    pub fn nowait(mut self) {
        self.start(None);
    }

    fn start(&mut self, delivery_count: Option<&Arc<DeliveryCount>>) {
        self.warning.disarm();
        let choice = mem::take(&mut self.choice);
        let roster = self.endpoint.roster();
        let (message, key) = (self.message.clone(), self.key.as_ref());
        self.published = roster.broadcast(message, choice, key, delivery_count, self.is_local);
    }
}

impl<S: Send + Sync + 'static> Future for Broadcast<'_, S> {
    type Output = Tally;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Tally> {
        if self.delivery_count.is_none() {
            let delivery_count = Arc::new(DeliveryCount::new());
            self.start(Some(&delivery_count));
            // Not before every shard has its order may the count reach zero.
            // Nobody waits yet.
            let _ = delivery_count.done_with_one();
            self.delivery_count = Some(delivery_count);
        }
        match &self.delivery_count {
            Some(delivery_count) => {
                let published = self.published;
                delivery_count.poll(cx).map(|tally| Tally { published, ..tally })
            }
            None => Poll::Pending,
        }
    }
}

impl<S> Unpin for Broadcast<'_, S> {}

impl<S> fmt::Debug for Broadcast<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast").field("message", &self.message).finish_non_exhaustive()
    }
}
