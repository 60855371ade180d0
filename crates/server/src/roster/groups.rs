//! The groups of an endpoint: who of one shard is in which, and how many are in each of all shards together.

use std::{
    cell::Cell,
    collections::{HashMap, hash_map::Entry},
    hash::BuildHasherDefault,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use indexmap::IndexMap;

use super::members::Scatter;
use crate::{
    connection::ClientId, error::JoinError, metrics::EndpointCounters, options::GroupLimits,
    sync::Mutex,
};

/// Who of a shard is in a group, and the number of the last message that was broadcast before it joined.
pub(super) type GroupMembers = IndexMap<ClientId, u64, BuildHasherDefault<Scatter>>;

/// Who of one shard is in which groups. A group that nobody of the shard is in has no room here, and neither has
/// a client that is in none.
#[derive(Default)]
pub(super) struct Groups {
    members: HashMap<Arc<str>, GroupMembers>,
    /// Each in the order in which it joined them.
    of_client: HashMap<ClientId, Vec<Arc<str>>, BuildHasherDefault<Scatter>>,
}

/// How many are in each group of an endpoint, and how many may be.
#[derive(Default)]
pub(super) struct GroupSizes {
    sizes: Mutex<HashMap<Arc<str>, Cell<usize>>>,
    limits: Limits,
    /// Where it is counted how many groups there are.
    counters: Arc<EndpointCounters>,
}

struct Limits {
    max_members: AtomicUsize,
    max_per_client: AtomicUsize,
}

impl Groups {
    /// Has a client of the shard in a group from the message after `since` on.
    pub(super) fn join(
        &mut self,
        id: ClientId,
        name: &str,
        since: u64,
        sizes: &GroupSizes,
    ) -> Result<(), JoinError> {
        // There are few, and a name is not hashed for it.
        let names = self.names(id);
        if names.iter().any(|it| **it == *name) {
            return Ok(());
        }
        let max = sizes.limits.max_per_client.load(Ordering::Relaxed);
        if names.len() >= max {
            return Err(JoinError::TooManyGroups { max });
        }
        let name = sizes.grow(name)?;
        self.of_client.entry(id).or_default().push(Arc::clone(&name));
        self.members.entry(name).or_default().insert(id, since);
        Ok(())
    }

    /// Answers whether it was in it.
    pub(super) fn leave(&mut self, id: ClientId, name: &str, sizes: &GroupSizes) -> bool {
        let Entry::Occupied(mut names) = self.of_client.entry(id) else { return false };
        let Some(index) = names.get().iter().position(|it| **it == *name) else { return false };
        names.get_mut().remove(index);
        if names.get().is_empty() {
            names.remove();
        }
        self.take_out(id, name);
        sizes.shrink(name);
        true
    }

    /// Takes a client out of all of them; answers which those were.
    pub(super) fn leave_all(&mut self, id: ClientId, sizes: &GroupSizes) -> Vec<Arc<str>> {
        let names = self.of_client.remove(&id).unwrap_or_default();
        for name in &names {
            self.take_out(id, name);
            sizes.shrink(name);
        }
        names
    }

    fn take_out(&mut self, id: ClientId, name: &str) {
        let Some(members) = self.members.get_mut(name) else { return };
        // As in the shard: who takes its place moves to the front.
        members.swap_remove(&id);
        if members.is_empty() {
            self.members.remove(name);
        }
    }

    /// What a client is in.
    pub(super) fn names(&self, id: ClientId) -> &[Arc<str>] {
        self.of_client.get(&id).map_or(&[], Vec::as_slice)
    }

    /// `None` if nobody of the shard is in it.
    pub(super) fn members(&self, name: &str) -> Option<&GroupMembers> {
        self.members.get(name)
    }

    pub(super) fn contains(&self, name: &str, id: ClientId) -> bool {
        self.since(name, id).is_some()
    }

    /// The number of the last message before a client joined a group.
    pub(super) fn since(&self, name: &str, id: ClientId) -> Option<u64> {
        self.members(name)?.get(&id).copied()
    }
}

impl GroupSizes {
    /// Of no group yet, counted here.
    pub(super) fn new(counters: Arc<EndpointCounters>) -> Self {
        Self { counters, ..Self::default() }
    }

    /// What holds for who joins from now on.
    pub(super) fn set_limits(&self, limits: GroupLimits) {
        let GroupLimits { max_members, max_per_client } = limits;
        self.limits.max_members.store(max_members.unwrap_or(usize::MAX), Ordering::Relaxed);
        self.limits.max_per_client.store(max_per_client, Ordering::Relaxed);
    }

    pub(super) fn size(&self, name: &str) -> usize {
        self.sizes.lock().get(name).map_or(0, Cell::get)
    }

    /// Each that has members.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.sizes.lock().keys().cloned().collect()
    }

    /// One more is in it. Answers its name, of which there is one copy.
    fn grow(&self, name: &str) -> Result<Arc<str>, JoinError> {
        let max = self.limits.max_members.load(Ordering::Relaxed);
        let mut sizes = self.sizes.lock();
        let Some((known, size)) = sizes.get_key_value(name) else {
            let name = Arc::from(name);
            sizes.insert(Arc::clone(&name), Cell::new(1));
            self.counters.groups.add(1);
            return Ok(name);
        };
        if size.get() >= max {
            return Err(JoinError::GroupFull { max });
        }
        size.set(size.get() + 1);
        Ok(Arc::clone(known))
    }

    /// One less is in it.
    fn shrink(&self, name: &str) {
        let mut sizes = self.sizes.lock();
        let Some(size) = sizes.get(name) else { return };
        size.set(size.get() - 1);
        if size.get() == 0 {
            sizes.remove(name);
            self.counters.groups.add(-1);
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_members: usize::MAX.into(), max_per_client: usize::MAX.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ClientId {
        ClientId::from_u64(number)
    }

    #[test]
    fn an_empty_group_and_a_client_in_none_own_nothing() {
        let (mut groups, sizes) = (Groups::default(), GroupSizes::default());
        for (client, name) in [(1, "tea"), (1, "milk"), (2, "tea"), (1, "tea")] {
            groups.join(id(client), name, 0, &sizes).unwrap();
        }
        assert_eq!((sizes.size("tea"), sizes.size("milk"), sizes.size("cake")), (2, 1, 0));
        assert_eq!(groups.names(id(1)), ["tea".into(), "milk".into()]);
        assert!(groups.leave(id(2), "tea", &sizes) && !groups.leave(id(2), "tea", &sizes));
        assert!(!groups.leave(id(3), "tea", &sizes) && !groups.leave(id(1), "cake", &sizes));
        assert_eq!(sizes.size("tea"), 1);
        assert_eq!(groups.leave_all(id(1), &sizes), ["tea".into(), "milk".into()]);
        assert_eq!(groups.leave_all(id(1), &sizes), []);
        assert!(groups.members.is_empty() && groups.of_client.is_empty());
        assert!(sizes.sizes.lock().is_empty());
    }

    #[test]
    fn a_limit_is_for_who_comes_and_not_for_who_is_there() {
        let (mut groups, sizes) = (Groups::default(), GroupSizes::default());
        sizes.set_limits(GroupLimits { max_members: Some(2), max_per_client: 2 });
        let mut join = |client, name| groups.join(id(client), name, 0, &sizes);
        assert_eq!(join(1, "tea"), Ok(()));
        assert_eq!(join(2, "tea"), Ok(()));
        assert_eq!(join(3, "tea"), Err(JoinError::GroupFull { max: 2 }));
        assert_eq!(join(1, "milk"), Ok(()));
        assert_eq!(join(1, "cake"), Err(JoinError::TooManyGroups { max: 2 }));
        // Who is in it already joins again, however full it is.
        assert_eq!((join(2, "tea"), join(1, "tea")), (Ok(()), Ok(())));
        // What was refused has left nothing behind.
        assert_eq!((sizes.size("tea"), sizes.size("milk"), sizes.size("cake")), (2, 1, 0));
        assert!(groups.leave(id(1), "tea", &sizes));
        assert_eq!(groups.join(id(3), "tea", 0, &sizes), Ok(()));
    }
}
