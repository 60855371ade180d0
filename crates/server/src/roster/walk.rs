//! A look at everybody who is here, in steps, from whatever thread.
//!
//! It is no order for the workers (`runtime/worker/orders.rs`): whoever wants to know is on a thread of its own, and
//! wants to know all the more when a handler blocks a worker's. A worker waits for a step at most, which is some
//! microseconds.

use std::sync::Arc;

use super::{Member, shard::Shard};
use crate::connection::{ClientId, Shared};

/// How many are looked at while a shard is locked: 35 µs at most (bench/NOTES.md#looking-at-everybody).
const WALK_STEP: usize = 64;

/// How far a walk over all members has come.
#[derive(Default)]
pub(crate) struct Walk {
    shard: usize,
    /// How many of that shard's have yet to be looked at; `None` for all.
    left: Option<usize>,
}

impl Walk {
    /// Looks at some more, and answers whether there are any left.
    pub(super) fn step<M: Member>(
        &mut self,
        shards: &[Arc<Shard<M>>],
        look: &mut dyn FnMut(ClientId, &Shared),
    ) -> bool {
        let Some(shard) = shards.get(self.shard) else { return false };
        let left = shard.look(self.left, WALK_STEP, look);
        self.left = Some(left);
        if left == 0 {
            *self = Self { shard: self.shard + 1, left: None };
        }
        self.shard < shards.len()
    }
}
