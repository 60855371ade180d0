//! What a client's handles, its session and its driver share.

mod id;
pub(crate) mod inbound_memory;
pub(crate) mod mailbox;
pub(crate) mod outbox;
mod shared;
mod stats;
mod tally;

pub use self::{id::ClientId, stats::Stats, tally::Tally};
pub(crate) use self::{
    shared::{Answer, Shared},
    tally::DeliveryCount,
};
