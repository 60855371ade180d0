//! The chat: one room for everyone who has given a name.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use aerys::{
    Accepted, Client, ClientId, Departure, Failure, Handshake, Message, Options, Refusal, Websocket,
};

use crate::protocol::{self, Complaint, Reply, Request};

/// The lock makes coming, joining, leaving and speaking one sequence of events, the same for everybody.
/// Each event is told before the lock is given back; telling is `nowait`, so nobody is waited for.
#[derive(Default)]
pub(crate) struct Chat {
    room: Mutex<Room>,
}

#[derive(Default)]
struct Room {
    /// Who is in it, in the order in which they joined.
    guests: Vec<Guest>,
    /// Who is here and has not joined.
    outside: BTreeSet<ClientId>,
}

/// A client, which has a name once it has joined.
type Guest = Client<Name>;
type Name = OnceLock<String>;

impl Websocket<Name> for Chat {
    async fn on_open(&self, handshake: Handshake<Name>) -> Result<Accepted<Name>, Refusal> {
        // Who speaks meanwhile is not heard by one that is not known to be outside.
        let mut room = self.room();
        let guest = handshake.accept_with(Name::new());
        room.outside.insert(guest.id());
        Ok(guest)
    }

    async fn on_data(&self, guest: &Guest, message: Message) -> Result<(), Failure> {
        if let Err(complaint) = self.handle(guest, &message) {
            guest.send(Reply::Error { text: complaint.to_string() }).nowait();
        }
        Ok(())
    }

    async fn on_close(&self, gone: &Departure<Name>) {
        match gone.state().get() {
            Some(name) => self.leave(gone.id(), name),
            None => _ = self.room().outside.remove(&gone.id()),
        }
    }
}

impl Chat {
    fn handle(&self, guest: &Guest, message: &Message) -> Result<(), Complaint> {
        match protocol::parse(message.as_bytes())? {
            Request::Join { name } => self.join(guest, &name),
            Request::Say { text } => self.say(guest, &text),
        }
    }

    fn join(&self, guest: &Guest, name: &str) -> Result<(), Complaint> {
        if let Some(name) = guest.state().get() {
            return Err(Complaint::JoinedAlready { name: name.clone() });
        }
        let name = protocol::check_name(name)?;
        let name = guest.state().get_or_init(|| name.to_owned());
        let mut room = self.room();
        room.tell(Reply::Joined { id: guest.id(), name, count: room.guests.len() + 1 });
        room.outside.remove(&guest.id());
        room.guests.push(guest.clone());
        let people = room.guests.iter().filter_map(|guest| guest.state().get()).collect();
        let count = room.guests.len();
        guest.send(Reply::Welcome { id: guest.id(), name, count, people }).nowait();
        Ok(())
    }

    fn say(&self, guest: &Guest, text: &str) -> Result<(), Complaint> {
        let name = guest.state().get().ok_or(Complaint::NotJoined)?;
        let text = protocol::check_text(text)?;
        self.room().tell(Reply::Said { id: guest.id(), name, text, at: now() });
        Ok(())
    }

    fn leave(&self, id: ClientId, name: &str) {
        let mut room = self.room();
        room.guests.retain(|guest| guest.id() != id);
        room.tell(Reply::Left { id, name, count: room.guests.len() });
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    /// Tells everyone in the room, and nobody who has not joined: mostly that is everyone who is here.
    fn tell(&self, news: Reply<'_>) {
        if let Some(anyone) = self.guests.first() {
            anyone.endpoint().broadcast(news).except(self.outside.iter().copied()).nowait();
        }
    }
}

/// In milliseconds since 1970, as JavaScript's `Date` counts.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}

/// What a chat needs, and no more: short texts.
pub(crate) fn options() -> Options {
    Options::new()
        .text_only(true)
        .max_frame_size(protocol::MAX_SIZE)
        .max_msg_size(protocol::MAX_SIZE)
}

#[cfg(test)]
mod tests {
    use aerys::{
        Host, Server,
        test::{TestClient, TestServer},
    };
    use serde_json::{Value, json};

    use super::*;

    async fn serve() -> TestServer {
        let host = Host::new("localhost").websocket_with("/", Chat::default(), options());
        TestServer::start(Server::new().host(host)).await.expect("it starts")
    }

    async fn hear(client: &mut TestClient) -> Value {
        serde_json::from_str(&client.hear().await).expect("it is JSON")
    }

    /// Joins, and is welcomed to a room of so many.
    async fn join(server: &TestServer, name: &str, count: usize) -> TestClient {
        let mut client = server.connect("/").await;
        client.send(json!({ "type": "join", "name": name }).to_string()).await;
        let welcome = hear(&mut client).await;
        assert_eq!((&welcome["type"], &welcome["count"]), (&json!("welcome"), &json!(count)));
        client
    }

    #[tokio::test(start_paused = true)]
    async fn who_joins_and_speaks_is_told_to_those_in_the_room_and_to_nobody_else() {
        let server = serve().await;
        let mut ada = join(&server, "Ada", 1).await;
        let mut outside = server.connect("/").await;
        let mut bob = join(&server, "Bob", 2).await;
        let joined = hear(&mut ada).await;
        assert_eq!((&joined["type"], &joined["name"]), (&json!("joined"), &json!("Bob")));
        bob.send(json!({ "type": "say", "text": "hello" }).to_string()).await;
        for client in [&mut ada, &mut bob] {
            let said = hear(client).await;
            assert_eq!((&said["name"], &said["text"]), (&json!("Bob"), &json!("hello")));
        }
        assert_eq!(outside.now().await, None);
        outside.send(json!({ "type": "say", "text": "let me in" }).to_string()).await;
        assert_eq!(hear(&mut outside).await["type"], "error");
        server.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_whose_network_is_gone_leaves_the_room_in_two_minutes() {
        let server = serve().await;
        let mut ada = join(&server, "Ada", 1).await;
        let bob = join(&server, "Bob", 2).await;
        hear(&mut ada).await;
        bob.go_silent();
        let start = tokio::time::Instant::now();
        let left = hear(&mut ada).await;
        assert_eq!((&left["type"], &left["name"]), (&json!("left"), &json!("Bob")));
        assert!((40..120).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        server.stop().await;
    }
}
