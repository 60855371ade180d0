//! A broadcast on its way to the members of one shard.

use std::{sync::Arc, time::Duration};

use aerys_proto::Message;

use super::{Member, audience::Audience, step::Step};
use crate::{
    connection::{
        DeliveryCount,
        outbox::{Keyed, Receipt, cost},
    },
    runtime::clock::{self, Tick},
    sync::Afterwards,
};

/// How many messages are sent together at most, as an empty queue keeps room for no more.
const MAX_MERGED_MESSAGES: usize = 64;

/// And what they may cost, in bytes.
const MAX_MERGED_BYTES: usize = 16 * 1024;

/// What one worker's members are to be told, those of them whom it is for.
///
/// Broadcasts to the same audience that come right after each other are carried out together: then
/// each client is called upon once, however many they are (bench/NOTES.md#merged-broadcasts).
pub(super) struct Delivery {
    audience: Audience,
    messages: Vec<Message>,
    /// The number of the message before them.
    before: u64,
    /// In bytes.
    cost: usize,
    /// Who counts what becomes of the message, which is the only one then.
    delivery_count: Option<Arc<DeliveryCount>>,
    /// The key of the message, which is the only one then.
    keyed: Option<Arc<Keyed>>,
    /// When the first of them was published.
    published: Tick,
}

impl Delivery {
    pub(super) fn new(
        audience: Audience,
        message: Message,
        delivery_count: Option<Arc<DeliveryCount>>,
    ) -> Self {
        let cost = cost(&message) + audience.cost();
        let published = clock::read().tick;
        let (messages, keyed) = (vec![message], None);
        Self { audience, messages, before: 0, cost, delivery_count, keyed, published }
    }

    /// Has its message take the place of an earlier one with its key, in the outboxes where there is one.
    pub(super) fn with_key(mut self, key: &Arc<str>) -> Self {
        self.keyed = Some(Keyed::new(Arc::clone(key), self.delivery_count.clone()));
        self
    }

    /// How long ago the first of its messages was published.
    pub(super) fn age(&self) -> Duration {
        Duration::from_nanos(clock::read().tick.0.saturating_sub(self.published.0))
    }

    /// Gives its messages their numbers.
    pub(super) fn set_before(&mut self, before: u64) {
        self.before = before;
    }

    /// The number of the message before its first.
    pub(super) fn before(&self) -> u64 {
        self.before
    }

    /// The number of its last message.
    pub(super) fn last(&self) -> u64 {
        self.before + self.messages.len() as u64
    }

    pub(super) fn audience(&self) -> &Audience {
        &self.audience
    }

    /// Replaces the audience by its equal.
    pub(super) fn share_audience(&mut self, audience: Audience) {
        self.audience = audience;
    }

    /// What it costs to keep, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Takes in the one that was given right after this one, or gives it back.
    pub(super) fn merge(&mut self, mut next: Self) -> Result<(), Self> {
        let is_alone = |it: &Self| it.delivery_count.is_some() || it.keyed.is_some();
        let is_alone = is_alone(self) || is_alone(&next);
        let is_full =
            self.messages.len() >= MAX_MERGED_MESSAGES || self.cost + next.cost > MAX_MERGED_BYTES;
        if is_alone || is_full || !self.audience.is(&next.audience) {
            return Err(next);
        }
        self.cost += next.cost;
        self.messages.append(&mut next.messages);
        Ok(())
    }

    /// Its messages are about to be told to so many members at most, in this step.
    pub(super) fn begin(&self, step: &mut Step<'_>, members: usize) {
        step.begin(&self.messages, members);
    }

    /// Tells a member whom it is for what it has not been `told`.
    #[inline]
    pub(super) fn tell<M: Member>(&self, member: &M, told: &mut u64, step: &mut Step<'_>) {
        let known = usize::try_from(told.saturating_sub(self.before)).unwrap_or(usize::MAX);
        let Some(unknown @ [_, ..]) = self.messages.get(known..) else { return };
        *told = self.last();
        let receipt = match (&self.keyed, &self.delivery_count) {
            (None, None) => Receipt::Nobody,
            (None, Some(count)) => Receipt::Broadcast(count.expect_one()),
            (Some(keyed), _) => Receipt::Keyed(keyed.expect_one()),
        };
        if known == 0 {
            step.tell(member.shared(), unknown, receipt);
        } else {
            step.tell_some(member.shared(), unknown, receipt);
        }
    }

    /// Likewise, a member that those are for which came after the message `since`.
    #[inline]
    pub(super) fn tell_since<M: Member>(
        &self,
        since: u64,
        member: &M,
        told: &mut u64,
        step: &mut Step<'_>,
    ) {
        if since < self.last() {
            *told = since.max(*told);
            self.tell(member, told, step);
        }
    }

    /// Everyone whom it is for has been told.
    pub(super) fn finish(&self, afterwards: &mut Afterwards) {
        if let Some(delivery_count) = &self.delivery_count
            && let Some(waker) = delivery_count.done_with_one()
        {
            afterwards.wake(waker);
        }
    }

    /// Its messages, which may be the last to hold memory of the application's.
    pub(super) fn into_messages(self) -> Vec<Message> {
        self.messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{connection::ClientId, roster::audience::Chosen};

    fn delivery(audience: &Audience, message: Message) -> Delivery {
        Delivery::new(audience.clone(), message, None)
    }

    fn of_all(chosen: Chosen) -> Audience {
        Audience { group: None, chosen }
    }

    fn some() -> Arc<[ClientId]> {
        [1, 2].map(ClientId::from_u64).into()
    }

    #[test]
    fn broadcasts_join_if_they_are_for_the_same_clients() {
        let (everyone, only) = (Audience::EVERYONE, of_all(Chosen::Only(some())));
        for (audience, next, joins) in [
            (&everyone, delivery(&everyone, "next".into()), true),
            (&only, delivery(&only, "next".into()), true),
            (&everyone, delivery(&only, "next".into()), false),
            (&only, delivery(&everyone, "next".into()), false),
            // Equal, and not known to be.
            (&only, delivery(&of_all(Chosen::Only(some())), "next".into()), false),
            (&only, delivery(&of_all(Chosen::Except(some())), "next".into()), false),
            (&everyone, delivery(&everyone, vec![0; MAX_MERGED_BYTES].into()), false),
            (
                &everyone,
                Delivery {
                    delivery_count: Some(Arc::new(DeliveryCount::new())),
                    ..delivery(&everyone, "next".into())
                },
                false,
            ),
        ] {
            let mut first = delivery(audience, "first".into());
            let (cost, both) = (first.cost(), first.cost() + next.cost());
            assert_eq!(first.merge(next).is_ok(), joins);
            assert_eq!(first.cost(), if joins { both } else { cost });
            let texts: Vec<_> = first.messages.iter().map(|text| text.as_text()).collect();
            assert_eq!(texts, [Some("first"), Some("next")][..1 + usize::from(joins)]);
        }
    }

    #[test]
    fn so_many_join_and_no_more() {
        let mut first = delivery(&Audience::EVERYONE, "first".into());
        for _ in 1..MAX_MERGED_MESSAGES {
            assert!(first.merge(delivery(&Audience::EVERYONE, "next".into())).is_ok());
        }
        assert!(first.merge(delivery(&Audience::EVERYONE, "next".into())).is_err());
    }
}
