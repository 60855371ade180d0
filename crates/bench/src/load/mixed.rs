//! Some clients wait for their echoes while another publishes to all the others.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Crowd, Latency, Tally, echo::Until};

/// Two closed loops on one thread. The crowd's first clients echo; the next one publishes to itself and
/// all behind it, again when all of them have heard it.
pub(crate) struct Mixed {
    crowd: Crowd,
    echoes: usize,
    /// The least time between two broadcasts.
    interval: Duration,
    published: Instant,
    /// Deliveries that are still to come.
    left: usize,
}

impl Mixed {
    /// Has the first clients, as many as `echoes`, say their first.
    ///
    /// # Errors
    ///
    /// If one of them cannot.
    pub(crate) fn start(mut crowd: Crowd, echoes: usize, interval: Duration) -> Result<Self> {
        let now = Instant::now();
        for client in crowd.clients.iter_mut().take(echoes) {
            client.say(1, now)?;
        }
        let mut mixed = Self { crowd, echoes, interval, published: now, left: 0 };
        mixed.publish()?;
        Ok(mixed)
    }

    /// Goes on for a while; the tally counts deliveries, and its latency is that of the echoes.
    ///
    /// # Errors
    ///
    /// If a reply is wrong or missing, or a connection breaks.
    pub(crate) fn run(&mut self, until: Until) -> Result<Tally> {
        let bytes = self.crowd.bytes();
        let start = self.crowd.clock.restart();
        let (mut messages, mut latency) = (0, Latency::new());
        while !until.is_reached(start, latency.count().min(messages)) {
            if self.left == 0 && self.published.elapsed() >= self.interval {
                self.publish()?;
            }
            let Self { crowd, echoes, left, .. } = self;
            crowd.turn(|index, client, count, now| {
                if index < *echoes {
                    latency.record(now - client.said);
                    return client.say(1, now);
                }
                *left -= count;
                messages += count as u64;
                Ok(())
            })?;
        }
        Ok(Tally {
            messages,
            bytes: self.crowd.bytes() - bytes,
            elapsed: start.elapsed(),
            idle: self.crowd.clock.idle,
            latency,
        })
    }

    fn publish(&mut self) -> Result<()> {
        let Self { crowd, echoes, published, left, .. } = self;
        *published = Instant::now();
        *left = crowd.clients.len() - *echoes;
        let mut members = crowd.clients.iter_mut().skip(*echoes);
        let publisher = members.next();
        for client in members {
            client.outstanding = 1;
        }
        publisher.map_or(Ok(()), |client| client.say(1, *published))
    }
}
