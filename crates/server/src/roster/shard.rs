//! The clients that one worker drives, and what is said to all of them.

#[cfg(test)]
mod tests;

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aerys_proto::Config;

use super::{
    Member,
    backlog::Backlog,
    delivery::Delivery,
    groups::{GroupSizes, Groups},
    members::{Listed, Members},
    step::Step,
};
use crate::{
    connection::{ClientId, Shared},
    error::JoinError,
    metrics::EndpointCounters,
    runtime::{Order, Worker},
    sync::{FairMutex, MutexGuard, Rank},
};

/// The worker itself takes the lock all the time and others hardly ever, so it is as good as free. It is
/// held for one step of a walk at most.
pub(super) struct Shard<M> {
    worker: Arc<Worker>,
    /// What its members' connections go by.
    protocol: Arc<Config>,
    counters: Arc<EndpointCounters>,
    /// Whether not everyone has been told of everything.
    is_behind: AtomicBool,
    state: FairMutex<State<M>>,
}

/// A delivery that the worker is to be told of.
#[must_use = "nobody is told before `Shard::order`"]
pub(super) struct Given {
    /// The number of its last message.
    last: u64,
    /// Whether too much waits.
    is_full: bool,
    /// Whether the worker knows that something does.
    is_known: bool,
}

struct State<M> {
    members: Members<M>,
    groups: Groups,
    backlog: Backlog,
    /// Whether the worker has been told that there is a backlog.
    is_ordered: bool,
}

impl<M> Shard<M> {
    pub(super) fn new(
        worker: Arc<Worker>,
        protocol: Arc<Config>,
        counters: Arc<EndpointCounters>,
    ) -> Self {
        let (members, groups, backlog) = Default::default();
        let state = State { members, groups, backlog, is_ordered: false };
        Self {
            worker,
            protocol,
            counters,
            is_behind: AtomicBool::new(false),
            state: FairMutex::new(Rank::Turn, Rank::Shard, state),
        }
    }

    pub(super) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    /// What its worker counts of the endpoint.
    pub(super) fn counters(&self) -> &Arc<EndpointCounters> {
        &self.counters
    }

    /// Makes a client a member, if `accept` lets it in. Whoever learns that it was finds it here.
    pub(super) fn join(&self, id: ClientId, member: M, accept: impl FnOnce() -> bool) -> bool {
        let mut state = self.lock();
        let is_accepted = accept();
        if is_accepted {
            // What was broadcast before it came is not for it.
            let told = state.backlog.last();
            state.members.insert(id, Listed { member, told });
            self.counters.clients.set(state.members.len() as u64);
        }
        is_accepted
    }

    pub(super) fn len(&self) -> usize {
        self.lock().members.len()
    }

    pub(super) fn client(&self, id: ClientId) -> Option<M>
    where
        M: Clone,
    {
        self.lock().members.get(&id).map(|listed| listed.member.clone())
    }

    pub(super) fn clients(&self) -> Vec<M>
    where
        M: Clone,
    {
        self.lock().members.values().map(|listed| listed.member.clone()).collect()
    }

    /// Has a client in a group: what is broadcast there from now on is for it.
    pub(super) fn join_group(
        &self,
        id: ClientId,
        name: &str,
        sizes: &GroupSizes,
    ) -> Result<(), JoinError> {
        let mut state = self.lock();
        if !state.members.contains_key(&id) {
            return Err(JoinError::ClientGone);
        }
        let since = state.backlog.last();
        state.groups.join(id, name, since, sizes)
    }

    /// What a client is in.
    pub(super) fn groups(&self, id: ClientId) -> Vec<Arc<str>> {
        self.lock().groups.names(id).to_vec()
    }

    /// Whether it is a member.
    pub(super) fn is_member(&self, id: ClientId) -> bool {
        self.lock().members.contains_key(&id)
    }

    /// Whether any of its members is in a group.
    pub(super) fn has_group(&self, name: &str) -> bool {
        self.lock().groups.members(name).is_some()
    }

    pub(super) fn is_in_group(&self, id: ClientId, name: &str) -> bool {
        self.lock().groups.contains(name, id)
    }

    pub(super) fn group_members(&self, name: &str) -> Vec<M>
    where
        M: Clone,
    {
        let state = self.lock();
        let ids = state.groups.members(name).into_iter().flat_map(|members| members.keys());
        ids.filter_map(|id| state.members.get(id)).map(|listed| listed.member.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock()
    }
}

impl<M: Member> Shard<M> {
    /// Takes a member out, and answers in which groups it was. What was broadcast while it was one is counted
    /// as lost with it.
    pub(super) fn leave(&self, id: ClientId, sizes: &GroupSizes) -> Vec<Arc<str>> {
        let (_gone, groups) = self.caught_up(id, |state| {
            let member = state.members.swap_remove(&id);
            self.counters.clients.set(state.members.len() as u64);
            (member, state.groups.leave_all(id, sizes))
        });
        groups
    }

    /// Takes a client out of a group; answers whether it was in it. It is told what was broadcast there before.
    pub(super) fn leave_group(&self, id: ClientId, name: &str, sizes: &GroupSizes) -> bool {
        self.caught_up(id, |state| state.groups.leave(id, name, sizes))
    }

    /// Tells a member what was broadcast before this moment, and then, before anything else is, does this.
    fn caught_up<R>(&self, id: ClientId, mut then: impl FnMut(&mut State<M>) -> R) -> R {
        loop {
            let mut step = Step::elsewhere();
            let mut state = self.lock();
            let is_told = state.catch_up(id, &mut step);
            let outcome = is_told.then(|| then(&mut state));
            drop(state);
            step.run(&self.counters);
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
    }

    /// Looks at so many members at most, from the last of the first `until` on towards the first, and answers how many
    /// are left. Who comes meanwhile is behind those, and so is who takes the place of one that goes: it may be looked
    /// at twice, and nobody who stays is left out.
    pub(super) fn look(
        &self,
        until: Option<usize>,
        most: usize,
        look: &mut dyn FnMut(ClientId, &Shared),
    ) -> usize {
        let state = self.lock();
        let all = state.members.len();
        let until = until.map_or(all, |until| until.min(all));
        let left = until.saturating_sub(most);
        for (id, listed) in state.members.as_slice()[left..until].iter().rev() {
            look(*id, listed.member.shared());
        }
        left
    }

    /// Tells a member what was broadcast before this moment. Costs one atomic load if everyone has been
    /// told.
    ///
    /// Who knows of a broadcast finds that there is one, or that it was carried out: both are said under
    /// the lock, one after the other.
    #[inline]
    pub(super) fn catch_up(&self, id: ClientId) {
        if self.is_behind() {
            self.tell(id);
        }
    }

    #[cold]
    fn tell(&self, id: ClientId) {
        while self.is_behind() {
            let mut step = Step::elsewhere();
            let is_told = self.lock().catch_up(id, &mut step);
            step.run(&self.counters);
            if is_told {
                return;
            }
        }
    }

    #[inline]
    fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Acquire)
    }

    /// Carries out what was broadcast up to the message with this number.
    fn walk_to(&self, number: u64) {
        loop {
            let mut step = Step::elsewhere();
            let mut state = self.lock();
            if state.backlog.is_told_to(number) {
                return;
            }
            self.walk(&mut state, &mut step);
            drop(state);
            step.run(&self.counters);
        }
    }

    /// Goes one step further with the walk.
    fn walk(&self, state: &mut State<M>, step: &mut Step<'_>) {
        let State { members, groups, backlog, .. } = state;
        backlog.walk(members, groups, step);
        if backlog.is_empty() {
            self.is_behind.store(false, Ordering::Release);
        }
    }
}

impl<M: Member + Send + Sync + 'static> Shard<M> {
    /// Broadcasts to the members of this moment. They are told as soon as the worker gets to it, or what
    /// is said to one of them next; if too much waits for that, at once.
    pub(super) fn give(self: &Arc<Self>, mut delivery: Delivery) {
        // Compared without the lock: they may be large.
        let audience = self.lock().backlog.similar_audience(delivery.audience());
        if let Some(audience) = audience.filter(|audience| audience == delivery.audience()) {
            delivery.share_audience(audience);
        }
        let given = self.enqueue(delivery);
        self.order(given);
    }

    /// Broadcasts to the members of this moment, who are told when the worker has the [order](Self::order). Does nothing
    /// foreign.
    pub(super) fn enqueue(&self, delivery: Delivery) -> Given {
        self.enqueue_all([delivery])
    }

    /// The same for several, between which nothing else is broadcast here.
    pub(super) fn enqueue_all(&self, deliveries: impl IntoIterator<Item = Delivery>) -> Given {
        let is_here = self.worker.is_here();
        let mut state = self.lock();
        for delivery in deliveries {
            state.backlog.push(delivery);
        }
        self.is_behind.store(true, Ordering::Release);
        let (last, is_full) = (state.backlog.last(), state.backlog.is_full(is_here));
        let is_known = mem::replace(&mut state.is_ordered, true);
        Given { last, is_full, is_known }
    }

    /// Has the worker carry out what was given.
    pub(super) fn order(self: &Arc<Self>, given: Given) {
        let Given { last, is_full, is_known } = given;
        let is_given = if is_known {
            !self.worker.has_ended()
        } else {
            self.worker.give(Arc::clone(self) as Arc<dyn Order>)
        };
        if is_full || !is_given {
            self.walk_to(last);
        }
    }
}

impl<M: Member + Send + Sync + 'static> Order for Shard<M> {
    fn step(self: Arc<Self>) -> usize {
        let is_here = self.worker.is_here();
        let mut step = if is_here { Step::here(&self.protocol) } else { Step::elsewhere() };
        let mut state = self.lock();
        self.walk(&mut state, &mut step);
        let is_behind = !state.backlog.is_empty();
        state.is_ordered = is_behind;
        drop(state);
        if is_behind {
            self.worker.give_back(Arc::clone(&self) as Arc<dyn Order>);
        }
        step.run(&self.counters)
    }
}

impl<M: Member> State<M> {
    /// Tells one member of what it has not been told, or of some of it. Answers whether that was all.
    fn catch_up(&mut self, id: ClientId, step: &mut Step<'_>) -> bool {
        let listed = self.members.get_mut(&id);
        listed.is_none_or(|listed| self.backlog.catch_up(id, listed, &self.groups, step))
    }
}
