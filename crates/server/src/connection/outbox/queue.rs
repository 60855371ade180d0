//! The messages that one client is still owed, in order, and what became of the others.
//!
//! Each has a *place*, its number in the order in which they were put in. Waiting for one is
//! looking for its place, and costs no allocation.

use std::{cell::RefCell, collections::VecDeque, mem, sync::Arc, task::Waker};

use aerys_proto::Message;

use super::{
    keyed::{Keyed, Rare},
    spare::{Spare, give_back_room, take_room},
};
use crate::{connection::DeliveryCount, error::SendError, sync::Afterwards};

/// What a queued message costs beside its payload, so that many empty ones are bounded too.
pub(super) const MESSAGE_OVERHEAD: usize = 64;

/// What a frame's header takes on the wire, about.
const FRAME_COST: usize = 4;

pub(super) struct Queue {
    /// Everything not yet handed to the kernel. The first `taken` are with the driver.
    pub(super) queued: VecDeque<QueuedMessage>,
    pub(super) taken: usize,
    pub(super) bytes: usize,
    last_place: u64,
    flushed: u64,
    dropped: u64,
    pub(super) rare: Option<Box<Rare>>,
}

/// Who waits for a message to leave.
pub(crate) enum Receipt {
    Nobody,
    Sender(Waker),
    Broadcast(Arc<DeliveryCount>),
    /// Whoever counts, and the message has a key.
    Keyed(Arc<Keyed>),
}

/// What a sender finds at its message's place.
pub(super) enum SendStatus<'q> {
    Flushed,
    Dropped,
    Queued(&'q mut Receipt),
    /// It was here and will not be flushed any more.
    Lost,
}

pub(super) struct QueuedMessage {
    pub(super) place: u64,
    /// `None` once the driver has it.
    pub(super) message: Option<Message>,
    pub(super) cost: usize,
    pub(super) receipt: Receipt,
}

impl Receipt {
    /// Tells who waits, `afterwards`.
    pub(super) fn complete(self, outcome: Result<(), SendError>, afterwards: &mut Afterwards) {
        match self {
            Self::Nobody => {}
            Self::Sender(waker) => afterwards.wake(waker),
            Self::Broadcast(count) => {
                if let Some(waker) = count.count(outcome) {
                    afterwards.wake(waker);
                }
            }
            Self::Keyed(keyed) => {
                if let Some(waker) = keyed.count(outcome) {
                    afterwards.wake(waker);
                }
            }
        }
    }

    /// Nobody waits any more.
    pub(super) fn drop(self, afterwards: &mut Afterwards) {
        if let Self::Sender(waker) = self {
            afterwards.drop_waker(waker);
        }
    }
}

impl QueuedMessage {
    pub(super) fn end(self, outcome: Result<(), SendError>, afterwards: &mut Afterwards) {
        self.receipt.complete(outcome, afterwards);
        if let Some(message) = self.message {
            afterwards.drop_message(message);
        }
    }
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            queued: VecDeque::new(),
            taken: 0,
            bytes: 0,
            last_place: 0,
            flushed: 0,
            dropped: 0,
            rare: None,
        }
    }

    /// Whether a message fits in beside what is there. One on its own always does, so that a limit
    /// does not forbid large messages.
    pub(super) fn has_room(&self, message: &Message, limit: usize) -> bool {
        self.bytes == 0 || self.bytes + cost(message) <= limit
    }

    /// Whether each of several messages fits in, one after the other.
    pub(super) fn has_room_for_all(&self, messages: &[Message], limit: usize) -> bool {
        self.bytes + messages.iter().map(cost).sum::<usize>() <= limit
    }

    pub(super) fn push(&mut self, message: Message, receipt: Receipt) -> u64 {
        take_room(&SPARE_QUEUE, &mut self.queued);
        self.append(message, receipt)
    }

    /// Puts in several that nobody waits for.
    pub(super) fn push_all(&mut self, messages: &[Message]) {
        take_room(&SPARE_QUEUE, &mut self.queued);
        self.queued.reserve(messages.len());
        for message in messages {
            self.append(message.clone(), Receipt::Nobody);
        }
    }

    #[inline]
    fn append(&mut self, message: Message, receipt: Receipt) -> u64 {
        let cost = cost(&message);
        self.bytes += cost;
        let place = self.reserve();
        self.queued.push_back(QueuedMessage { place, message: Some(message), cost, receipt });
        place
    }

    /// Puts in what nobody waits for, before everything that the driver does not have.
    pub(super) fn push_front(&mut self, messages: VecDeque<Message>) {
        debug_assert_eq!(self.taken, 0, "what was said before had to be taken first");
        for message in messages.into_iter().rev() {
            let (cost, message, receipt) = (cost(&message), Some(message), Receipt::Nobody);
            self.bytes += cost;
            // Its place is one that nobody asks for.
            let message = QueuedMessage { place: self.flushed, message, cost, receipt };
            self.queued.insert(self.taken, message);
        }
    }

    /// The driver has something from elsewhere that costs this much, or will have. Its place is one that
    /// nobody asks for.
    pub(super) fn count_unsent(&mut self, cost: usize, receipt: Receipt) {
        self.count_unsent_at(self.flushed, cost, receipt);
    }

    /// The same of what has a place already, before all that is queued.
    pub(super) fn count_unsent_at(&mut self, place: u64, cost: usize, receipt: Receipt) {
        self.bytes += cost;
        self.queued.push_front(QueuedMessage { place, message: None, cost, receipt });
        self.taken += 1;
    }

    /// The next place, for what is not put in.
    pub(super) fn reserve(&mut self) -> u64 {
        self.last_place += 1;
        self.last_place
    }

    /// Somebody is about to send what costs this much past the queue.
    pub(super) fn claim(&mut self, cost: usize) {
        self.bytes += cost;
    }

    /// And is not any more.
    pub(super) fn release(&mut self, cost: usize) {
        self.bytes -= cost;
    }

    /// Whether there is a message that the driver does not have.
    pub(super) fn has_untaken(&self) -> bool {
        self.taken < self.queued.len()
    }

    /// The next messages for the driver, which come to about `room` bytes on the wire, but at least
    /// one.
    pub(super) fn take(&mut self, room: usize, messages: &mut VecDeque<Message>) {
        let mut size = 0;
        while let Some(message) = self.queued.get_mut(self.taken) {
            let Some(message) = message.message.take() else { break };
            self.taken += 1;
            size += message.len() + FRAME_COST;
            messages.push_back(message);
            if size >= room {
                break;
            }
        }
    }

    /// The first `count` of the messages taken have been handed to the kernel. Whoever waits for that is
    /// told `afterwards`, but those who `know`.
    pub(super) fn flush(
        &mut self,
        count: usize,
        knows: impl Fn(&Receipt) -> bool,
        afterwards: &mut Afterwards,
    ) {
        for _ in 0..count.min(self.taken) {
            let Some(message) = self.queued.pop_front() else { break };
            self.taken -= 1;
            self.bytes -= message.cost;
            self.flushed = message.place;
            match message.receipt {
                Receipt::Nobody => {}
                // Its waker is the driver's own.
                receipt if knows(&receipt) => {}
                receipt => receipt.complete(Ok(()), afterwards),
            }
        }
        if self.queued.is_empty() {
            give_back_room(&SPARE_QUEUE, &mut self.queued);
            if let Some(rare) = &mut self.rare {
                rare.forget_left();
            }
        }
    }

    /// Counts a message that is not put in.
    pub(super) fn count_dropped(&mut self) {
        self.dropped += 1;
    }

    /// Drops the oldest message that the driver does not have; whether there was one.
    pub(super) fn drop_oldest(&mut self, afterwards: &mut Afterwards) -> bool {
        let Some(message) = self.queued.remove(self.taken) else { return false };
        self.bytes -= message.cost;
        self.dropped += 1;
        if let Receipt::Sender(_) = message.receipt {
            self.rare.get_or_insert_default().unnoticed.insert(message.place);
        }
        message.end(Err(SendError::Dropped), afterwards);
        true
    }

    /// Forgets what the driver does not have: it is lost with its client.
    pub(super) fn forget_untaken(&mut self, afterwards: &mut Afterwards) {
        for message in self.queued.drain(self.taken..) {
            self.bytes -= message.cost;
            message.end(Err(SendError::ClientGone), afterwards);
        }
        if self.queued.is_empty() {
            // No more than it needs: handles may keep it for long.
            self.queued = VecDeque::new();
        }
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self, afterwards: &mut Afterwards) {
        self.taken = 0;
        self.forget_untaken(afterwards);
    }

    pub(super) fn send_status(&mut self, place: u64) -> SendStatus<'_> {
        if self.rare.as_mut().is_some_and(|rare| rare.unnoticed.remove(&place)) {
            return SendStatus::Dropped;
        }
        if place <= self.flushed {
            return SendStatus::Flushed;
        }
        match self.queued.binary_search_by_key(&place, |message| message.place) {
            Ok(index) => SendStatus::Queued(&mut self.queued[index].receipt),
            Err(_) => SendStatus::Lost,
        }
    }

    /// The sender of this message does not wait for it any more.
    pub(super) fn abandon(&mut self, place: u64, afterwards: &mut Afterwards) {
        if let SendStatus::Queued(receipt) = self.send_status(place) {
            mem::replace(receipt, Receipt::Nobody).drop(afterwards);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The place of the last message that was put in.
    pub(super) fn last_place(&self) -> u64 {
        self.last_place
    }

    /// Whether all messages up to this place have been handed to the kernel, and all that was put in
    /// before them.
    pub(super) fn is_flushed_to(&self, place: u64) -> bool {
        self.queued.front().is_none_or(|message| message.place > place)
    }

    /// The place of the last message that has been handed to the kernel.
    pub(super) fn flushed(&self) -> u64 {
        self.flushed
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// What an outbox counts for a message.
pub(crate) fn cost(message: &Message) -> usize {
    message.len() + MESSAGE_OVERHEAD
}

thread_local! {
    /// Room for messages, for whose queue is filled next: an empty one has none of its own.
    static SPARE_QUEUE: Spare<QueuedMessage> = const { RefCell::new(VecDeque::new()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody(_: &Receipt) -> bool {
        false
    }

    fn sender() -> Receipt {
        Receipt::Sender(Waker::noop().clone())
    }

    fn queue_of(count: usize) -> Queue {
        let mut queue = Queue::new();
        for number in 1..=count {
            assert_eq!(queue.push(Message::text(number.to_string()), sender()), number as u64);
        }
        queue
    }

    /// Drops what is left to be done.
    fn afterwards() -> Afterwards {
        Afterwards::default()
    }

    fn take(queue: &mut Queue, room: usize) -> VecDeque<Message> {
        let mut messages = VecDeque::new();
        queue.take(room, &mut messages);
        messages
    }

    fn send_status(queue: &mut Queue, place: u64) -> &'static str {
        match queue.send_status(place) {
            SendStatus::Flushed => "flushed",
            SendStatus::Dropped => "dropped",
            SendStatus::Queued(_) => "queued",
            SendStatus::Lost => "lost",
        }
    }

    #[test]
    fn the_oldest_message_to_be_dropped_is_the_oldest_that_the_driver_does_not_have() {
        let mut queue = queue_of(4);
        take(&mut queue, 1);
        assert!(queue.drop_oldest(&mut afterwards()));
        assert_eq!(take(&mut queue, 100), [Message::text("3"), Message::text("4")]);
        assert!(!queue.drop_oldest(&mut afterwards()));
        queue.flush(3, nobody, &mut afterwards());
        let statuses: Vec<_> = (1..=4).map(|place| send_status(&mut queue, place)).collect();
        assert_eq!(statuses, ["flushed", "dropped", "flushed", "flushed"]);
        assert_eq!((queue.bytes(), queue.dropped()), (0, 1));
    }

    #[test]
    fn what_is_forgotten_is_lost_and_not_dropped() {
        let mut queue = queue_of(3);
        take(&mut queue, 1);
        queue.flush(1, nobody, &mut afterwards());
        take(&mut queue, 1);
        queue.forget(&mut afterwards());
        let statuses: Vec<_> = (1..=3).map(|place| send_status(&mut queue, place)).collect();
        assert_eq!(statuses, ["flushed", "lost", "lost"]);
        assert_eq!((queue.bytes(), queue.dropped()), (0, 0));
    }

    #[test]
    fn what_was_said_on_the_short_way_is_waited_for_too() {
        let mut queue = Queue::new();
        assert!(queue.is_flushed_to(0));
        queue.push_front([Message::text("said")].into());
        assert!(!queue.is_flushed_to(queue.last_place()));
        take(&mut queue, 1);
        assert!(!queue.is_flushed_to(queue.last_place()));
        queue.flush(1, nobody, &mut afterwards());
        assert!(queue.is_flushed_to(queue.last_place()));
        queue.count_unsent(1, Receipt::Nobody);
        assert!(!queue.is_flushed_to(queue.last_place()));
        // What comes later is not.
        queue.push(Message::text("later"), Receipt::Nobody);
        queue.flush(1, nobody, &mut afterwards());
        assert!(queue.is_flushed_to(0) && !queue.is_flushed_to(1));
    }

    #[test]
    fn nothing_is_remembered_of_a_dropped_message_that_nobody_waits_for() {
        let mut queue = queue_of(2);
        queue.abandon(1, &mut afterwards());
        queue.drop_oldest(&mut afterwards());
        queue.drop_oldest(&mut afterwards());
        assert_eq!(queue.rare.as_ref().unwrap().unnoticed.len(), 1);
        queue.abandon(2, &mut afterwards());
        assert!(queue.rare.unwrap().unnoticed.is_empty());
    }
}
