//! What waits to be written to one connection, bounded in bytes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aerys::NotQueued;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

/// What a frame costs beside its bytes.
const OVERHEAD: usize = 64;

/// The end of a connection's queue where it is filled.
pub(crate) struct Queue {
    orders: mpsc::UnboundedSender<Order>,
    /// In bytes.
    queued: Arc<AtomicUsize>,
    max_queued: usize,
    /// The largest frame that the server takes.
    max_frame: usize,
}

/// The other end.
pub(crate) struct Outbound {
    orders: mpsc::UnboundedReceiver<Order>,
    /// One that was looked at.
    first: Option<Order>,
    queued: Arc<AtomicUsize>,
}

/// What is to be done with a connection, in this order.
pub(crate) enum Order {
    Publish {
        partition: u16,
        frame: Bytes,
    },
    /// To be told when the server has all that was published before.
    Confirm(oneshot::Sender<()>),
}

pub(crate) fn queue(max_queued: usize, max_frame: usize) -> (Queue, Outbound) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let queued = Arc::<AtomicUsize>::default();
    let queue = Queue { orders: sender, queued: Arc::clone(&queued), max_queued, max_frame };
    (queue, Outbound { orders: receiver, first: None, queued })
}

impl Queue {
    pub(crate) fn push(&self, partition: u16, frame: Bytes) -> Result<(), NotQueued> {
        let (len, max) = (frame.len(), self.max_frame);
        if len > max {
            return Err(NotQueued::TooLarge { len, max });
        }
        let cost = len + OVERHEAD;
        let room = |queued: usize| (queued + cost <= self.max_queued).then_some(queued + cost);
        self.queued
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .map_err(|_| NotQueued::Full)?;
        let order = Order::Publish { partition, frame };
        self.orders.send(order).map_err(|_| NotQueued::Away)
    }

    /// Resolves when the server has all that was pushed before, or fails when the connection ends first.
    pub(crate) fn confirm(&self) -> Result<oneshot::Receiver<()>, NotQueued> {
        let (confirm, confirmed) = oneshot::channel();
        self.orders.send(Order::Confirm(confirm)).map_err(|_| NotQueued::Away)?;
        Ok(confirmed)
    }
}

impl Outbound {
    /// The next order; its bytes count as queued until they are [`written`](Self::written).
    pub(crate) async fn next(&mut self) -> Option<Order> {
        match self.first.take() {
            None => self.orders.recv().await,
            first => first,
        }
    }

    /// The next, if it waits already and is to publish a frame in this partition that is taken.
    pub(crate) fn next_if(&mut self, of: u16, take: impl FnOnce(&Bytes) -> bool) -> Option<usize> {
        let order = self.first.take().or_else(|| self.orders.try_recv().ok())?;
        match &order {
            Order::Publish { partition, frame } if *partition == of && take(frame) => {
                Some(frame.len())
            }
            _ => {
                self.first = Some(order);
                None
            }
        }
    }

    /// So many frames, of so many bytes together, wait no more.
    pub(crate) fn written(&self, frames: usize, bytes: usize) {
        self.queued.fetch_sub(bytes + frames * OVERHEAD, Ordering::Relaxed);
    }

    /// How many frames are lost with the connection.
    pub(crate) fn count_lost(mut self) -> u64 {
        self.orders.close();
        let first = self.first.take();
        let rest = std::iter::from_fn(|| self.orders.try_recv().ok());
        let is_frame = |order: &Order| matches!(order, Order::Publish { .. });
        first.into_iter().chain(rest).filter(is_frame).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len: usize) -> Bytes {
        vec![0; len].into()
    }

    #[tokio::test]
    async fn what_waits_is_bounded_in_bytes_and_what_is_written_makes_room() {
        let (queue, mut outbound) = queue(1000, 500);
        assert_eq!(queue.push(0, frame(501)), Err(NotQueued::TooLarge { len: 501, max: 500 }));
        assert_eq!(queue.push(0, frame(500)), Ok(()));
        assert_eq!(queue.push(0, frame(1000 - 500 - 2 * OVERHEAD + 1)), Err(NotQueued::Full));
        assert_eq!(queue.push(0, frame(1000 - 500 - 2 * OVERHEAD)), Ok(()));
        assert_eq!(queue.push(0, frame(0)), Err(NotQueued::Full));
        let Some(Order::Publish { frame: first, .. }) = outbound.next().await else { panic!() };
        assert_eq!(queue.push(0, frame(0)), Err(NotQueued::Full));
        outbound.written(1, first.len());
        assert_eq!(queue.push(0, frame(500 - OVERHEAD)), Ok(()));
        assert_eq!(outbound.count_lost(), 2);
        assert_eq!(queue.push(0, frame(0)), Err(NotQueued::Away));
    }

    #[tokio::test]
    async fn what_is_looked_at_and_not_taken_is_the_next_and_is_lost_with_the_others() {
        let (queue, mut outbound) = queue(1000, 500);
        for (partition, len) in [(0, 1), (0, 2), (1, 3)] {
            queue.push(partition, frame(len)).unwrap();
        }
        assert_eq!(outbound.next_if(0, |_| true), Some(1));
        assert_eq!(outbound.next_if(0, |_| false), None);
        assert_eq!(outbound.next_if(0, |frame| frame.len() == 2), Some(2));
        assert_eq!(outbound.next_if(0, |_| true), None);
        assert!(matches!(outbound.next().await, Some(Order::Publish { partition: 1, .. })));
        let _confirmed = queue.confirm().unwrap();
        assert_eq!(outbound.next_if(1, |_| true), None);
        queue.push(1, frame(4)).unwrap();
        assert_eq!(outbound.count_lost(), 1);
    }
}
