//! A broadcast on its way to the clients of one worker.

use std::{collections::HashSet, sync::Arc};

use aerys_proto::Message;

use super::{Member, Roster, Shard};
use crate::{
    connection::{
        ClientId, DeliveryCount,
        outbox::{Receipt, cost},
    },
    runtime::Order,
    sync::Afterwards,
};

/// How many messages are sent together at most, as an empty queue keeps room for no more.
const MAX_MERGED_MESSAGES: usize = 64;

/// And what they may cost, in bytes.
const MAX_MERGED_BYTES: usize = 16 * 1024;

/// Whom a broadcast is for.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Audience {
    /// `None` is everyone.
    pub(crate) only: Option<HashSet<ClientId>>,
    pub(crate) except: HashSet<ClientId>,
}

/// What one worker is to send to those of its clients whom it is for.
///
/// Broadcasts to the same audience that come right after each other are carried out together: then
/// each client is called upon once, however many they are.
pub(crate) struct Delivery<M> {
    roster: Arc<Roster<M>>,
    /// The worker's.
    shard: usize,
    audience: Arc<Audience>,
    messages: Vec<Message>,
    /// In bytes.
    cost: usize,
    /// Who counts what becomes of the message, which is the only one then.
    delivery_count: Option<Arc<DeliveryCount>>,
}

impl Audience {
    /// Whether anyone of it may be with this worker.
    pub(crate) fn may_be_at(&self, worker: usize, workers: usize) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|id| id.worker(workers) == worker))
    }

    /// In bytes, about.
    fn cost(&self) -> usize {
        let count = self.only.as_ref().map_or(0, HashSet::len) + self.except.len();
        2 * count * size_of::<ClientId>()
    }

    fn for_each<M: Member>(&self, shard: &Shard<M>, visit: impl FnMut(&M)) {
        let clients = shard.lock();
        match &self.only {
            Some(only) => {
                only.difference(&self.except).filter_map(|id| clients.get(id)).for_each(visit);
            }
            None if self.except.is_empty() => clients.values().for_each(visit),
            None => clients
                .values()
                .filter(|client| !self.except.contains(&client.id()))
                .for_each(visit),
        }
    }
}

impl<M> Delivery<M> {
    pub(crate) fn new(
        roster: Arc<Roster<M>>,
        shard: usize,
        audience: Arc<Audience>,
        message: Message,
        delivery_count: Option<Arc<DeliveryCount>>,
    ) -> Self {
        let cost = cost(&message) + audience.cost();
        Self { roster, shard, audience, messages: vec![message], cost, delivery_count }
    }

    /// Whether it is for the same clients, being an order to the same worker.
    fn is_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.roster, &other.roster) && self.audience == other.audience
    }
}

impl<M: Member> Order for Delivery<M> {
    fn merge(&mut self, mut next: Self) -> Result<(), Self> {
        let is_counted = self.delivery_count.is_some() || next.delivery_count.is_some();
        let is_full =
            self.messages.len() >= MAX_MERGED_MESSAGES || self.cost + next.cost > MAX_MERGED_BYTES;
        if is_counted || is_full || !self.is_like(&next) {
            return Err(next);
        }
        self.cost += next.cost;
        self.messages.append(&mut next.messages);
        Ok(())
    }

    fn cost(&self) -> usize {
        self.cost
    }

    fn execute(&self, afterwards: &mut Afterwards) {
        let shard = &self.roster.shards()[self.shard];
        let Some(delivery_count) = &self.delivery_count else {
            return self.audience.for_each(shard, |client| {
                client.shared().push_all_walking(&self.messages, afterwards);
            });
        };
        self.audience.for_each(shard, |client| {
            for message in &self.messages {
                let receipt = Receipt::Broadcast(delivery_count.expect_one());
                // One that has gone is counted by its receipt.
                let _ = client.shared().push_walking(message.clone(), receipt, afterwards);
            }
        });
        if let Some(waker) = delivery_count.done_with_one() {
            afterwards.wake(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use aerys_proto::Config;

    use super::*;
    use crate::connection::Shared;

    /// Of whom there is none.
    #[derive(Clone, Copy)]
    enum Nobody {}

    impl Member for Nobody {
        fn id(&self) -> ClientId {
            match *self {}
        }

        fn shared(&self) -> &Shared {
            match *self {}
        }
    }

    type Nobodies = Arc<Roster<Nobody>>;

    fn roster() -> Nobodies {
        Arc::new(Roster::new("/".into(), Arc::new(Config::default()), &[]))
    }

    fn delivery(roster: &Nobodies, except: &[u64], message: Message) -> Delivery<Nobody> {
        let except = except.iter().copied().map(ClientId::from_u64).collect();
        let audience = Audience { only: None, except };
        Delivery::new(Arc::clone(roster), 0, Arc::new(audience), message, None)
    }

    #[test]
    fn broadcasts_join_if_they_are_for_the_same_clients_of_the_same_endpoint() {
        let [here, there] = [roster(), roster()];
        for (next, joins) in [
            (delivery(&here, &[1, 2], "next".into()), true),
            (delivery(&here, &[2, 1], "next".into()), true),
            (delivery(&here, &[1], "next".into()), false),
            (delivery(&here, &[], "next".into()), false),
            (delivery(&there, &[1, 2], "next".into()), false),
            (delivery(&here, &[1, 2], vec![0; MAX_MERGED_BYTES].into()), false),
            (
                Delivery {
                    delivery_count: Some(Arc::new(DeliveryCount::new())),
                    ..delivery(&here, &[1, 2], "next".into())
                },
                false,
            ),
        ] {
            let mut first = delivery(&here, &[1, 2], "first".into());
            let (cost, both) = (first.cost(), first.cost() + next.cost());
            assert_eq!(first.merge(next).is_ok(), joins);
            assert_eq!(first.cost(), if joins { both } else { cost });
            let texts: Vec<_> = first.messages.iter().map(|text| text.as_text()).collect();
            assert_eq!(texts, [Some("first"), Some("next")][..1 + usize::from(joins)]);
        }
    }

    #[test]
    fn so_many_join_and_no_more() {
        let roster = roster();
        let mut first = delivery(&roster, &[], "first".into());
        for _ in 1..MAX_MERGED_MESSAGES {
            assert!(first.merge(delivery(&roster, &[], "next".into())).is_ok());
        }
        assert!(first.merge(delivery(&roster, &[], "next".into())).is_err());
    }
}
