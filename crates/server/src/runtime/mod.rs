//! What everything runs on: workers, their orders, their clock and their alarms.

mod alarms;
pub(crate) mod clock;
mod panic;
pub(crate) mod timing;
mod worker;

pub(crate) use self::{
    alarms::Alarms,
    panic::{Caught, Panicked, caught, contained, supervise},
    worker::{EndpointSlot, Handler, Order, Probe, Worker, WorkerThread, watch},
};
