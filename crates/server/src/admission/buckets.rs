//! How often each address may come: a bucket of tokens for each, which refills.

use std::{collections::HashMap, mem, time::Duration};

use tokio::time::Instant;

use super::{Key, Rate};
use crate::sync::{Mutex, Rank};

/// How many addresses are known at a time, at most: half of them are those that came last.
const MAX_ADDRESSES: usize = 1 << 16;

/// What has not been seen for as long as it takes others to fill a half is forgotten, and has a full bucket again.
/// Whoever can have that happen has tens of thousands of addresses anyway.
pub(super) struct Buckets {
    rate: Rate,
    halves: Mutex<Halves>,
}

#[derive(Default)]
struct Halves {
    young: HashMap<Key, Bucket>,
    old: HashMap<Key, Bucket>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Buckets {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, halves: Mutex::new(Rank::Leaf, Halves::default()) }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes a token of an address.
    ///
    /// # Errors
    ///
    /// After how long there is one.
    pub(super) fn take(&self, key: Key) -> Result<(), Duration> {
        self.take_at(key, Instant::now())
    }

    fn take_at(&self, key: Key, now: Instant) -> Result<(), Duration> {
        let (per_second, full) = (f64::from(self.rate.per_second), f64::from(self.rate.burst));
        let mut halves = self.halves.lock();
        let Bucket { tokens, at } = halves.remove(key).unwrap_or(Bucket { tokens: full, at: now });
        let refill = now.saturating_duration_since(at).as_secs_f64() * per_second;
        let tokens = (tokens + refill).min(full);
        let (left, outcome) = if tokens >= 1.0 {
            (tokens - 1.0, Ok(()))
        } else {
            (tokens, Err(Duration::from_secs_f64((1.0 - tokens) / per_second)))
        };
        let forgotten = halves.insert(key, Bucket { tokens: left, at: now });
        drop(halves);
        drop(forgotten);
        outcome
    }
}

impl Halves {
    fn remove(&mut self, key: Key) -> Option<Bucket> {
        self.young.remove(&key).or_else(|| self.old.remove(&key))
    }

    /// Answers those that are forgotten.
    fn insert(&mut self, key: Key, bucket: Bucket) -> Option<HashMap<Key, Bucket>> {
        let forgotten = (self.young.len() >= MAX_ADDRESSES / 2)
            .then(|| mem::replace(&mut self.old, mem::take(&mut self.young)));
        self.young.insert(key, bucket);
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> Key {
        Key::of(number.to_be_bytes().into())
    }

    #[test]
    fn an_address_may_come_so_often_at_once_and_then_as_it_refills() {
        let buckets = Buckets::new(Rate { per_second: 2, burst: 3 });
        let began = Instant::now();
        let take =
            |number, millis| buckets.take_at(key(number), began + Duration::from_millis(millis));
        assert!((0..3).all(|_| take(1, 0).is_ok()));
        assert_eq!(take(1, 0), Err(Duration::from_millis(500)));
        assert_eq!(take(1, 100), Err(Duration::from_millis(400)));
        assert!(take(2, 100).is_ok(), "another has a bucket of its own");
        assert!(take(1, 500).is_ok() && take(1, 500).is_err());
        // No more than it holds, however long nobody comes.
        assert!((0..3).all(|_| take(1, 60_000).is_ok()));
        assert!(take(1, 60_000).is_err());
        // A clock that goes back refills nothing.
        assert!(take(1, 0).is_err());
    }

    #[test]
    fn so_many_addresses_are_known_at_most_and_those_that_come_are_not_forgotten() {
        let buckets = Buckets::new(Rate { per_second: 1, burst: 1 });
        let now = Instant::now();
        assert!(buckets.take_at(key(0), now).is_ok());
        for number in 1..=4 * MAX_ADDRESSES as u32 {
            assert!(buckets.take_at(key(number), now).is_ok());
            if number % 1000 == 0 {
                assert!(buckets.take_at(key(0), now).is_err());
            }
        }
        let halves = buckets.halves.lock();
        assert!(halves.young.len() + halves.old.len() <= MAX_ADDRESSES);
    }
}
