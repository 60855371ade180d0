//! What everything runs on: workers, their orders and their clock.

pub(crate) mod clock;
mod panic;
mod worker;

pub(crate) use self::{
    panic::{Caught, Panicked, caught, contained, supervise},
    worker::{EndpointSlot, Handler, Order, Worker, WorkerThread, watch},
};
