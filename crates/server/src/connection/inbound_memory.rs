//! How much the clients of one worker hold together of messages that are unfinished or unheard.
//!
//! Each client is bounded by itself, but many may together hold more than there is. Over the bound the
//! one goes that has made no progress for longest.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use super::Shared;

/// What one client holds, for as long as it does.
pub(crate) struct InboundMemory {
    /// Its place among the others, by its last progress.
    place: u64,
}

struct Holder {
    bytes: usize,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Ledger {
    limit: usize,
    total: usize,
    /// The one that has made no progress for longest is first.
    holders: BTreeMap<u64, Holder>,
    next_place: u64,
}

/// Bounds what the clients of this thread may hold together, in bytes.
pub(crate) fn limit(bytes: usize) {
    LEDGER.with_borrow_mut(|inbound| inbound.limit = bytes);
}

impl InboundMemory {
    /// A client has begun to hold something.
    pub(crate) fn new() -> Self {
        Self { place: 0 }
    }

    /// The client has made progress, and holds so much now. Others may have to go for that.
    pub(crate) fn update(&mut self, bytes: usize, shared: &Arc<Shared>) {
        let evicted = LEDGER.with_borrow_mut(|inbound| {
            inbound.remove(self.place);
            self.place = inbound.add(bytes, Arc::clone(shared));
            inbound.evict()
        });
        // Wakes their tasks, which is not done while anything is borrowed.
        for holder in evicted {
            holder.shared.outbox.evict();
        }
    }
}

impl Drop for InboundMemory {
    fn drop(&mut self) {
        // A thread that ends drops it too.
        let holder = LEDGER.try_with(|inbound| inbound.borrow_mut().remove(self.place));
        drop(holder);
    }
}

impl Ledger {
    fn add(&mut self, bytes: usize, shared: Arc<Shared>) -> u64 {
        self.next_place += 1;
        self.total += bytes;
        self.holders.insert(self.next_place, Holder { bytes, shared });
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
    static LEDGER: RefCell<Ledger> =
        RefCell::new(Ledger { limit: usize::MAX, ..Ledger::default() });
}
