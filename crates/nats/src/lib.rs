//! The bus between the machines of an [`aerys`] cluster: NATS.
//!
//! ```no_run
//! use aerys::{Cluster, Host, Server, Websocket};
//! use aerys_nats::NatsBus;
//!
//! # fn example(chat: impl Websocket) -> Result<(), Box<dyn std::error::Error>> {
//! let bus = NatsBus::new(["nats://10.0.0.7:4222", "nats://10.0.0.8:4222"])?;
//! let host = Host::new("mysite.com").websocket("/chat", chat);
//! Server::new().host(host).cluster(Cluster::new(bus)).run()?;
//! # Ok(())
//! # }
//! ```
//!
//! A node serves whether the bus is there or not, and looks for it all the time: at first ten times a second, then every
//! five seconds. Each connection is a new one: what is published while there is none is refused at once
//! ([`NotQueued::Away`]), and nothing that was meant for an earlier one is sent by a later.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod backoff;
mod batch;
mod confirm;
mod connection;
mod epochs;
mod error;
mod options;
mod queue;
mod random;
mod shared;
mod unread;

use std::sync::Arc;

use aerys::{Bus, BusFuture, BusLosses, BusState, Inbound, NotQueued};
use bytes::Bytes;

pub use self::{error::NatsError, options::NatsBus};

impl Bus for NatsBus {
    fn start(&self, inbound: Inbound) {
        let (options, shared) = (self.options.clone(), Arc::clone(&self.shared));
        tokio::spawn(async move {
            let end = shared.end().clone();
            end.run_until_cancelled_owned(connection::keep(options, shared, inbound)).await;
        });
    }

    fn publish(&self, partition: u16, frame: Bytes) -> Result<(), NotQueued> {
        self.shared.queue().ok_or(NotQueued::Away)?.push(partition, frame)
    }

    fn flush(&self) -> BusFuture<'_, Result<(), NotQueued>> {
        Box::pin(async {
            let confirmed = self.shared.queue().ok_or(NotQueued::Away)?.confirm()?;
            confirmed.await.map_err(|_| NotQueued::Away)
        })
    }

    fn state(&self) -> BusState {
        self.shared.state()
    }

    fn losses(&self) -> BusLosses {
        self.shared.losses()
    }

    fn stop(&self) {
        self.shared.stop();
    }
}
