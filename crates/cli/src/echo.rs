//! The smallest application: every message goes back as it came.

use aerys::{Accepted, Client, Failure, Handshake, Message, Refusal, Websocket};

pub(crate) struct Echo;

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    /// Waits until the message has left, so that who sends faster than they read is slowed down.
    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).await?;
        Ok(())
    }
}
