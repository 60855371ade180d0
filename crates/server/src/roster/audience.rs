//! Whom a broadcast is for.

use std::{mem, sync::Arc};

use crate::connection::ClientId;

/// Whom a publisher has chosen, in its own words. What is made of that is made by the publisher,
/// before anything is locked.
#[derive(Default)]
pub(crate) struct Choice {
    /// `None` is everyone.
    only: Option<Vec<ClientId>>,
    except: Vec<ClientId>,
}

/// A [`Choice`] as the shards of some workers have it.
pub(super) struct Audiences {
    only: Option<Parts>,
    except: Parts,
}

/// Whom of one shard a broadcast is for. Its ids are all of that shard's worker, in order, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Audience {
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

    pub(super) fn split(self, workers: usize) -> Audiences {
        Audiences {
            only: self.only.map(|ids| Parts::new(ids, workers)),
            except: Parts::new(self.except, workers),
        }
    }
}

impl Audiences {
    /// The part of one worker, once; `None` if there is nobody in it.
    pub(super) fn take(&mut self, worker: usize) -> Option<Audience> {
        let except = self.except.take(worker);
        let Some(only) = &mut self.only else {
            let is_empty = except.is_empty();
            return Some(if is_empty {
                Audience::Everyone
            } else {
                Audience::Except(except.into())
            });
        };
        let mut only = only.take(worker);
        only.retain(|id| except.binary_search(id).is_err());
        (!only.is_empty()).then(|| Audience::Only(only.into()))
    }
}

impl Audience {
    /// Whether it is for this member of the shard.
    pub(super) fn includes(&self, id: ClientId) -> bool {
        match self {
            Self::Everyone => true,
            Self::Only(ids) => ids.binary_search(&id).is_ok(),
            Self::Except(ids) => ids.binary_search(&id).is_err(),
        }
    }

    /// In bytes.
    pub(super) fn cost(&self) -> usize {
        match self {
            Self::Everyone => 0,
            Self::Only(ids) | Self::Except(ids) => size_of_val(&**ids),
        }
    }

    /// Whether it is the same one; to look whether two are [equal](PartialEq) takes as long as they
    /// are large.
    pub(super) fn is(&self, other: &Self) -> bool {
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

    #[test]
    fn each_worker_has_its_own_part_of_a_choice() {
        let only = |numbers: &[u64]| Some(Audience::Only(ids(numbers).into()));
        let except = |numbers: &[u64]| Some(Audience::Except(ids(numbers).into()));
        let everyone = || Some(Audience::Everyone);
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
                    assert_eq!(audience.as_ref().is_some_and(|it| it.includes(id)), is_meant);
                }
            }
        }
    }
}
