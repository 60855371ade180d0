//! Who is in which room, and what is told to whom.
//!
//! A room is a group of the endpoints that the chat has, and whoever has joined with a name is present in it. Nobody is
//! told anything before. On a cluster a room is one on all nodes: each tells its own clients who is there.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    mem,
    time::{SystemTime, UNIX_EPOCH},
};

use aerys::{Endpoint, Group, Message, PresenceChange, PresenceEvent};

use super::{
    Guest, LOBBY, Person,
    protocol::{Complaint, Reply, RoomCount},
};

/// How many rooms are listed at most.
const MAX_LISTED: usize = 50;

/// Of the list of rooms a slow client gets the latest alone.
const LIST_KEY: &str = "rooms";

/// A clone has the same endpoints.
#[derive(Clone, Default)]
pub(super) struct Rooms {
    /// Of a room for each name, and of the lobby.
    endpoints: Vec<Endpoint<Person>>,
    /// Whether the list is going to be told.
    is_list_due: bool,
}

impl Rooms {
    pub(super) fn open(&mut self, endpoint: &Endpoint<Person>) {
        self.endpoints.push(endpoint.clone());
    }

    pub(super) fn close(&mut self, endpoint: &Endpoint<Person>) {
        self.endpoints.retain(|it| it.path() != endpoint.path());
    }

    /// Lets a guest into its room under a name, and welcomes it.
    pub(super) fn join(&self, guest: &Guest, name: &str) -> Result<(), Complaint> {
        let Person { room, name: own } = guest.state();
        guest.join(room).map_err(Complaint::NoPlace)?;
        let name = own.get_or_init(|| name.to_owned());
        // Those who are there are told of it.
        guest.show(room, name.as_str()).map_err(Complaint::NotShown)?;
        let other_names: Vec<_> = self
            .others(guest.endpoint(), room)
            .flat_map(|room| room.presence())
            .map(|it| it.shown.to_string())
            .collect();
        guest.endpoint().group(room).send_presence(guest, |present| {
            let names = present.iter().map(|it| it.shown.to_string());
            let people: Vec<_> = other_names.iter().cloned().chain(names).collect();
            Reply::Welcome { id: guest.id(), name, count: people.len(), people }.into()
        });
        guest.send(self.list()).key(LIST_KEY).nowait();
        Ok(())
    }

    pub(super) fn say(&self, guest: &Guest, name: &str, text: &str) {
        let said = Message::from(Reply::Said { id: guest.id(), name, text, at: now() });
        for endpoint in &self.endpoints {
            endpoint.group(&guest.state().room).broadcast(said.clone()).nowait();
        }
    }

    /// What those in a room on this node are told of a change there. Those who are in it by the other path are told here.
    pub(super) fn said_of(&self, room: &Group<Person>, change: &PresenceChange) -> Option<Message> {
        let (id, name) = (change.present.id, change.present.shown.as_text()?);
        let others = self.others(room.endpoint(), room.name());
        let count = change.count + others.map(|room| room.presence_len()).sum::<usize>();
        let news = Message::from(match change.event {
            PresenceEvent::Joined => Reply::Joined { id, name, count },
            PresenceEvent::Left => Reply::Left { id, name, count },
            // A name stays.
            _ => return None,
        });
        for room in self.others(room.endpoint(), room.name()) {
            room.broadcast(news.clone()).local().nowait();
        }
        Some(news)
    }

    /// Answers whether it is for the caller to have the list told: nobody has yet, since the last time.
    pub(super) fn list_is_due(&mut self) -> bool {
        !mem::replace(&mut self.is_list_due, true)
    }

    /// The next change is to have the list told.
    pub(super) fn list_is_told(&mut self) {
        self.is_list_due = false;
    }

    /// Tells the list of rooms to everybody on this node who is in one.
    pub(super) fn tell_list(&self) {
        let list = self.list();
        for endpoint in &self.endpoints {
            for group in endpoint.groups() {
                group.broadcast(list.clone()).key(LIST_KEY).local().nowait();
            }
        }
    }

    /// The lobby, and the largest rooms.
    fn list(&self) -> Message {
        let mut counts = BTreeMap::<String, usize>::new();
        for (room, count) in self.endpoints.iter().flat_map(|it| it.presence_counts()) {
            *counts.entry(room.name().to_owned()).or_default() += count;
        }
        let in_lobby = counts.remove(LOBBY).unwrap_or_default();
        let mut others: Vec<_> =
            counts.iter().map(|(name, count)| RoomCount { name, count: *count }).collect();
        if others.len() >= MAX_LISTED {
            others.select_nth_unstable_by_key(MAX_LISTED - 1, order);
            others.truncate(MAX_LISTED - 1);
        }
        others.sort_unstable_by_key(order);
        others.insert(0, RoomCount { name: LOBBY, count: in_lobby });
        Reply::Rooms { rooms: others }.into()
    }

    /// The same room of the chat's other endpoints.
    fn others<'r>(
        &'r self,
        endpoint: &'r Endpoint<Person>,
        room: &'r str,
    ) -> impl Iterator<Item = Group<Person>> + 'r {
        let others = self.endpoints.iter().filter(|it| it.path() != endpoint.path());
        others.map(move |it| it.group(room))
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
