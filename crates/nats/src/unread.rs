//! What has come from the server and waits to be taken in by the node, bounded in bytes.
//!
//! The library counts what it keeps for a subscription in messages. So they are moved here as soon as they come, by a
//! task that does nothing else; what there is no room for is dropped, and counted.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::{
    sync::mpsc,
    task::{self, JoinHandle},
};

use crate::{batch, epochs::Form, shared::Shared};

/// What a frame costs beside its bytes: among them those of its head, which it shares its memory with.
const OVERHEAD: usize = 128;

/// The frames of one subscription.
pub(crate) struct Unread {
    frames: mpsc::UnboundedReceiver<Bytes>,
    /// In bytes.
    waiting: Arc<AtomicUsize>,
    reader: JoinHandle<()>,
}

impl Unread {
    /// Begins to read. Of what comes while `max` bytes wait, nothing is kept.
    pub(crate) fn of(mut subscription: Subscriber, max: usize, shared: &Arc<Shared>) -> Self {
        let (sender, frames) = mpsc::unbounded_channel();
        let waiting = Arc::<AtomicUsize>::default();
        let (queued, shared) = (Arc::clone(&waiting), Arc::clone(shared));
        let read = async move {
            while let Some(message) = subscription.next().await {
                let is_current = shared.is_current(&message.subject);
                for frame in frames_of(message) {
                    let cost = frame.len() + OVERHEAD;
                    // Nobody else adds to it.
                    if !is_current || queued.load(Ordering::Relaxed) + cost > max {
                        shared.drop_unread();
                        continue;
                    }
                    queued.fetch_add(cost, Ordering::Relaxed);
                    if sender.send(frame).is_err() {
                        return;
                    }
                }
            }
        };
        // Whenever it runs it moves all that there is, or that would wait in the library.
        let reader = tokio::spawn(task::unconstrained(read));
        Self { frames, waiting, reader }
    }

    /// The next, or `None` if the subscription has ended. It waits no more then.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        let frame = self.frames.recv().await?;
        self.waiting.fetch_sub(frame.len() + OVERHEAD, Ordering::Relaxed);
        Some(frame)
    }
}

fn frames_of(message: Message) -> impl Iterator<Item = Bytes> {
    let (one, several) = match Form::of(&message.subject) {
        Form::One => (Some(message.payload), None),
        Form::Several => (None, Some(batch::frames(message.payload))),
    };
    one.into_iter().chain(several.into_iter().flatten())
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
