//! Who is in which room, and what is told to whom.
//!
//! A room is a group of the endpoints that the chat has: whoever has joined with a name is in it. Nobody is told
//! anything before. Who is there is told on each node of a cluster by itself; what is said is heard on all.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    mem,
    time::{SystemTime, UNIX_EPOCH},
};

use aerys::{ClientId, Endpoint, JoinError, Message};

use super::{
    Guest, LOBBY, Presence,
    protocol::{Complaint, Reply, RoomCount},
};

/// How many rooms are listed at most.
const MAX_LISTED: usize = 50;

/// Of the list of rooms a slow client gets the latest alone.
const LIST_KEY: &str = "rooms";

#[derive(Default)]
pub(super) struct Rooms {
    /// Of a room for each name, and of the lobby.
    endpoints: Vec<Endpoint<Presence>>,
    /// Those that somebody is in, with who is, in the order in which they joined.
    people: BTreeMap<String, Vec<Guest>>,
    /// Whether the list is going to be told.
    is_list_due: bool,
}

impl Rooms {
    pub(super) fn open(&mut self, endpoint: &Endpoint<Presence>) {
        self.endpoints.push(endpoint.clone());
    }

    pub(super) fn close(&mut self, endpoint: &Endpoint<Presence>) {
        self.endpoints.retain(|it| it.path() != endpoint.path());
    }

    /// Lets a guest into its room under a name, welcomes it, and tells those who are there.
    pub(super) fn join(&mut self, guest: &Guest, name: &str) -> Result<(), Complaint> {
        let Presence { room, name: own } = guest.state();
        match guest.join(room) {
            // Whoever has gone hears nothing, and has left already.
            Err(JoinError::ClientGone) => return Ok(()),
            joined => joined.map_err(Complaint::NoPlace)?,
        }
        let (id, name) = (guest.id(), own.get_or_init(|| name.to_owned()));
        let people = self.people.entry(room.clone()).or_default();
        people.push(guest.clone());
        let count = people.len();
        let names = people.iter().filter_map(|guest| guest.state().name.get()).collect();
        guest.send(Reply::Welcome { id, name, count, people: names }).nowait();
        guest.send(self.list()).key(LIST_KEY).nowait();
        self.tell(room, Reply::Joined { id, name, count }, Some(id));
        Ok(())
    }

    pub(super) fn say(&self, guest: &Guest, name: &str, text: &str) {
        let said = Message::from(Reply::Said { id: guest.id(), name, text, at: now() });
        for endpoint in &self.endpoints {
            endpoint.group(&guest.state().room).broadcast(said.clone()).nowait();
        }
    }

    /// Answers whether somebody has left who had joined.
    pub(super) fn leave(&mut self, id: ClientId, presence: &Presence) -> bool {
        let Presence { room, name } = presence;
        let (Some(name), Some(people)) = (name.get(), self.people.get_mut(room)) else {
            return false;
        };
        people.retain(|guest| guest.id() != id);
        let count = people.len();
        if count == 0 {
            self.people.remove(room);
        }
        self.tell(room, Reply::Left { id, name, count }, None);
        true
    }

    /// Answers whether it is for the caller to have the list told: nobody has yet, since the last time.
    pub(super) fn list_is_due(&mut self) -> bool {
        !mem::replace(&mut self.is_list_due, true)
    }

    /// Tells the list of rooms to everybody who is in one.
    pub(super) fn tell_list(&mut self) {
        self.is_list_due = false;
        let list = self.list();
        for endpoint in &self.endpoints {
            for group in endpoint.groups() {
                group.broadcast(list.clone()).key(LIST_KEY).local().nowait();
            }
        }
    }

    /// The lobby, and the largest rooms.
    fn list(&self) -> Message {
        let count = |room: &str| self.people.get(room).map_or(0, Vec::len);
        let others = self.people.iter().filter(|(name, _)| *name != LOBBY);
        let mut others: Vec<_> =
            others.map(|(name, people)| RoomCount { name, count: people.len() }).collect();
        if others.len() >= MAX_LISTED {
            others.select_nth_unstable_by_key(MAX_LISTED - 1, order);
            others.truncate(MAX_LISTED - 1);
        }
        others.sort_unstable_by_key(order);
        others.insert(0, RoomCount { name: LOBBY, count: count(LOBBY) });
        Reply::Rooms { rooms: others }.into()
    }

    /// Tells everyone in a room on this node, but for one.
    fn tell(&self, room: &str, news: Reply<'_>, except: Option<ClientId>) {
        let news = Message::from(news);
        for endpoint in &self.endpoints {
            endpoint.group(room).broadcast(news.clone()).except(except).local().nowait();
        }
    }
}

/// The largest first.
fn order<'a>(room: &RoomCount<'a>) -> (Reverse<usize>, &'a str) {
    (Reverse(room.count), room.name)
}

/// In milliseconds since 1970, as JavaScript's `Date` counts.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}
