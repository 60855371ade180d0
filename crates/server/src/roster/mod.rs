//! Who is here, and how a message gets to all of them.

mod delivery;
mod registry;

pub(crate) use self::{
    delivery::{Audience, Delivery},
    registry::{Member, Registry},
};
