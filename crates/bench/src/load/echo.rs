//! Each client says something, waits for the echo, and says it again.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Crowd, Latency, Tally};

/// A closed loop over a crowd.
pub(crate) struct Echo {
    crowd: Crowd,
    pace: Pace,
}

/// When a client says the next message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// So many in one write; again when all of them have been answered.
    Batches(usize),
    /// The first client has so many under way at any time, and all others one.
    Hog(usize),
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    Elapsed(Duration),
    Messages(u64),
}

impl Until {
    /// Whether a load that began then, and got so many messages, may stop. A time in which nothing came
    /// says nothing, so it goes on until something does.
    pub(super) fn is_reached(self, start: Instant, messages: u64) -> bool {
        match self {
            Self::Elapsed(time) => start.elapsed() >= time && messages > 0,
            Self::Messages(limit) => messages >= limit,
        }
    }
}

impl Echo {
    /// Has every client say its first.
    ///
    /// # Errors
    ///
    /// If one of them cannot.
    pub(crate) fn start(mut crowd: Crowd, pace: Pace) -> Result<Self> {
        let now = Instant::now();
        for (index, client) in crowd.clients.iter_mut().enumerate() {
            client.say(pace.depth(index), now)?;
        }
        Ok(Self { crowd, pace })
    }

    /// Goes on for a while; the loop stays closed between two calls.
    ///
    /// # Errors
    ///
    /// If a reply is wrong or missing, or a connection breaks.
    pub(crate) fn run(&mut self, until: Until) -> Result<Tally> {
        let Self { crowd, pace } = self;
        let bytes = crowd.bytes();
        let start = crowd.clock.restart();
        let (mut messages, mut latency) = (0, Latency::new());
        loop {
            crowd.turn(|index, client, count, now| {
                messages += count as u64;
                match pace {
                    Pace::Batches(depth) => {
                        if client.outstanding == 0 {
                            latency.record(now - client.said);
                            client.say(*depth, now)?;
                        }
                    }
                    Pace::Hog(_) => {
                        if index > 0 {
                            latency.record(now - client.said);
                        }
                        client.say(count, now)?;
                    }
                }
                Ok(())
            })?;
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

    /// Bytes that have come to the first client.
    pub(crate) fn first_read(&self) -> u64 {
        self.crowd.clients.first().map_or(0, |client| client.read)
    }

    /// Waits for what is still under way, and gives the crowd back.
    ///
    /// # Errors
    ///
    /// If a reply is wrong or missing, or a connection breaks.
    pub(crate) fn finish(self) -> Result<Crowd> {
        let mut crowd = self.crowd;
        let mut left: usize = crowd.clients.iter().map(|client| client.outstanding).sum();
        while left > 0 {
            crowd.turn(|_, _, count, _| {
                left -= count;
                Ok(())
            })?;
        }
        Ok(crowd)
    }
}

impl Pace {
    fn depth(self, index: usize) -> usize {
        match self {
            Self::Batches(depth) => depth,
            Self::Hog(depth) if index == 0 => depth,
            Self::Hog(_) => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_any_message_is_not_over() {
        let start = Instant::now();
        let over = |until: Until, messages| until.is_reached(start, messages);
        assert!(!over(Until::Elapsed(Duration::ZERO), 0));
        assert!(over(Until::Elapsed(Duration::ZERO), 1));
        assert!(!over(Until::Elapsed(Duration::MAX), 1));
        assert!(!over(Until::Messages(2), 1));
        assert!(over(Until::Messages(2), 2));
    }
}
