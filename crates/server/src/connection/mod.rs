//! What a client's handles, its session and its driver share.

pub(crate) mod desk;
mod id;
pub(crate) mod inbound;
mod line;
pub(crate) mod outbox;
mod stats;
mod tally;

pub use self::{id::ClientId, stats::Stats, tally::Tally};
pub(crate) use self::{
    line::{Answer, Line},
    tally::Tallying,
};
