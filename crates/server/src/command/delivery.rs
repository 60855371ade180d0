//! A broadcast on its way to the clients of one worker.

use std::{collections::HashSet, sync::Arc};

use aerys_proto::Message;

use super::Tallying;
use crate::{
    Client, ClientId, Endpoint,
    outbox::{Receipt, cost},
    registry::Shard,
    worker::Order,
};

/// Whom a broadcast is for.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Audience {
    /// `None` is everyone.
    pub(super) only: Option<HashSet<ClientId>>,
    pub(super) except: HashSet<ClientId>,
}

/// What one worker is to send to those of its clients whom it is for.
///
/// Broadcasts to the same audience that come right after each other are carried out together: then
/// each client is called upon once, however many they are.
pub(super) struct Delivery<S> {
    endpoint: Endpoint<S>,
    /// The worker's.
    shard: usize,
    audience: Arc<Audience>,
    messages: Vec<Message>,
    /// Of the messages, in bytes.
    cost: usize,
    /// Who counts what becomes of the message, which is the only one then.
    tallying: Option<Arc<Tallying>>,
}

impl Audience {
    /// Whether anyone of it may be with this worker.
    pub(super) fn may_be_at(&self, worker: usize, workers: usize) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|id| id.worker(workers) == worker))
    }

    fn for_each<S>(&self, shard: &Shard<S>, visit: impl FnMut(&Client<S>)) {
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

impl<S> Delivery<S> {
    pub(super) fn new(
        endpoint: Endpoint<S>,
        shard: usize,
        audience: Arc<Audience>,
        message: Message,
        tallying: Option<Arc<Tallying>>,
    ) -> Self {
        let cost = cost(&message);
        Self { endpoint, shard, audience, messages: vec![message], cost, tallying }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.shard == other.shard
            && Arc::ptr_eq(self.endpoint.registry(), other.endpoint.registry())
            && self.audience == other.audience
    }
}

impl<S: Send + Sync + 'static> Order for Delivery<S> {
    fn join(&mut self, mut next: Self) -> Result<(), Self> {
        let is_counted = self.tallying.is_some() || next.tallying.is_some();
        let is_full = self.messages.len() >= MOST_MESSAGES || self.cost + next.cost > MOST_BYTES;
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

    fn carry_out(self: Box<Self>) {
        let Self { endpoint, audience, messages, tallying, .. } = *self;
        let shard = &endpoint.registry().shards()[self.shard];
        let Some(tallying) = tallying else {
            return audience.for_each(shard, |client| client.line().push_all(&messages));
        };
        audience.for_each(shard, |client| {
            for message in &messages {
                let receipt = Receipt::Broadcast(tallying.expect_one());
                // One that has gone is counted by its receipt.
                let _ = client.line().push(message.clone(), receipt);
            }
        });
        tallying.done_with_one();
    }
}

/// How many messages are sent together at most, as an empty queue keeps room for no more.
const MOST_MESSAGES: usize = 64;

/// And what they may cost, in bytes.
const MOST_BYTES: usize = 64 * 1024;
