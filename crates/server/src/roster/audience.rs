//! Whom a broadcast is for.

use std::{mem, sync::Arc};

use aerys_proto::Message;

use crate::{cluster::Outgoing, connection::ClientId};

/// Whom a publisher has chosen, in its own words. What is made of that is made by the publisher,
/// before anything is locked.
#[derive(Default)]
pub(crate) struct Choice {
    /// `None` is everyone.
    only: Option<Vec<ClientId>>,
    except: Vec<ClientId>,
    /// Of whom they are chosen; `None` is of all.
    group: Option<Arc<str>>,
}

/// A [`Choice`] as the shards of some workers have it.
pub(super) struct Audiences {
    only: Option<Parts>,
    except: Parts,
    group: Option<Arc<str>>,
}

/// Whom of one shard a broadcast is for: those of a group, if there is one, who are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Audience {
    pub(super) group: Option<Arc<str>>,
    pub(super) chosen: Chosen,
}

/// Its ids are all of one shard's worker, in order, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    Everyone,
    Only(Arc<[ClientId]>),
    Except(Arc<[ClientId]>),
}

/// Ids by the workers that they belong to; empty if there are none.
struct Parts(Vec<Vec<ClientId>>);

impl Choice {
    /// Only these, and those chosen before.
    pub(crate) fn only(&mut self, ids: impl IntoIterator<Item = ClientId>) {
        self.only.get_or_insert_default().extend(ids);
    }

    /// Not these, whoever else is chosen.
    pub(crate) fn except(&mut self, ids: impl IntoIterator<Item = ClientId>) {
        self.except.extend(ids);
    }

    /// Of those of a group alone.
    pub(crate) fn of(group: Arc<str>) -> Self {
        Self { group: Some(group), ..Self::default() }
    }

    /// What another node has chosen.
    pub(super) fn received(
        group: Option<Arc<str>>,
        only: Option<Vec<ClientId>>,
        except: Vec<ClientId>,
    ) -> Self {
        Self { only, except, group }
    }

    /// As it is told to other nodes.
    pub(super) fn outgoing<'m>(
        &'m self,
        endpoint: &'m str,
        key: Option<&'m str>,
        message: &'m Message,
    ) -> Outgoing<'m> {
        let Self { only, except, group } = self;
        Outgoing { endpoint, group: group.as_deref(), key, only: only.as_deref(), except, message }
    }

    /// The group of whom they are chosen.
    pub(super) fn group(&self) -> Option<&Arc<str>> {
        self.group.as_ref()
    }

    pub(super) fn split(self, workers: usize) -> Audiences {
        Audiences {
            only: self.only.map(|ids| Parts::new(ids, workers)),
            except: Parts::new(self.except, workers),
            group: self.group,
        }
    }
}

impl Audiences {
    /// The part of one worker, once; `None` if there is nobody in it.
    pub(super) fn take(&mut self, worker: usize) -> Option<Audience> {
        let except = self.except.take(worker);
        let chosen = match &mut self.only {
            None if except.is_empty() => Chosen::Everyone,
            None => Chosen::Except(except.into()),
            Some(only) => {
                let mut only = only.take(worker);
                only.retain(|id| except.binary_search(id).is_err());
                if only.is_empty() {
                    return None;
                }
                Chosen::Only(only.into())
            }
        };
        Some(Audience { group: self.group.clone(), chosen })
    }
}

impl Audience {
    #[cfg(test)]
    pub(super) const EVERYONE: Self = Self { group: None, chosen: Chosen::Everyone };

    /// In bytes.
    pub(super) fn cost(&self) -> usize {
        self.chosen.cost()
    }

    /// Whether it is the same one; to look whether two are [equal](PartialEq) takes as long as they
    /// are large.
    pub(super) fn is(&self, other: &Self) -> bool {
        let is_same_group = match (&self.group, &other.group) {
            (None, None) => true,
            (Some(name), Some(other)) => Arc::ptr_eq(name, other),
            _ => false,
        };
        is_same_group && self.chosen.is(&other.chosen)
    }
}

impl Chosen {
    /// Whether it is for this member of the shard.
    pub(super) fn includes(&self, id: ClientId) -> bool {
        match self {
            Self::Everyone => true,
            Self::Only(ids) => ids.binary_search(&id).is_ok(),
            Self::Except(ids) => ids.binary_search(&id).is_err(),
        }
    }

    fn cost(&self) -> usize {
        match self {
            Self::Everyone => 0,
            Self::Only(ids) | Self::Except(ids) => size_of_val(&**ids),
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everyone, Self::Everyone) => true,
            (Self::Only(ids), Self::Only(others)) | (Self::Except(ids), Self::Except(others)) => {
                Arc::ptr_eq(ids, others)
            }
            _ => false,
        }
    }
}

impl Parts {
    fn new(ids: Vec<ClientId>, workers: usize) -> Self {
        if ids.is_empty() {
            return Self(Vec::new());
        }
        let mut parts = vec![Vec::new(); workers];
        for id in ids {
            parts[id.worker(workers)].push(id);
        }
        for ids in &mut parts {
            ids.sort_unstable();
            ids.dedup();
        }
        Self(parts)
    }

    fn take(&mut self, worker: usize) -> Vec<ClientId> {
        self.0.get_mut(worker).map(mem::take).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u64]) -> Vec<ClientId> {
        numbers.iter().copied().map(ClientId::from_u64).collect()
    }

    fn of_all(chosen: Chosen) -> Audience {
        Audience { group: None, chosen }
    }

    #[test]
    fn each_worker_has_its_own_part_of_a_choice() {
        let only = |numbers: &[u64]| Some(of_all(Chosen::Only(ids(numbers).into())));
        let except = |numbers: &[u64]| Some(of_all(Chosen::Except(ids(numbers).into())));
        let everyone = || Some(Audience::EVERYONE);
        // Of two workers: one has the even ids.
        type Row = (Option<&'static [u64]>, &'static [u64], [Option<Audience>; 2]);
        let rows: [Row; 7] = [
            (None, &[], [everyone(), everyone()]),
            (None, &[4, 2, 4], [except(&[2, 4]), everyone()]),
            (None, &[5, 2], [except(&[2]), except(&[5])]),
            (Some(&[]), &[], [None, None]),
            (Some(&[6, 3, 4, 6]), &[], [only(&[4, 6]), only(&[3])]),
            (Some(&[6, 3, 4]), &[4, 3, 8], [only(&[6]), None]),
            (Some(&[1]), &[1], [None, None]),
        ];
        for (chosen, left_out, parts) in rows {
            let mut choice = Choice::default();
            if let Some(chosen) = chosen {
                choice.only(ids(chosen));
            }
            choice.except(ids(left_out));
            let mut audiences = choice.split(2);
            for (worker, part) in parts.into_iter().enumerate() {
                let audience = audiences.take(worker);
                assert_eq!(audience, part, "{chosen:?} {left_out:?}");
                for id in (1..10).map(ClientId::from_u64).filter(|id| id.worker(2) == worker) {
                    let is_chosen = chosen.is_none_or(|them| them.contains(&id.as_u64()));
                    let is_meant = is_chosen && !left_out.contains(&id.as_u64());
                    assert_eq!(
                        audience.as_ref().is_some_and(|it| it.chosen.includes(id)),
                        is_meant
                    );
                }
            }
        }
    }

    #[test]
    fn who_is_chosen_of_a_group_is_chosen_of_those_of_each_worker() {
        let tea: Arc<str> = "tea".into();
        let mut choice = Choice::of(Arc::clone(&tea));
        choice.except(ids(&[2]));
        let mut audiences = choice.split(2);
        let [even, odd] = [0, 1].map(|worker| audiences.take(worker).unwrap());
        assert_eq!((even.group.as_ref(), odd.group.as_ref()), (Some(&tea), Some(&tea)));
        assert_eq!((even.chosen, odd.chosen), (Chosen::Except(ids(&[2]).into()), Chosen::Everyone));
        let mut choice = Choice::of(tea);
        choice.only([]);
        assert_eq!(choice.split(2).take(0), None);
    }
}
