//! A queue of work for a worker from outside its connections' tasks, such as a broadcast for its clients.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::sync::{Mutex, MutexGuard};

/// Something that a worker is to do when it gets to it, in steps.
pub(crate) trait Order: Send + Sync {
    /// Does some of it, and answers what that has cost. If there is more, it is
    /// [given back](super::Worker::give_back).
    fn step(self: Arc<Self>) -> usize;
}

/// Orders that take turns, step by step. They wait here and are bounded elsewhere: each waits once.
#[derive(Default)]
pub(super) struct Orders {
    queue: Mutex<Queue>,
    /// Whether any came that nobody has begun with.
    has_new: AtomicBool,
    has_ended: AtomicBool,
}

type Queue = VecDeque<Arc<dyn Order>>;

impl Orders {
    /// Takes an order, unless nobody is left to carry it out but who gives it.
    pub(super) fn give(&self, order: Arc<dyn Order>) -> bool {
        let mut queue = self.lock();
        let is_taken = !self.has_ended();
        if is_taken {
            queue.push_back(order);
            self.has_new.store(true, Ordering::Release);
        }
        is_taken
    }

    /// Takes one back that is under way.
    pub(super) fn give_back(&self, order: Arc<dyn Order>) {
        self.lock().push_back(order);
    }

    /// Whether any came that nobody has begun with. Said once.
    pub(super) fn take_new(&self) -> bool {
        self.has_new.load(Ordering::Acquire) && self.has_new.swap(false, Ordering::AcqRel)
    }

    /// Does steps until they have cost so much, or there are none.
    pub(super) fn carry_out(&self, mut budget: usize) {
        while budget > 0
            && let Some(order) = self.next()
        {
            budget = budget.saturating_sub(order.step());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// From now on an order is carried out by whoever gives it.
    pub(super) fn end(&self) {
        let queue = self.lock();
        self.has_ended.store(true, Ordering::Release);
        drop(queue);
        self.carry_out(usize::MAX);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    fn next(&self) -> Option<Arc<dyn Order>> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes its name at each of so many steps.
    struct Note {
        name: char,
        left: Mutex<usize>,
        orders: Arc<Orders>,
        notes: Arc<Mutex<String>>,
    }

    impl Order for Note {
        fn step(self: Arc<Self>) -> usize {
            self.notes.lock().push(self.name);
            *self.left.lock() -= 1;
            if *self.left.lock() > 0 {
                self.orders.give_back(Arc::clone(&self) as Arc<dyn Order>);
            }
            2
        }
    }

    #[test]
    fn orders_take_turns_and_what_is_left_at_the_end_is_carried_out() {
        let (orders, notes) = (Arc::new(Orders::default()), Arc::new(Mutex::default()));
        let order = |name, left| {
            let left = Mutex::new(crate::sync::Rank::Leaf, left);
            Arc::new(Note { name, left, orders: Arc::clone(&orders), notes: Arc::clone(&notes) })
        };
        for (name, left) in [('a', 5), ('b', 2), ('c', 1)] {
            assert!(orders.give(order(name, left)));
        }
        assert!(orders.take_new() && !orders.take_new());
        // What the last step of a turn costs too much does not matter.
        for (budget, noted) in [(4, "ab"), (0, "ab"), (7, "abcaba")] {
            orders.carry_out(budget);
            assert_eq!(*notes.lock(), noted);
        }
        orders.end();
        assert_eq!(*notes.lock(), "abcabaaa");
        assert!(orders.is_empty() && !orders.give(order('d', 1)));
    }
}
