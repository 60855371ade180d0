//! What was broadcast to the members of one shard and has not been said to all of them.

use std::collections::VecDeque;

use super::{
    Member,
    audience::{Audience, Chosen},
    delivery::Delivery,
    groups::Groups,
    members::{Listed, Members},
    step::Step,
};
use crate::connection::ClientId;

/// How many members are told at a time, while their lock is held.
pub(super) const STEP: usize = 64;

/// How many deliveries may wait.
const MAX_DELIVERIES: usize = 1024;

/// And what several may cost, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// What may wait on the worker's own thread costs less, in bytes.
const LOCAL_BYTES: usize = 16 * 1024;

/// Messages have numbers, in the order in which they were broadcast. A member is *told* up to a
/// number: each message up to it has been put into its outbox, or is not for it. Whoever tells a member
/// holds the lock, goes on from there, and in that order; so each message is said to it once, in its
/// turn, whoever it is that tells it: the walk, or who is about to say something else to it.
///
/// The walk carries out the first delivery, [`STEP`] members at a time. It goes from the last member to
/// the first, and its cursor is how many are still to come. Whoever is behind it has been told:
///
/// - one that joins is the last, and is told of everything;
/// - when one leaves, the last takes its place, so that members move to the front only, and none gets
///   behind the cursor. One that was told and is before it now is met again, and told already.
#[derive(Default)]
pub(super) struct Backlog {
    waiting: VecDeque<Delivery>,
    /// Of the first of them, once its walk has begun.
    cursor: Option<usize>,
    /// The number of the last message.
    last: u64,
    /// In bytes.
    cost: usize,
}

impl Backlog {
    pub(super) fn push(&mut self, mut delivery: Delivery) {
        self.cost += delivery.cost();
        delivery.set_before(self.last);
        self.last = delivery.last();
        let delivery = match self.joinable() {
            Some(last) => last.merge(delivery),
            None => Err(delivery),
        };
        if let Err(delivery) = delivery {
            self.waiting.push_back(delivery);
        }
    }

    /// The audience that the next delivery could join, if it is equal to this one. Whether it is, is
    /// looked at when no lock is held.
    pub(super) fn similar_audience(&mut self, audience: &Audience) -> Option<Audience> {
        let last = self.joinable()?.audience();
        let has_copy = audience.group.is_some() || audience.chosen != Chosen::Everyone;
        (has_copy && last.cost() == audience.cost()).then(|| last.clone())
    }

    /// The last delivery, unless its walk has begun.
    fn joinable(&mut self) -> Option<&mut Delivery> {
        let is_under_way = self.waiting.len() == 1 && self.cursor.is_some();
        self.waiting.back_mut().filter(|_| !is_under_way)
    }

    /// The number of the last message.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Whether everyone has been told of everything up to a number.
    pub(super) fn is_told_to(&self, number: u64) -> bool {
        self.waiting.front().is_none_or(|first| first.before() >= number)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether the worker is too busy to keep up, so that whoever broadcasts does the work. One large
    /// message by itself does not say so. Who `is_here`, on the worker's thread, is who keeps it from
    /// getting to more: much does not wait then, so that it is soon known what the clients are owed.
    pub(super) fn is_full(&self, is_here: bool) -> bool {
        let max_bytes = if is_here { LOCAL_BYTES } else { MAX_BYTES };
        self.waiting.len() >= MAX_DELIVERIES || (self.waiting.len() > 1 && self.cost >= max_bytes)
    }

    /// Goes one step further with the walk of the first delivery.
    pub(super) fn walk<M: Member>(
        &mut self,
        members: &mut Members<M>,
        groups: &Groups,
        step: &mut Step<'_>,
    ) {
        let Some(delivery) = self.waiting.front() else { return };
        let Audience { group, chosen } = delivery.audience();
        let group = group.as_ref().map(|name| groups.members(name));
        let len = match (&group, chosen) {
            (_, Chosen::Only(ids)) => ids.len(),
            (None, Chosen::Everyone | Chosen::Except(_)) => members.len(),
            (Some(group), Chosen::Everyone | Chosen::Except(_)) => group.map_or(0, |it| it.len()),
        };
        let end = self.cursor.unwrap_or(len).min(len);
        let begin = end.saturating_sub(STEP);
        delivery.begin(step, end - begin);
        let mut tell = |it: &mut Listed<M>| delivery.tell(&it.member, &mut it.told, step);
        match (group, chosen) {
            (None, Chosen::Everyone) => members[begin..end].values_mut().rev().for_each(tell),
            (None, Chosen::Only(ids)) => {
                for id in &ids[begin..end] {
                    members.get_mut(id).map(&mut tell);
                }
            }
            (None, Chosen::Except(_)) => {
                for (id, listed) in members[begin..end].iter_mut().rev() {
                    if chosen.includes(*id) {
                        tell(listed);
                    }
                }
            }
            (Some(None), _) => {}
            (Some(Some(group)), Chosen::Only(ids)) => {
                for id in &ids[begin..end] {
                    if let (Some(since), Some(listed)) = (group.get(id), members.get_mut(id)) {
                        delivery.tell_since(*since, &listed.member, &mut listed.told, step);
                    }
                }
            }
            (Some(Some(group)), Chosen::Everyone | Chosen::Except(_)) => {
                for (id, since) in group[begin..end].iter().rev() {
                    if let Some(listed) = members.get_mut(id).filter(|_| chosen.includes(*id)) {
                        delivery.tell_since(*since, &listed.member, &mut listed.told, step);
                    }
                }
            }
        }
        if begin > 0 {
            self.cursor = Some(begin);
            return;
        }
        delivery.finish(&mut step.afterwards);
        self.cursor = None;
        self.cost -= delivery.cost();
        if let Some(delivery) = self.waiting.pop_front() {
            step.finish(delivery);
        }
    }

    /// Tells one member of what it has not been told, [`STEP`] deliveries at most. Answers whether that
    /// was all.
    pub(super) fn catch_up<M: Member>(
        &self,
        id: ClientId,
        listed: &mut Listed<M>,
        groups: &Groups,
        step: &mut Step<'_>,
    ) -> bool {
        let first = self.waiting.partition_point(|delivery| delivery.last() <= listed.told);
        for delivery in self.waiting.range(first..).take(STEP) {
            let Audience { group, chosen } = delivery.audience();
            let since = group.as_ref().map_or(Some(0), |name| groups.since(name, id));
            if let Some(since) = since.filter(|_| chosen.includes(id)) {
                delivery.tell_since(since, &listed.member, &mut listed.told, step);
            }
            listed.told = delivery.last();
        }
        self.waiting.len() - first <= STEP
    }
}
