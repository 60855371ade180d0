//! How far a connection is from its end: RFC 6455 §7.
//!
//! | in | `close()` | the peer's CLOSE, a violation, `fail()` | the socket's end, the deadline |
//! | --- | --- | --- | --- |
//! | Open | Closing | Draining; reports theirs, or why | Over; reports 1006 |
//! | Closing | | Draining; reports ours | Over; reports ours |
//! | Draining | | | Over |

use std::time::Instant;

use crate::{Close, CloseCode};

#[derive(Debug)]
pub(super) enum Phase {
    Open,
    Closing(Closing),
    Draining(Draining),
    Over,
}

/// We said CLOSE, or will when the message before it is out, and the peer has not.
#[derive(Debug)]
pub(super) struct Closing {
    ours: Box<Close>,
    deadline: Option<Instant>,
}

/// Nothing is left to say but our CLOSE. RFC 6455 §7.1.1: the socket is closed "cleanly", when the
/// peer has ended it too.
#[derive(Debug)]
pub(super) struct Draining {
    deadline: Option<Instant>,
}

impl Phase {
    /// Whether frames of the peer still matter.
    pub(super) fn is_reading(&self) -> bool {
        matches!(self, Self::Open | Self::Closing(_))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Closing(closing) => closing.deadline,
            Self::Draining(draining) => draining.deadline,
            Self::Open | Self::Over => None,
        }
    }

    pub(super) fn has_expired(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// There is nothing left to hear: the peer said CLOSE, or was given up. What to report, if
    /// nothing was before: `close`, unless we said ours first.
    pub(super) fn settle(&mut self, close: Close, deadline: Option<Instant>) -> Option<Close> {
        let (next, report) = match self.take() {
            Self::Open => (Self::Draining(Draining { deadline }), Some(close)),
            Self::Closing(closing) => {
                let (draining, ours) = closing.settle();
                (Self::Draining(draining), Some(ours))
            }
            settled => (settled, None),
        };
        *self = next;
        report
    }

    /// There is nothing left to wait for. What to report, if nothing was before.
    pub(super) fn end(&mut self) -> Option<Close> {
        match self.take() {
            Self::Open => Some(CloseCode::ABNORMAL.into()),
            Self::Closing(closing) => Some(*closing.ours),
            Self::Draining(_) | Self::Over => None,
        }
    }

    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Over)
    }
}

impl Closing {
    pub(super) fn new(ours: Close, deadline: Option<Instant>) -> Self {
        Self { ours: Box::new(ours), deadline }
    }

    fn settle(self) -> (Draining, Close) {
        (Draining { deadline: self.deadline }, *self.ours)
    }
}
