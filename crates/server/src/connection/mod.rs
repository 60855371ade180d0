//! What a client's handles, its session and its driver share.

mod id;
pub(crate) mod inbound_memory;
mod life;
pub(crate) mod mailbox;
pub(crate) mod outbox;
mod shared;
mod stats;
mod tally;

pub use self::{id::ClientId, stats::Stats, tally::Tally};
pub(crate) use self::{outbox::Answer, shared::Shared, tally::DeliveryCount};
