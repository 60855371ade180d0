//! What a worker has been told to do for its clients and has not done yet.

use std::{
    any::Any,
    mem,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::sync::{Afterwards, Mutex, MutexGuard, Rank};

/// How many orders may wait.
const MAX_ORDERS: usize = 1024;

/// And what several may cost, in bytes.
const MAX_ORDER_BYTES: usize = 1024 * 1024;

/// What may wait on the worker's own thread costs less, in bytes.
const LOCAL_ORDER_BYTES: usize = 16 * 1024;

/// Something to say to a worker's clients.
pub(crate) trait Order: Any + Send {
    /// Takes in the order that was given right after this one, so that both are carried out in one
    /// go, or gives it back.
    fn merge(&mut self, next: Self) -> Result<(), Self>
    where
        Self: Sized;

    /// What it costs to keep, in bytes.
    fn cost(&self) -> usize;

    /// It is done under the lock of all orders of the worker.
    fn execute(&self, afterwards: &mut Afterwards);
}

/// Orders in their order, and bounded.
pub(super) struct Orders {
    queue: Mutex<Queue>,
    /// Whether there are any.
    pending: AtomicBool,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Box<dyn Order>>,
    /// What they cost, in bytes.
    cost: usize,
    /// Whether nobody is left to carry them out but who gives them.
    ended: bool,
}

impl Orders {
    pub(super) fn new() -> Self {
        Self { queue: Mutex::new(Rank::Orders, Queue::default()), pending: AtomicBool::new(false) }
    }

    /// Takes an order. Answers whether the worker is to be told: else it has been carried out.
    ///
    /// Who `is_here`, on the worker's thread, is who keeps it from getting to more: much does not
    /// wait then, so that it is soon known what the clients are owed.
    pub(super) fn give(&self, order: impl Order, is_here: bool) -> bool {
        let mut queue = self.lock();
        queue.push(order);
        self.pending.store(true, Ordering::Release);
        let is_due = queue.ended || queue.is_full() || (is_here && queue.cost >= LOCAL_ORDER_BYTES);
        if is_due {
            self.execute(queue);
        }
        !is_due
    }

    /// Carries out what was given before this moment. Costs one atomic load if nothing was.
    pub(super) fn flush(&self) {
        if self.pending.load(Ordering::Acquire) {
            self.execute(self.lock());
        }
    }

    /// From now on an order is carried out by whoever gives it.
    pub(super) fn end(&self) {
        let mut queue = self.lock();
        queue.ended = true;
        self.execute(queue);
    }

    /// The lock is held throughout, so that nobody takes an order under way for one carried out.
    fn execute(&self, mut queue: MutexGuard<'_, Queue>) {
        queue.cost = 0;
        let orders = mem::take(&mut queue.waiting);
        let mut afterwards = Afterwards::default();
        orders.iter().for_each(|order| order.execute(&mut afterwards));
        self.pending.store(false, Ordering::Release);
        drop(queue);
        afterwards.run();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock()
    }
}

impl Queue {
    fn push<O: Order>(&mut self, order: O) {
        self.cost += order.cost();
        let last = self.waiting.last_mut().map(|last| &mut **last as &mut dyn Any);
        let order = match last.and_then(|last| last.downcast_mut::<O>()) {
            Some(last) => last.merge(order),
            None => Err(order),
        };
        if let Err(order) = order {
            self.waiting.push(Box::new(order));
        }
    }

    /// Whether the worker is too busy to keep up, so that whoever orders does the work. One large
    /// order by itself does not say so.
    fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_ORDERS || (self.waiting.len() > 1 && self.cost >= MAX_ORDER_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::runtime::WorkerThread;

    /// Notes when it is carried out.
    struct Note(mpsc::Sender<usize>, usize);

    impl Order for Note {
        fn merge(&mut self, next: Self) -> Result<(), Self> {
            Err(next)
        }

        fn cost(&self) -> usize {
            self.1
        }

        fn execute(&self, _: &mut Afterwards) {
            self.0.send(self.1).unwrap();
        }
    }

    #[test]
    fn orders_that_wait_for_a_busy_worker_are_bounded_and_not_lost() {
        let thread = WorkerThread::start(0, || ()).unwrap();
        let (at_work, begun) = mpsc::channel();
        let (tell, told) = mpsc::channel::<()>();
        thread.worker().spawn(async move {
            at_work.send(()).unwrap();
            told.recv().unwrap();
        });
        begun.recv().unwrap();
        let (note, notes) = mpsc::channel();
        let (mut given, mut heard) = (Vec::new(), Vec::new());
        for costs in
            [vec![0; 3 * MAX_ORDERS], vec![MAX_ORDER_BYTES / 10; 95], vec![MAX_ORDER_BYTES; 5]]
        {
            for cost in costs {
                thread.worker().give(Note(note.clone(), cost));
                given.push(cost);
                heard.extend(notes.try_iter());
                let waiting = &given[heard.len()..];
                assert!(waiting.len() < MAX_ORDERS);
                assert!(waiting.len() <= 1 || waiting.iter().sum::<usize>() < MAX_ORDER_BYTES);
            }
        }
        thread.worker().give(Note(note, 1));
        given.push(1);
        tell.send(()).unwrap();
        // The worker gets to it by itself.
        heard.extend(notes.iter());
        assert_eq!(heard, given);
    }
}
