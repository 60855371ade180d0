//! A change to one who is present: what is to be done, what that comes to, and whether it came to it.

use std::{sync::Arc, time::Duration};

use aerys_proto::Message;
use tokio::time::Instant;

use super::{
    MAX_MISSED, PresenceChange,
    person::{Key, Person, Record},
    sources::Records,
    state::{Group, State},
    wire::Told,
};
use crate::connection::ClientId;

/// What is to be done to one who is present in a group, or is to be.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(super) origin: Origin,
    pub(super) group: Arc<str>,
    pub(super) key: Key,
    pub(super) act: Act,
}

/// Whose clients it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// This node's.
    Here,
    /// Those of another, which has this nonce.
    Node(u64),
    /// Nobody's any more.
    Nobody,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Show(Record),
    Hide(ClientId),
    /// The time to return is over.
    Expire,
}

/// What a [`Step`] comes to.
pub(crate) struct Plan {
    pub(super) step: Step,
    before: Option<Arc<Person>>,
    after: Option<Arc<Person>>,
    /// How often something had changed in the group.
    changes: u64,
    change: Option<PresenceChange>,
}

/// What has come of a [`Plan`].
pub(crate) enum Committed {
    Done,
    /// Something else has changed; this is still to be done.
    Again(Step),
    /// The client is not to be present.
    Refused,
}

impl Step {
    /// A client of this node shows something.
    pub(super) fn show(id: ClientId, group: &str, identity: Option<&str>, shown: Message) -> Self {
        let identity = identity.map(Arc::from);
        // It gets its stamp when that is done.
        let record = Record { id, identity, shown, stamp: 0, since: Instant::now() };
        let (origin, key) = (Origin::Here, record.key());
        Self { origin, group: group.into(), key, act: Act::Show(record) }
    }

    /// The client whose doing it is.
    pub(crate) fn client(&self) -> Option<ClientId> {
        match &self.act {
            Act::Show(record) => Some(record.id),
            Act::Hide(id) => Some(*id),
            Act::Expire => None,
        }
    }

    /// The client of this node that shows something: it is to be in the group then.
    pub(crate) fn shower(&self) -> Option<ClientId> {
        let is_here = self.origin == Origin::Here && matches!(self.act, Act::Show(_));
        self.client().filter(|_| is_here)
    }

    /// Whether both are about the same one.
    pub(crate) fn is_of_same(&self, other: &Self) -> bool {
        self.key == other.key
    }

    pub(crate) fn group(&self) -> &Arc<str> {
        &self.group
    }
}

impl Plan {
    /// What those who look on are to be told.
    pub(crate) fn change(&self) -> Option<&PresenceChange> {
        self.change.as_ref()
    }

    pub(crate) fn step(&self) -> &Step {
        &self.step
    }
}

impl State {
    /// Somebody may have shown itself as someone else before: that is to be taken back first.
    pub(super) fn hiding(&self, id: ClientId, group: &str) -> Option<Step> {
        let group = Arc::<str>::from(group);
        let key = self.own.records.get(&(Arc::clone(&group), id))?.clone();
        Some(Step { origin: Origin::Here, group, key, act: Act::Hide(id) })
    }

    pub(super) fn plan(&self, mut step: Step, linger: Duration) -> Option<Plan> {
        let group = self.groups.get(&step.group);
        let before = group.and_then(|group| group.persons.get(&step.key)).cloned();
        let lingers = matches!(step.key, Key::Identity(_)) && !linger.is_zero();
        let after = match (&mut step.act, &before) {
            (Act::Show(record), before) => {
                if step.origin == Origin::Here {
                    record.stamp = self.stamp + 1;
                }
                Some(Person::with(before.as_deref(), record.clone()))
            }
            (Act::Hide(id), Some(before)) => {
                before.record(*id)?;
                if step.origin == Origin::Nobody && self.is_somebodys(&step.group, *id) {
                    return None;
                }
                before.without(*id, lingers.then(|| Instant::now() + linger))
            }
            (Act::Expire, Some(before)) => {
                let is_due = before.lingers_until.is_some_and(|until| until <= Instant::now());
                is_due.then_some(())?;
                None
            }
            (_, None) => return None,
        };
        let event = Person::event(before.as_deref(), after.as_ref());
        let count = group.map_or(0, |group| group.persons.len()) + usize::from(after.is_some())
            - usize::from(before.is_some());
        let change = event.and_then(|event| {
            let present = after.as_ref().or(before.as_deref())?.present();
            Some(PresenceChange { event, present, count })
        });
        let changes = group.map_or(0, |group| group.changes);
        Some(Plan { step, before, after: after.map(Arc::new), changes, change })
    }

    pub(super) fn commit(
        &mut self,
        plan: Plan,
        said: Option<&Message>,
        enqueue: impl FnOnce() -> bool,
    ) -> Committed {
        let Plan { step, before, after, changes, change } = plan;
        let group = self.groups.get(&step.group);
        let now = group.and_then(|group| group.persons.get(&step.key));
        let is_same = now.map(Arc::as_ptr) == before.as_ref().map(Arc::as_ptr)
            && group.map_or(0, |group| group.changes) == changes;
        if !is_same {
            return Committed::Again(step);
        }
        // What a node has told is nothing any more when it is gone.
        if let Origin::Node(nonce) = step.origin
            && !self.sources.contains_key(&nonce)
        {
            return Committed::Done;
        }
        if !enqueue() {
            return Committed::Refused;
        }
        self.note(&step);
        let Step { group: name, key, .. } = step;
        if let Some(until) = after.as_ref().and_then(|after| after.lingers_until) {
            self.lingering.insert((until, Arc::clone(&name), key.clone()));
        }
        let group = self.groups.entry(Arc::clone(&name)).or_default();
        match after {
            Some(after) => group.persons.insert(key, after),
            None => group.persons.remove(&key),
        };
        if change.is_some() {
            group.changes += 1;
        }
        if let Some(said) = said {
            group.keep(said);
        }
        self.discard_if_empty(&name);
        Committed::Done
    }

    /// Notes who is where, and what other nodes are to be told of it.
    fn note(&mut self, step: &Step) {
        let Step { origin, group, key, act } = step;
        match act {
            Act::Show(record) => {
                self.stamp = self.stamp.max(record.stamp);
                let place = (Arc::clone(group), record.id);
                self.records(*origin).map(|it| it.insert(place, key.clone()));
            }
            Act::Hide(id) => {
                let place = (Arc::clone(group), *id);
                self.records(*origin).map(|it| it.remove(&place));
            }
            Act::Expire => {}
        }
        if *origin == Origin::Here {
            let group = Arc::clone(group);
            match act.clone() {
                Act::Show(record) => self.own.tell(|seq| Told::Shown { seq, group, record }),
                Act::Hide(id) => self.own.tell(|seq| Told::Hidden { seq, group, id }),
                Act::Expire => {}
            }
        }
    }

    fn records(&mut self, origin: Origin) -> Option<&mut Records> {
        match origin {
            Origin::Here => Some(&mut self.own.records),
            Origin::Node(nonce) => self.sources.get_mut(&nonce).map(|it| &mut it.records),
            Origin::Nobody => None,
        }
    }

    /// Whether a node has that client there, this one or another.
    fn is_somebodys(&self, group: &Arc<str>, id: ClientId) -> bool {
        let place = (Arc::clone(group), id);
        let mut sources = self.sources.values();
        self.own.records.contains_key(&place)
            || sources.any(|source| source.records.contains_key(&place))
    }
}

impl Group {
    /// Keeps what is said of a change for those who are about to be told who is present.
    fn keep(&mut self, said: &Message) {
        for (_, missed) in &mut self.followers {
            if missed.len() < MAX_MISSED {
                missed.push(said.clone());
            }
        }
    }
}
