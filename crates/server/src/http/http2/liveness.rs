//! Whether the client is there at all, while it has streams.
//!
//! One that is silent for half of the period in which it may acknowledge nothing of a response is asked by a
//! PING (RFC 9113 §6.7), and has gone if it is silent for the other half too. Who acknowledges what it is sent
//! is not silent: its answer comes behind that.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

use crate::{
    http_server::{
        socket::Socket,
        stall::{LOOKS_A_PERIOD, Sending, interval},
    },
    transport::Transport,
};

pub(super) struct Liveness {
    /// `None` for one that never rings.
    period: Option<Duration>,
    alarm: Option<Pin<Box<Sleep>>>,
    silence: Silence,
}

/// What comes of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Alive,
    /// The client is to be asked.
    Silent,
    Gone,
}

impl Liveness {
    pub(super) fn new(period: Option<Duration>) -> Self {
        Self { period, alarm: None, silence: Silence::default() }
    }

    /// Nobody wants to know for now.
    pub(super) fn rest(&mut self) {
        self.alarm = None;
        self.silence = Silence::default();
    }

    /// Ready with what there is to be done.
    pub(super) fn poll<T: Transport>(
        &mut self,
        socket: &Socket<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Look> {
        let Some(period) = self.period else { return Poll::Pending };
        let interval = interval(period);
        loop {
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(interval)));
            ready!(alarm.as_mut().poll(cx));
            alarm.as_mut().reset(Instant::now() + interval);
            let look = self.silence.look((socket.received(), socket.progress().acknowledged));
            if look != Look::Alive {
                return Poll::Ready(look);
            }
        }
    }
}

#[derive(Default)]
struct Silence {
    /// What had been received and acknowledged at the last look.
    seen: (u64, u64),
    /// For how many looks that has been so.
    looks: u32,
}

impl Silence {
    fn look(&mut self, seen: (u64, u64)) -> Look {
        if seen != self.seen {
            (self.seen, self.looks) = (seen, 0);
            return Look::Alive;
        }
        self.looks += 1;
        match self.looks {
            looks if looks >= LOOKS_A_PERIOD => Look::Gone,
            looks if looks == LOOKS_A_PERIOD / 2 => Look::Silent,
            _ => Look::Alive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_silent_is_asked_once_and_then_gone() {
        let mut silence = Silence::default();
        let mut look = |seen| silence.look(seen);
        assert_eq!(look((9, 9)), Look::Alive);
        let looks: Vec<_> = (0..LOOKS_A_PERIOD).map(|_| look((9, 9))).collect();
        assert_eq!(looks.iter().filter(|look| **look == Look::Silent).count(), 1);
        assert_eq!(looks.iter().position(|look| *look == Look::Gone), Some(7));
    }

    #[test]
    fn who_sends_or_acknowledges_is_there() {
        for step in [(1, 0), (0, 1)] {
            let mut silence = Silence::default();
            let seen = (1..100).map(|look| (look / 7 * step.0, look / 7 * step.1));
            assert!(seen.map(|seen| silence.look(seen)).all(|look| look != Look::Gone));
        }
    }
}
