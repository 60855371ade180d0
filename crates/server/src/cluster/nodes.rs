//! Which nodes there are, and which number is whose.
//!
//! A number is 22 random bits, since it stands in the ids of clients, which have to stay safe integers for JavaScript.
//! So two nodes may have drawn the same. Each says its own with its signs of life; whoever hears another one with it,
//! and has the larger *nonce*, draws anew, and its next clients have that. Who is called by the number it had is heard
//! all the same: ids are looked for, not taken apart.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use crate::{connection::ClientId, sync::Mutex};

/// How many others are kept in mind.
const MAX_NODES: usize = 10_000;

pub(super) struct Nodes {
    number: AtomicU32,
    /// What tells a node from any other, and from itself after a restart.
    nonce: u64,
    others: Mutex<HashMap<u64, Other>>,
}

/// Another node.
struct Other {
    number: u32,
    heard: Instant,
}

/// What was heard of the numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    New,
    Known,
    /// It had this node's number, which has another now.
    Redrawn,
    /// It has this node's number, and is to draw another.
    Theirs,
}

impl Nodes {
    pub(super) fn new() -> Self {
        Self { number: AtomicU32::new(draw()), nonce: random(), others: Mutex::default() }
    }

    pub(super) fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    pub(super) fn nonce(&self) -> u64 {
        self.nonce
    }

    /// A node with this nonce has given a sign of life.
    pub(super) fn hear(&self, number: u32, nonce: u64) -> Heard {
        let mut others = self.others.lock();
        let is_known = others.contains_key(&nonce);
        if is_known || others.len() < MAX_NODES {
            others.insert(nonce, Other { number, heard: Instant::now() });
        }
        if number != self.number() {
            return if is_known { Heard::Known } else { Heard::New };
        }
        if self.nonce < nonce {
            return Heard::Theirs;
        }
        let taken = |number| others.values().any(|other| other.number == number);
        while taken(self.number()) {
            self.number.store(draw(), Ordering::Relaxed);
        }
        Heard::Redrawn
    }

    /// A node is gone. Answers whether it was known.
    pub(super) fn forget(&self, nonce: u64) -> bool {
        self.others.lock().remove(&nonce).is_some()
    }

    /// Whether a node has given a sign of life, and is kept in mind.
    pub(super) fn is_known(&self, nonce: u64) -> bool {
        self.others.lock().contains_key(&nonce)
    }

    /// Forgets those that have given no sign of life for so long; answers which those were, by their nonces.
    pub(super) fn expire(&self, lease: Duration) -> Vec<u64> {
        let mut others = self.others.lock();
        others
            .extract_if(|_, other| other.heard.elapsed() >= lease)
            .map(|(nonce, _)| nonce)
            .collect()
    }

    /// It is not theirs that nothing was heard of them: they count as if they had given a sign of life now.
    pub(super) fn excuse(&self) {
        for other in self.others.lock().values_mut() {
            other.heard = Instant::now();
        }
    }

    /// How many there are, this one included.
    pub(super) fn count(&self, lease: Duration) -> usize {
        let others = self.others.lock();
        1 + others.values().filter(|other| other.heard.elapsed() < lease).count()
    }
}

/// A number for a node: not 0, which those have that are in no cluster.
fn draw() -> u32 {
    let bits = random() as u32 & ClientId::MAX_NODE;
    bits.max(1)
}

/// Sixty-four bits that nobody else has drawn, in all probability.
fn random() -> u64 {
    // The keys of each are made of what the system has drawn.
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_with_one_number_the_one_with_the_larger_nonce_draws_anew() {
        for _ in 0..100 {
            let (one, other) = (Nodes::new(), Nodes::new());
            other.number.store(one.number(), Ordering::Relaxed);
            let heard =
                [one.hear(other.number(), other.nonce), other.hear(one.number(), one.nonce)];
            let expected = if one.nonce < other.nonce {
                [Heard::Theirs, Heard::Redrawn]
            } else {
                // The other one hears the number that is new.
                [Heard::Redrawn, Heard::New]
            };
            assert_eq!(heard, expected);
            assert_ne!(one.number(), other.number());
            assert!((1..=ClientId::MAX_NODE).contains(&one.number()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_there_for_a_lease_from_its_last_sign_of_life() {
        const LEASE: Duration = Duration::from_secs(15);
        let nodes = Nodes::new();
        let another = nodes.number() ^ 1;
        assert_eq!(nodes.hear(another, 7), Heard::New);
        tokio::time::advance(LEASE - Duration::from_millis(1)).await;
        assert_eq!((nodes.count(LEASE), nodes.expire(LEASE)), (2, vec![]));
        assert_eq!(nodes.hear(another, 7), Heard::Known);
        tokio::time::advance(LEASE).await;
        assert_eq!((nodes.count(LEASE), nodes.expire(LEASE)), (1, vec![7]));
        assert_eq!(nodes.hear(another, 7), Heard::New);
        tokio::time::advance(LEASE).await;
        nodes.excuse();
        assert_eq!((nodes.count(LEASE), nodes.expire(LEASE)), (2, vec![]));
        assert!(nodes.is_known(7) && nodes.forget(7) && !nodes.forget(7) && !nodes.is_known(7));
        assert_eq!(nodes.count(LEASE), 1);
    }

    #[test]
    fn no_more_are_kept_in_mind_than_there_may_be() {
        let nodes = Nodes::new();
        for nonce in 0..2 * MAX_NODES as u64 {
            nodes.hear(0, nonce);
        }
        assert_eq!(nodes.count(Duration::MAX), 1 + MAX_NODES);
    }
}
