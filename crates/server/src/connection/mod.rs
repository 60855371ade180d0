//! What a client's handles, its session and its driver share.

mod direct_write;
mod id;
pub(crate) mod inbound_memory;
mod life;
pub(crate) mod mailbox;
pub(crate) mod outbox;
mod own_write;
mod shared;
mod stats;
mod tally;

pub(crate) use self::{
    direct_write::{DirectWrite, Frames},
    outbox::Answer,
    shared::Shared,
    tally::DeliveryCount,
};
pub use self::{
    id::ClientId,
    stats::Stats,
    tally::{Published, Tally},
};
