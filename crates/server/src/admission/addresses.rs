//! How many connections there are of each address.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::Key;
use crate::sync::{Mutex, Rank};

/// An address is here for as long as it has a connection.
pub(super) struct Addresses {
    max: AtomicUsize,
    counts: Mutex<HashMap<Key, usize>>,
}

/// One of the connections that an address may have. It is given back when dropped.
pub(crate) struct AddressPlace {
    addresses: Arc<Addresses>,
    key: Key,
}

impl Addresses {
    /// So many connections for each.
    pub(super) fn new(max: usize) -> Self {
        Self { max: AtomicUsize::new(max), counts: Mutex::new(Rank::Leaf, HashMap::new()) }
    }

    /// So many from now on.
    pub(super) fn change(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    pub(super) fn take(self: &Arc<Self>, key: Key) -> Option<AddressPlace> {
        let mut counts = self.counts.lock();
        let count = counts.get(&key).copied().unwrap_or(0);
        if count >= self.max.load(Ordering::Relaxed) {
            return None;
        }
        counts.insert(key, count + 1);
        Some(AddressPlace { addresses: Arc::clone(self), key })
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.addresses.counts.lock().entry(self.key) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_so_many_and_is_forgotten_when_they_have_gone() {
        let addresses = Arc::new(Addresses::new(2));
        let take = |text: &str| addresses.take(Key::of(text.parse().unwrap()));
        let (one, two) = (take("1.1.1.1"), take("1.1.1.1"));
        assert!(one.is_some() && two.is_some() && take("1.1.1.1").is_none());
        let other = take("2.2.2.2");
        assert!(other.is_some());
        drop(one);
        let three = take("1.1.1.1");
        assert!(three.is_some() && take("1.1.1.1").is_none());
        drop((two, three, other));
        assert!(addresses.counts.lock().is_empty());
        assert!(Arc::new(Addresses::new(0)).take(Key::of([1; 4].into())).is_none());
    }
}
