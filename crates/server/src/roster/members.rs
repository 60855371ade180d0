//! The members of one shard: a dense array to walk, with an index beside it to find one by its id.

use std::hash::{BuildHasherDefault, Hasher};

use indexmap::IndexMap;

use crate::connection::ClientId;

/// 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

pub(super) type Members<M> = IndexMap<ClientId, Listed<M>, BuildHasherDefault<Scatter>>;

/// A member, and up to which message it has been told of what was broadcast.
pub(super) struct Listed<M> {
    pub(super) member: M,
    pub(super) told: u64,
}

/// Hashes the ids that are given here. No client chooses its own, so there is no need to be
/// unpredictable, only to spread neighbours (bench/NOTES.md#taken-out-one-by-one).
#[derive(Default)]
pub(super) struct Scatter(u64);

impl Hasher for Scatter {
    fn write_u64(&mut self, number: u64) {
        // The index is looked up by the low bits and told apart by the high ones.
        let product = u128::from(number) * u128::from(GOLDEN);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
