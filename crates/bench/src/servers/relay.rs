//! Echo and broadcast for the peers whose websocket is a `Stream` and a `Sink` of messages.

use std::error::Error;

use anyhow::Result;
use futures_util::{Sink, SinkExt, Stream, StreamExt};

use super::hub::Hub;

/// A message as a peer knows it. Clones share the payload.
pub(super) trait Message: Clone + Send {
    /// Whether it is text or binary, and not a control frame, which is the library's affair.
    fn is_data(&self) -> bool;
}

/// Sends each message back to where it came from.
pub(super) async fn echo<W, M, E>(mut websocket: W) -> Result<()>
where
    W: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin,
    M: Message,
    E: Error + Send + Sync + 'static,
{
    while let Some(message) = websocket.next().await {
        let message = message?;
        if message.is_data() {
            websocket.send(message).await?;
        }
    }
    Ok(())
}

/// Sends each message to everyone. All that is queued for a client is fed to it, then flushed once.
pub(super) async fn broadcast<W, M, E>(mut websocket: W, hub: Hub<M>) -> Result<()>
where
    W: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin,
    M: Message,
    E: Error + Send + Sync + 'static,
{
    let mut subscription = hub.subscribe();
    loop {
        tokio::select! {
            message = websocket.next() => {
                let Some(message) = message else { return Ok(()) };
                let message = message?;
                if message.is_data() {
                    hub.broadcast(&message);
                }
            }
            Some(message) = subscription.queue.recv() => {
                websocket.feed(message).await?;
                while let Ok(message) = subscription.queue.try_recv() {
                    websocket.feed(message).await?;
                }
                websocket.flush().await?;
            }
        }
    }
}
