//! The chat: a room for each name, and the lobby.
//!
//! It is mounted on a path and on `{room}` beneath that: `/chat` is the lobby, `/chat/tea` a room. Both endpoints of a
//! host are one chat, with one list of rooms.

mod protocol;
mod rooms;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use aerys::{
    Accepted, Client, Endpoint, Failure, Group, Handshake, Message, Options, PresenceChange,
    Refusal, Status, Websocket,
};

use self::{
    protocol::{Complaint, Reply, Request},
    rooms::Rooms,
};

/// Where those are who ask for no room.
const LOBBY: &str = "lobby";

/// The end of a path with a room for each name.
const ROOM: &str = "/{room}";

/// How long the list of rooms waits for more to change: a crowd that comes at once makes one list.
const LIST_PERIOD: Duration = Duration::from_millis(250);

/// Every chat there is, by host and path, for as long as one of its endpoints is there.
#[derive(Clone, Default)]
pub(crate) struct Chats(Arc<Mutex<BTreeMap<Place, Weak<Chat>>>>);

/// A host, and the path of the lobby there.
type Place = (String, String);

impl Chats {
    /// For one path.
    pub(crate) fn application(&self) -> ChatApplication {
        ChatApplication { chats: self.clone(), chat: OnceLock::new() }
    }

    fn at(&self, endpoint: &Endpoint<Person>) -> Arc<Chat> {
        let path = endpoint.path();
        let place = (endpoint.host().into(), path.strip_suffix(ROOM).unwrap_or(path).into());
        let mut chats = lock(&self.0);
        chats.retain(|_, chat| chat.strong_count() > 0);
        let known = chats.get(&place).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let chat = Arc::default();
            chats.insert(place, Arc::downgrade(&chat));
            chat
        })
    }
}

/// What is mounted on one path. It learns there which chat it is of.
pub(crate) struct ChatApplication {
    chats: Chats,
    chat: OnceLock<Arc<Chat>>,
}

#[derive(Default)]
struct Chat {
    rooms: Mutex<Rooms>,
    /// Makes joining and speaking one sequence of events on this node, the same for everybody. It is held while each is
    /// told; telling is `nowait`, so nobody is waited for.
    order: Mutex<()>,
}

/// A client.
type Guest = Client<Person>;

/// What is known of a client.
pub(crate) struct Person {
    /// In which room.
    room: String,
    /// Once it has joined.
    name: OnceLock<String>,
}

impl Websocket<Person> for ChatApplication {
    async fn on_start(&self, endpoint: &Endpoint<Person>) -> Result<(), Failure> {
        let chat = self.chat.get_or_init(|| self.chats.at(endpoint));
        chat.lock().open(endpoint);
        Ok(())
    }

    async fn on_open(&self, handshake: Handshake<Person>) -> Result<Accepted<Person>, Refusal> {
        match protocol::check_room(handshake.param("room").unwrap_or(LOBBY)) {
            Ok(room) => {
                let room = room.to_owned();
                Ok(handshake.accept_with(Person { room, name: OnceLock::new() }))
            }
            Err(complaint) => {
                Err(handshake.refuse(Status::NOT_FOUND).reason(complaint.to_string()))
            }
        }
    }

    async fn on_data(&self, guest: &Guest, message: Message) -> Result<(), Failure> {
        if let Err(complaint) = self.chat().handle(guest, &message) {
            guest.send(Reply::Error { text: complaint.to_string() }).nowait();
        }
        Ok(())
    }

    fn on_presence(&self, room: &Group<Person>, change: &PresenceChange) -> Option<Message> {
        let chat = self.chat();
        chat.list_soon(room.endpoint());
        chat.rooms().said_of(room, change)
    }

    async fn on_stop(&self, endpoint: &Endpoint<Person>) {
        let chat = self.chat();
        chat.lock().close(endpoint);
        // Had it been about to, it would not any more.
        chat.tell_list();
    }
}

impl ChatApplication {
    fn chat(&self) -> &Arc<Chat> {
        self.chat.get().expect("`on_start` comes before all else")
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
        if let Some(name) = guest.state().name.get() {
            return Err(Complaint::JoinedAlready { name: name.clone() });
        }
        let name = protocol::check_name(name)?;
        let _order = lock(&self.order);
        self.rooms().join(guest, name)
    }

    fn say(&self, guest: &Guest, text: &str) -> Result<(), Complaint> {
        let name = guest.state().name.get().ok_or(Complaint::NotJoined)?;
        let text = protocol::check_text(text)?;
        let _order = lock(&self.order);
        self.rooms().say(guest, name, text);
        Ok(())
    }

    /// Tells everybody the list of rooms a moment after it has changed.
    fn list_soon(self: &Arc<Self>, endpoint: &Endpoint<Person>) {
        if self.lock().list_is_due() {
            let chat = Arc::clone(self);
            endpoint.once(LIST_PERIOD, move |_| async move {
                chat.tell_list();
                Ok(())
            });
        }
    }

    fn tell_list(&self) {
        self.lock().list_is_told();
        self.rooms().tell_list();
    }

    /// As they are, without the lock: who joins has others told of it.
    fn rooms(&self) -> Rooms {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Rooms> {
        lock(&self.rooms)
    }
}

/// Nothing behind it is ever half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a chat needs, and no more: short texts.
pub(crate) fn options() -> Options {
    Options::new()
        .text_only(true)
        .max_frame_size(protocol::MAX_SIZE)
        .max_msg_size(protocol::MAX_SIZE)
}

#[cfg(test)]
mod tests;
