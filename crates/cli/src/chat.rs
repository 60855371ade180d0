//! The chat: one room for everyone who has given a name.

use std::{
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use aerys::{
    Accepted, Client, ClientId, Departure, Failure, Handshake, Message, Options, Refusal, Websocket,
};

use crate::protocol::{self, Complaint, Reply, Request};

/// Who is in the room, in the order in which they joined.
///
/// The lock makes joining, leaving and speaking one sequence of events, the same for everybody.
/// Each event is told before the lock is given back; telling is `nowait`, so nobody is waited for.
#[derive(Default)]
pub(crate) struct Chat {
    room: Mutex<Vec<Guest>>,
}

/// A client, which has a name once it has joined.
type Guest = Client<Name>;
type Name = OnceLock<String>;

impl Websocket<Name> for Chat {
    async fn on_open(&self, handshake: Handshake<Name>) -> Result<Accepted<Name>, Refusal> {
        Ok(handshake.accept_with(Name::new()))
    }

    async fn on_data(&self, guest: &Guest, message: Message) -> Result<(), Failure> {
        if let Err(complaint) = self.handle(guest, &message) {
            guest.send(Reply::Error { text: complaint.to_string() }).nowait();
        }
        Ok(())
    }

    async fn on_close(&self, gone: &Departure<Name>) {
        if let Some(name) = gone.state().get() {
            self.leave(gone.id(), name);
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
        tell(&room, Reply::Joined { id: guest.id(), name, count: room.len() + 1 });
        room.push(guest.clone());
        let people = room.iter().filter_map(|guest| guest.state().get()).collect();
        guest.send(Reply::Welcome { id: guest.id(), name, count: room.len(), people }).nowait();
        Ok(())
    }

    fn say(&self, guest: &Guest, text: &str) -> Result<(), Complaint> {
        let name = guest.state().get().ok_or(Complaint::NotJoined)?;
        let text = protocol::check_text(text)?;
        let room = self.room();
        tell(&room, Reply::Said { id: guest.id(), name, text, at: now() });
        Ok(())
    }

    fn leave(&self, id: ClientId, name: &str) {
        let mut room = self.room();
        room.retain(|guest| guest.id() != id);
        tell(&room, Reply::Left { id, name, count: room.len() });
    }

    fn room(&self) -> MutexGuard<'_, Vec<Guest>> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells everyone in the room, and nobody who has not joined.
fn tell(room: &[Guest], news: Reply<'_>) {
    if let Some(anyone) = room.first() {
        anyone.endpoint().broadcast(news).only(room.iter().map(Client::id)).nowait();
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
