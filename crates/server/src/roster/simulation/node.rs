//! One node of the simulation, with its clients and what they have heard.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Weak},
};

use aerys_proto::Message;

use super::{
    super::{Choice, Onlooker, Roster, guest::Guest},
    GROUPS, NODE_LEASE,
    bus::SimulatedBus,
};
use crate::{
    cluster::{Cluster, Joined},
    connection::ClientId,
    presence::{PresenceChange, PresenceEvent},
    runtime::Worker,
    sync::Mutex,
};

/// Whom a message is for, in whose words, and which of theirs it is.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) publisher: usize,
    pub(super) number: u64,
    pub(super) group: Option<&'static str>,
    pub(super) only: Option<Vec<ClientId>>,
    pub(super) except: Vec<ClientId>,
}

pub(super) struct Node {
    pub(super) cluster: Cluster,
    pub(super) joined: Option<Joined>,
    pub(super) roster: Arc<Roster<Guest>>,
    pub(super) clients: Vec<SimulatedClient>,
    /// How many broadcasts have arrived.
    pub(super) arrived: u64,
    pub(super) forwarded: u64,
    pub(super) not_forwarded: u64,
    seen: Arc<Seen>,
}

pub(super) struct SimulatedClient {
    pub(super) id: ClientId,
    pub(super) groups: BTreeSet<&'static str>,
    /// What it shows in each, and as whom.
    pub(super) shown: BTreeMap<&'static str, (Option<String>, String)>,
    guest: Guest,
    /// The last number that it has heard of each publisher, for each audience.
    heard: HashMap<(usize, Option<&'static str>), u64>,
}

/// Who is present by what was told of changes: identities or ids, with what is shown.
#[derive(Default)]
struct Seen(Mutex<BTreeMap<String, BTreeMap<String, String>>>);

impl Node {
    pub(super) fn new(bus: SimulatedBus, workers: &[Arc<Worker>]) -> Self {
        let cluster = Cluster::new(bus).lease(NODE_LEASE);
        let roster = Roster::new("simulated".into(), "/".into(), Arc::default(), workers);
        let (roster, seen) = (Arc::new(roster), Arc::new(Seen::default()));
        let onlooker: Weak<Seen> = Arc::downgrade(&seen);
        roster.ask(onlooker);
        roster.connect(cluster.link());
        let joined = cluster.link().begin().expect("it is one server's");
        Self {
            cluster,
            joined: Some(joined),
            roster,
            clients: Vec::new(),
            arrived: 0,
            forwarded: 0,
            not_forwarded: 0,
            seen,
        }
    }

    pub(super) fn come(&mut self, worker: usize) {
        let id = self.roster.next_id(worker);
        let guest = Guest::new();
        assert!(self.roster.join(id, guest.clone(), || true));
        let (groups, shown, heard) = Default::default();
        self.clients.push(SimulatedClient { id, groups, shown, guest, heard });
    }

    pub(super) fn go(&mut self, index: usize) {
        let client = self.clients.swap_remove(index);
        self.roster.leave(client.id);
        client.guest.gone();
    }

    /// Each client that a message is for hears it, and nobody hears anything else.
    pub(super) fn hear(&mut self, sent: Option<&Sent>) {
        for client in &mut self.clients {
            let heard = client.guest.heard();
            let Some(sent) = sent.filter(|sent| client.is_meant(sent)) else {
                assert!(heard.is_empty(), "{heard:?} was not for it");
                continue;
            };
            assert_eq!(heard, [sent.text()]);
            let last = client.heard.insert((sent.publisher, sent.group), sent.number);
            assert!(last.is_none_or(|last| last < sent.number), "{sent:?} comes after {last:?}");
        }
    }

    /// What was told of changes comes to what is.
    pub(super) fn check_changes(&self) {
        for group in GROUPS {
            let present = self.roster.present(group);
            let present =
                present.iter().map(|it| (key(it.id, it.identity.as_deref()), it.shown.to_string()));
            let seen = self.seen.0.lock().get(group).cloned().unwrap_or_default();
            assert_eq!(present.collect::<BTreeMap<_, _>>(), seen, "{group}");
        }
    }
}

impl SimulatedClient {
    fn is_meant(&self, sent: &Sent) -> bool {
        sent.group.is_none_or(|group| self.groups.contains(group))
            && sent.only.as_ref().is_none_or(|only| only.contains(&self.id))
            && !sent.except.contains(&self.id)
    }
}

impl Sent {
    pub(super) fn choice(&self) -> Choice {
        let mut choice = self.group.map_or_else(Choice::default, |group| Choice::of(group.into()));
        if let Some(only) = &self.only {
            choice.only(only.iter().copied());
        }
        choice.except(self.except.iter().copied());
        choice
    }

    pub(super) fn text(&self) -> String {
        format!("{} of {}", self.number, self.publisher)
    }
}

/// What tells one who is present from another.
pub(super) fn key(id: ClientId, identity: Option<&str>) -> String {
    identity.map_or_else(|| id.to_string(), |identity| format!("as {identity}"))
}

impl Onlooker for Seen {
    fn said_of(&self, group: &Arc<str>, change: &PresenceChange) -> Option<Message> {
        let PresenceChange { event, present, count } = change;
        let mut seen = self.0.lock();
        let seen = seen.entry(group.to_string()).or_default();
        let (key, shown) =
            (key(present.id, present.identity.as_deref()), present.shown.to_string());
        match event {
            PresenceEvent::Joined => assert_eq!(seen.insert(key, shown), None),
            PresenceEvent::Changed => assert_ne!(seen.insert(key, shown.clone()), Some(shown)),
            PresenceEvent::Left => assert!(seen.remove(&key).is_some()),
        }
        assert_eq!(seen.len(), *count);
        None
    }
}
