//! Who is present in the groups: what changes there is told to the members, to the application, and to other nodes.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use aerys_proto::Message;
use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use super::{
    Choice, Member, Roster,
    audience::Audience,
    delivery::Delivery,
    shard::{Given, Shard},
};
use crate::{
    cluster::Malformed,
    connection::ClientId,
    error::ShowError,
    presence::{Committed, PresenceChange, Present, Step, Told},
};

/// Who is asked what the members of a group on this node are to be told of who comes and goes.
pub(crate) trait Onlooker: Send + Sync {
    fn said_of(&self, group: &Arc<str>, change: &PresenceChange) -> Option<Message>;
}

/// A message for some members of a group, made before any lock is taken.
struct Notice<'r, M> {
    group: Arc<str>,
    parts: Vec<(&'r Arc<Shard<M>>, Delivery)>,
}

/// A notice of which the workers are to be told.
struct Ordered<'r, M>(Vec<(&'r Arc<Shard<M>>, Given)>);

impl<M> Roster<M> {
    /// Who is asked from now on. Said once.
    pub(crate) fn ask(&self, onlooker: Weak<dyn Onlooker>) {
        let _ = self.onlooker.set(onlooker);
    }

    /// How long the return of one who has an identity is waited for, from now on.
    pub(crate) fn set_presence_linger(&self, linger: Duration) {
        self.presence.set_linger(linger);
    }

    /// Who is present in a group, on all nodes, in the order in which they came.
    pub(crate) fn present(&self, group: &str) -> Vec<Present> {
        self.presence.of(group)
    }

    pub(crate) fn present_count(&self, group: &str) -> usize {
        self.presence.count(group)
    }

    /// Where somebody is present, with how many are.
    pub(crate) fn present_counts(&self) -> Vec<(Arc<str>, usize)> {
        self.presence.counts()
    }
}

impl<M: Member + Send + Sync + 'static> Roster<M> {
    /// Has a client present in a group that it is in.
    pub(crate) fn show(
        self: &Arc<Self>,
        id: ClientId,
        group: &str,
        identity: Option<&str>,
        shown: &Message,
    ) -> Result<(), ShowError> {
        let step = self.presence.showing(id, group, identity, shown)?;
        self.check_member(id, group)?;
        // It was somebody else before.
        if let Some(other) = self.presence.hiding(id, group).filter(|it| !it.is_of_same(&step)) {
            self.take(other);
        }
        let is_shown = self.take(step);
        self.told_to_others();
        // It may have left meanwhile.
        if is_shown { Ok(()) } else { self.check_member(id, group) }
    }

    fn check_member(&self, id: ClientId, group: &str) -> Result<(), ShowError> {
        if self.is_in_group(id, group) {
            return Ok(());
        }
        let is_here = self.shard(id).is_member(id);
        Err(if is_here { ShowError::NotAMember } else { ShowError::ClientGone })
    }

    /// Has a client present in a group no more; answers whether it was.
    pub(crate) fn hide(self: &Arc<Self>, id: ClientId, group: &str) -> bool {
        let Some(step) = self.presence.hiding(id, group) else { return false };
        self.take(step);
        self.told_to_others();
        true
    }

    /// Tells a client who is present in a group, in words of `tell`'s, and in its place among what is said of changes
    /// there: what comes behind it is newer.
    pub(crate) fn send_present(
        &self,
        id: ClientId,
        group: &Arc<str>,
        tell: impl Fn(&[Present]) -> Message,
    ) {
        let shard = &self.shards[id.worker(self.shards.len())];
        loop {
            let (follower, present) = self.presence.follow(group);
            let message = tell(&present);
            let delivery = |message| {
                let mut choice = Choice::default();
                choice.only([id]);
                let audience = choice.split(self.shards.len()).take(id.worker(self.shards.len()));
                audience.map(|audience| Delivery::new(audience, message, None))
            };
            let mut given = None;
            let is_told = follower.tell(|missed| {
                // What is said to the group meanwhile comes behind all of it.
                let deliveries = [message].into_iter().chain(missed).filter_map(delivery);
                given = Some(shard.enqueue_all(deliveries.collect::<Vec<_>>()));
            });
            if let Some(given) = given {
                shard.order(given);
            }
            if is_told {
                return;
            }
        }
    }

    pub(super) fn learn_presence(
        self: &Arc<Self>,
        publisher: u64,
        told: Bytes,
    ) -> Result<(), Malformed> {
        let learned = self.presence.learn(publisher, Told::decode(told)?);
        for step in learned.steps {
            self.take(step);
        }
        if let (Some(question), Some((link, name))) = (learned.question, self.link.get()) {
            link.tell_presence(name, &question);
        }
        self.told_to_others();
        Ok(())
    }

    pub(super) fn forget_presence(self: &Arc<Self>, publisher: u64) {
        for step in self.presence.forget(publisher) {
            self.take(step);
        }
    }

    pub(super) fn summarize_presence(&self) {
        self.presence.summarize();
        self.told_to_others();
    }

    /// Does it, and has the members on this node told what the application says to it. Answers whether it was to be done.
    fn take(self: &Arc<Self>, mut step: Step) -> bool {
        loop {
            let Some(plan) = self.presence.plan(step) else { return true };
            let (group, client) = (Arc::clone(plan.step().group()), plan.step().client());
            let showing = plan.step().shower();
            let onlooker = self.onlooker.get().and_then(Weak::upgrade);
            let asked = plan.change().zip(onlooker);
            let said = asked.and_then(|(change, onlooker)| onlooker.said_of(&group, change));
            let mut notice = said.clone().map(|said| self.notice(&group, said, client));
            let mut ordered = None;
            let committed = self.presence.commit(plan, said.as_ref(), || {
                let may_be = showing.is_none_or(|id| self.shard(id).is_in_group(id, &group));
                if may_be {
                    ordered = notice.as_mut().map(Notice::enqueue);
                }
                may_be
            });
            if let Some(Ordered(parts)) = ordered {
                for (shard, given) in parts {
                    shard.order(given);
                }
            }
            match committed {
                Committed::Done => break,
                Committed::Again(again) => step = again,
                Committed::Refused => return false,
            }
        }
        self.wait_for_those_who_may_return();
        true
    }

    /// For all in a group but the client whose doing it is.
    fn notice(&self, group: &Arc<str>, said: Message, client: Option<ClientId>) -> Notice<'_, M> {
        let mut choice = Choice::of(Arc::clone(group));
        choice.except(client);
        let mut audiences = choice.split(self.shards.len());
        let said = said.for_many(&self.protocol);
        let part = |(worker, shard)| {
            let audience: Audience = audiences.take(worker)?;
            Some((shard, Delivery::new(audience, said.clone(), None)))
        };
        let parts = self.shards.iter().enumerate().filter_map(part).collect();
        Notice { group: Arc::clone(group), parts }
    }

    /// Tells other nodes what they have not been told.
    fn told_to_others(&self) {
        let Some((link, name)) = self.link.get() else { return };
        // Also what was added by who found that somebody is at it.
        while let Some(telling) = self.presence.begin_telling() {
            while let Some(parts) = telling.next() {
                for part in parts {
                    link.tell_presence(name, &part);
                }
            }
        }
    }

    fn wait_for_those_who_may_return(self: &Arc<Self>) {
        let Some(mut until) = self.presence.begin_waiting() else { return };
        let roster = Arc::downgrade(self);
        self.any_worker().runtime().spawn(async move {
            loop {
                sleep_until(until).await;
                let Some(roster) = roster.upgrade() else { return };
                let Some(next) = roster.give_up_on_the_overdue() else { return };
                until = next;
            }
        });
    }

    /// Those whose time to return is over are present no more. Answers until when the next are to be waited for.
    pub(super) fn give_up_on_the_overdue(self: &Arc<Self>) -> Option<Instant> {
        let (steps, next) = self.presence.overdue();
        for step in steps {
            self.take(step);
        }
        next
    }
}

impl<'r, M: Member + Send + Sync + 'static> Notice<'r, M> {
    /// Puts it where the members' workers find it. Does nothing foreign: what is for nobody is left here.
    fn enqueue(&mut self) -> Ordered<'r, M> {
        let group = &self.group;
        let has_members = |part: &mut (&'r Arc<Shard<M>>, Delivery)| part.0.has_group(group);
        let parts = self.parts.extract_if(.., has_members);
        Ordered(parts.map(|(shard, delivery)| (shard, shard.enqueue(delivery))).collect())
    }
}
