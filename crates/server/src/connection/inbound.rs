//! How much the clients of one worker hold together of messages that are unfinished or unheard.
//!
//! Each client is bounded by itself, but many may together hold more than there is. Over the bound the
//! one goes that has made no progress for longest.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use super::Line;

/// What one client holds, for as long as it does.
pub(crate) struct Holding {
    /// Its place among the others, by its last progress.
    place: u64,
}

struct Holder {
    bytes: usize,
    line: Arc<Line>,
}

#[derive(Default)]
struct Inbound {
    limit: usize,
    total: usize,
    /// The one that has made no progress for longest is first.
    holders: BTreeMap<u64, Holder>,
    next_place: u64,
}

/// Bounds what the clients of this thread may hold together, in bytes.
pub(crate) fn limit(bytes: usize) {
    INBOUND.with_borrow_mut(|inbound| inbound.limit = bytes);
}

impl Holding {
    /// A client has begun to hold something.
    pub(crate) fn new() -> Self {
        Self { place: 0 }
    }

    /// The client has made progress, and holds so much now. Others may have to go for that.
    pub(crate) fn update(&mut self, bytes: usize, line: &Arc<Line>) {
        let evicted = INBOUND.with_borrow_mut(|inbound| {
            inbound.remove(self.place);
            self.place = inbound.add(bytes, Arc::clone(line));
            inbound.evict()
        });
        // Wakes their tasks, which is not done while anything is borrowed.
        for holder in evicted {
            holder.line.outbox.evict();
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        // A thread that ends drops it too.
        let holder = INBOUND.try_with(|inbound| inbound.borrow_mut().remove(self.place));
        drop(holder);
    }
}

impl Inbound {
    fn add(&mut self, bytes: usize, line: Arc<Line>) -> u64 {
        self.next_place += 1;
        self.total += bytes;
        self.holders.insert(self.next_place, Holder { bytes, line });
        self.next_place
    }

    fn remove(&mut self, place: u64) -> Option<Holder> {
        let holder = self.holders.remove(&place)?;
        self.total -= holder.bytes;
        Some(holder)
    }

    /// Those who have to go. One on its own may hold more than the limit: how much a single message
    /// may be has a limit of its own.
    fn evict(&mut self) -> Vec<Holder> {
        let mut evicted = Vec::new();
        while self.total > self.limit
            && self.holders.len() > 1
            && let Some((_, holder)) = self.holders.pop_first()
        {
            self.total -= holder.bytes;
            evicted.push(holder);
        }
        evicted
    }
}

thread_local! {
    static INBOUND: RefCell<Inbound> =
        RefCell::new(Inbound { limit: usize::MAX, ..Inbound::default() });
}
