//! One client publishes, all whom that is for have to hear it, then it publishes again.

use std::time::Instant;

use anyhow::Result;

use super::{Crowd, Latency, Tally, echo::Until};

/// A closed loop of one publisher, the crowd's first client, and it and others as subscribers.
pub(crate) struct Broadcast {
    crowd: Crowd,
    subscribers: usize,
    burst: usize,
}

impl Broadcast {
    /// `burst` messages will be published in one write each time, for all.
    pub(crate) fn new(crowd: Crowd, burst: usize) -> Self {
        Self { subscribers: crowd.clients.len(), crowd, burst }
    }

    /// They are for so many of the first clients, and no one else may hear them.
    pub(crate) fn heard_by(self, subscribers: usize) -> Self {
        Self { subscribers, ..self }
    }

    /// Publishes for a while, to the end of a round; the tally counts deliveries.
    ///
    /// # Errors
    ///
    /// If a delivery is wrong or missing, or a connection breaks.
    pub(crate) fn run(&mut self, until: Until) -> Result<Tally> {
        let Self { crowd, subscribers, burst } = self;
        let bytes = crowd.bytes();
        let start = crowd.clock.restart();
        let (mut messages, mut latency) = (0, Latency::new());
        loop {
            let published = Instant::now();
            for client in crowd.clients.iter_mut().take(*subscribers).skip(1) {
                client.outstanding = *burst;
            }
            if let Some(publisher) = crowd.clients.first_mut() {
                publisher.say(*burst, published)?;
            }
            let mut left = *subscribers * *burst;
            while left > 0 {
                crowd.turn(|_, client, count, now| {
                    left -= count;
                    if client.outstanding == 0 {
                        latency.record(now - published);
                    }
                    Ok(())
                })?;
            }
            messages += (*subscribers * *burst) as u64;
            if until.is_reached(start, messages) {
                return Ok(Tally {
                    messages,
                    bytes: crowd.bytes() - bytes,
                    elapsed: start.elapsed(),
                    idle: crowd.clock.idle,
                    latency,
                });
            }
        }
    }
}
