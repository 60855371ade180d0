//! Messages with a key: of those that a client has not been sent, the latest takes the earlier's place.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    sync::Arc,
    task::Waker,
};

use aerys_proto::Message;

use super::queue::{Queue, QueuedMessage, Receipt, cost};
use crate::{connection::DeliveryCount, error::SendError, sync::Afterwards};

/// How many places of messages that have left are remembered before they are looked for.
const MAX_STALE: usize = 16;

/// The key of a message, and who counts what becomes of it.
pub(crate) struct Keyed {
    key: Arc<str>,
    delivery_count: Option<Arc<DeliveryCount>>,
}

/// What few queues have.
#[derive(Default)]
pub(super) struct Rare {
    /// Places of dropped messages whose senders have not looked since.
    pub(super) unnoticed: BTreeSet<u64>,
    /// The place of the last message with each key. It may have left.
    latest: HashMap<Arc<str>, u64>,
    superseded: u64,
}

impl Keyed {
    pub(crate) fn new(key: Arc<str>, delivery_count: Option<Arc<DeliveryCount>>) -> Arc<Self> {
        Arc::new(Self { key, delivery_count })
    }

    pub(super) fn key(&self) -> Arc<str> {
        Arc::clone(&self.key)
    }

    /// For one more whom the message is for.
    pub(crate) fn expect_one(self: &Arc<Self>) -> Arc<Self> {
        if let Some(count) = &self.delivery_count {
            count.expect();
        }
        Arc::clone(self)
    }

    /// The outcome for one of them. Whoever waits for the last is to be woken.
    pub(super) fn count(&self, outcome: Result<(), SendError>) -> Option<Waker> {
        self.delivery_count.as_ref().and_then(|count| count.count(outcome))
    }
}

impl Rare {
    /// Forgets what is about messages that have left, since all have.
    pub(super) fn forget_left(&mut self) {
        self.latest = HashMap::new();
    }
}

impl Queue {
    /// Has a message take the place of an earlier one with its key, if the driver does not have that one, and if
    /// what is queued stays within the limit. Gives it back else, and then nothing with its key is queued.
    pub(super) fn supersede(
        &mut self,
        message: Message,
        keyed: Arc<Keyed>,
        limit: usize,
        afterwards: &mut Afterwards,
    ) -> Result<(), (Message, Arc<Keyed>)> {
        let Some(index) = self.latest(&keyed.key) else { return Err((message, keyed)) };
        let cost = cost(&message);
        let others = self.bytes - self.queued[index].cost;
        self.rare.get_or_insert_default().superseded += 1;
        self.bytes = others;
        if others > 0 && others + cost > limit {
            if let Some(earlier) = self.queued.remove(index) {
                earlier.end(Err(SendError::Superseded), afterwards);
            }
            return Err((message, keyed));
        }
        self.bytes += cost;
        let place = self.queued[index].place;
        let (message, receipt) = (Some(message), Receipt::Keyed(keyed));
        let latest = QueuedMessage { place, message, cost, receipt };
        let earlier = mem::replace(&mut self.queued[index], latest);
        earlier.end(Err(SendError::Superseded), afterwards);
        Ok(())
    }

    /// A message with this key was put in at this place.
    pub(super) fn note_latest(&mut self, key: &Arc<str>, place: u64) {
        let queued = self.queued.len() - self.taken;
        let rare = self.rare.get_or_insert_default();
        rare.latest.insert(Arc::clone(key), place);
        if rare.latest.len() > 2 * queued + MAX_STALE {
            let mut latest = mem::take(&mut rare.latest);
            latest.retain(|key, place| self.latest_at(key, *place).is_some());
            self.rare.get_or_insert_default().latest = latest;
        }
    }

    fn latest(&self, key: &Arc<str>) -> Option<usize> {
        let place = *self.rare.as_ref()?.latest.get(key)?;
        self.latest_at(key, place)
    }

    /// Where the message with this key is that was put in at this place, unless the driver has it.
    fn latest_at(&self, key: &Arc<str>, place: u64) -> Option<usize> {
        let index = self.queued.binary_search_by_key(&place, |it| it.place).ok()?;
        let is_it = matches!(&self.queued[index].receipt, Receipt::Keyed(it) if it.key == *key);
        (is_it && index >= self.taken).then_some(index)
    }

    pub(super) fn superseded(&self) -> u64 {
        self.rare.as_ref().map_or(0, |rare| rare.superseded)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn push(queue: &mut Queue, text: &str, key: &str) {
        let keyed = Keyed::new(key.into(), None);
        let mut afterwards = Afterwards::default();
        let message = Message::text(text);
        if let Err((message, keyed)) = queue.supersede(message, keyed, usize::MAX, &mut afterwards)
        {
            let key = keyed.key();
            let place = queue.push(message, Receipt::Keyed(keyed));
            queue.note_latest(&key, place);
        }
        afterwards.run();
    }

    fn take(queue: &mut Queue, room: usize) -> Vec<String> {
        let mut messages = VecDeque::new();
        queue.take(room, &mut messages);
        messages.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_driver_has_is_not_replaced() {
        let mut queue = Queue::new();
        for text in ["a 1", "b 1", "a 2"] {
            push(&mut queue, text, &text[..1]);
        }
        assert_eq!(take(&mut queue, 1), ["a 2"]);
        push(&mut queue, "a 3", "a");
        push(&mut queue, "b 2", "b");
        push(&mut queue, "a 4", "a");
        assert_eq!(take(&mut queue, 100), ["b 2", "a 4"]);
        assert_eq!(queue.superseded(), 3);
    }

    #[test]
    fn keys_of_messages_that_have_left_are_forgotten() {
        let mut queue = Queue::new();
        push(&mut queue, "stays", "stays");
        for number in 0..10_000 {
            push(&mut queue, "x", &number.to_string());
            push(&mut queue, "y", "stays");
            let mut afterwards = Afterwards::default();
            // The oldest is the one that stays, once: it is put behind the others then.
            queue.drop_oldest(&mut afterwards);
            let keys = queue.rare.as_ref().unwrap().latest.len();
            // As many as there were before one was dropped.
            let queued = queue.queued.len() + 1;
            assert!(keys <= 2 * queued + MAX_STALE, "{keys} of {queued}");
        }
        let mut all = VecDeque::new();
        queue.take(usize::MAX, &mut all);
        queue.flush(all.len(), |_| false, &mut Afterwards::default());
        assert!(queue.rare.unwrap().latest.is_empty());
    }
}
