//! What is known of who is present at an endpoint.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use aerys_proto::Message;
use tokio::time::Instant;

use super::{
    Present,
    person::{Key, Person},
    plan::{Act, Origin, Step},
    sources::{Own, Source},
};

#[derive(Default)]
pub(super) struct State {
    /// Those that somebody is present in, or follows.
    pub(super) groups: HashMap<Arc<str>, Group>,
    /// What this node has of it.
    pub(super) own: Own,
    /// What other nodes have, by their nonces.
    pub(super) sources: HashMap<u64, Source>,
    /// The largest of what was shown.
    pub(super) stamp: u64,
    /// Those whose return is waited for, until when. Some may have returned.
    pub(super) lingering: BTreeSet<(Instant, Arc<str>, Key)>,
    /// Whether somebody waits for them.
    is_waited_for: bool,
    tickets: u64,
}

#[derive(Default)]
pub(super) struct Group {
    pub(super) persons: HashMap<Key, Arc<Person>>,
    /// How often one has come, has changed or has gone.
    pub(super) changes: u64,
    /// By their tickets, with what was said of changes since.
    pub(super) followers: Vec<(u64, Vec<Message>)>,
}

impl State {
    pub(super) fn of(&self, group: &str) -> Vec<Present> {
        let group = self.groups.get(group).into_iter();
        group.flat_map(|group| group.persons.values()).map(|it| it.present()).collect()
    }

    pub(super) fn count(&self, group: &str) -> usize {
        self.groups.get(group).map_or(0, |group| group.persons.len())
    }

    pub(super) fn counts(&self) -> Vec<(Arc<str>, usize)> {
        let groups = self.groups.iter().filter(|(_, group)| !group.persons.is_empty());
        groups.map(|(name, group)| (Arc::clone(name), group.persons.len())).collect()
    }

    pub(super) fn follow(&mut self, name: &Arc<str>) -> (u64, Vec<Present>) {
        self.tickets += 1;
        let group = self.groups.entry(Arc::clone(name)).or_default();
        group.followers.push((self.tickets, Vec::new()));
        (self.tickets, self.of(name))
    }

    /// Answers what was said since; `None` if it does not follow any more.
    pub(super) fn unfollow(&mut self, name: &Arc<str>, ticket: u64) -> Option<Vec<Message>> {
        let group = self.groups.get_mut(name)?;
        let index = group.followers.iter().position(|(it, _)| *it == ticket)?;
        let (_, missed) = group.followers.swap_remove(index);
        self.discard_if_empty(name);
        Some(missed)
    }

    pub(super) fn discard_if_empty(&mut self, name: &Arc<str>) {
        let group = self.groups.get(name);
        if group.is_some_and(|group| group.persons.is_empty() && group.followers.is_empty()) {
            self.groups.remove(name);
        }
    }

    pub(super) fn begin_waiting(&mut self) -> Option<Instant> {
        if self.is_waited_for {
            return None;
        }
        let (until, ..) = self.lingering.first()?;
        self.is_waited_for = true;
        Some(*until)
    }

    pub(super) fn overdue(&mut self, now: Instant) -> (Vec<Step>, Option<Instant>) {
        let mut steps = Vec::new();
        while self.lingering.first().is_some_and(|(until, ..)| *until <= now) {
            if let Some((_, group, key)) = self.lingering.pop_first() {
                steps.push(Step { origin: Origin::Nobody, group, key, act: Act::Expire });
            }
        }
        let next = self.lingering.first().map(|(until, ..)| *until);
        self.is_waited_for = next.is_some();
        (steps, next)
    }
}
