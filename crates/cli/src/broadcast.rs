//! A relay: what a client says goes to the others. On a path with a parameter, such as `/rooms/{room}`, to those
//! whose path is the same.

use aerys::{Accepted, Client, Failure, Handshake, JoinError, Message, Refusal, Websocket};

/// In a group by the name of its path.
pub(crate) struct Broadcast;

impl Websocket for Broadcast {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let path = handshake.request().uri.path().to_owned();
        if path.len() > JoinError::MAX_NAME {
            return Err(handshake.refuse(414));
        }
        let client = handshake.accept();
        client.join(path)?;
        Ok(client)
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        for room in client.groups() {
            // Waits until the others have it, so that who sends faster than they read is slowed down.
            room.broadcast(message.clone()).except([client.id()]).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aerys::{Host, Server, test::TestServer};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_one_says_is_heard_by_the_others_in_the_room() {
        let host = Host::new("localhost").websocket("/rooms/{room}", Broadcast);
        let server = TestServer::start(Server::new().host(host)).await.expect("it starts");
        let mut ada = server.connect("/rooms/a").await;
        let mut bob = server.connect("/rooms/a").await;
        let mut eve = server.connect("/rooms/b").await;
        ada.send("hello").await;
        assert_eq!(bob.hear().await, "hello");
        assert_eq!((ada.now().await, eve.now().await), (None, None));
        drop(ada);
        bob.send("anybody?").await;
        eve.send("alone").await;
        assert_eq!((bob.now().await, eve.now().await), (None, None));
        server.stop().await;
    }
}
