//! A relay: what a client says goes to the others. On a path with a parameter, such as `/rooms/{room}`, to those
//! whose path is the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use aerys::{
    Accepted, Client, ClientId, Departure, Failure, Handshake, Message, Refusal, Websocket,
};

#[derive(Default)]
pub(crate) struct Broadcast {
    rooms: Mutex<BTreeMap<String, BTreeSet<ClientId>>>,
}

/// The path that a client has asked for, which is what its room is called.
type Room = String;

impl Websocket<Room> for Broadcast {
    async fn on_open(&self, handshake: Handshake<Room>) -> Result<Accepted<Room>, Refusal> {
        let room = handshake.request().uri.path().to_owned();
        // Who speaks meanwhile is heard by one that is in the room already.
        let mut rooms = self.rooms();
        let client = handshake.accept_with(room);
        rooms.entry(client.state().clone()).or_default().insert(client.id());
        Ok(client)
    }

    async fn on_data(&self, client: &Client<Room>, message: Message) -> Result<(), Failure> {
        let others = self.rooms().get(client.state()).cloned().unwrap_or_default();
        // Waits until the others have it, so that who sends faster than they read is slowed down.
        client.endpoint().broadcast(message).only(others).except([client.id()]).await;
        Ok(())
    }

    async fn on_close(&self, gone: &Departure<Room>) {
        let mut rooms = self.rooms();
        if let Some(room) = rooms.get_mut(gone.state()) {
            room.remove(&gone.id());
            if room.is_empty() {
                rooms.remove(gone.state());
            }
        }
    }
}

impl Broadcast {
    fn rooms(&self) -> MutexGuard<'_, BTreeMap<String, BTreeSet<ClientId>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use aerys::{Host, Server, test::TestServer};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_one_says_is_heard_by_the_others_in_the_room() {
        let host = Host::new("localhost").websocket("/rooms/{room}", Broadcast::default());
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
