//! How far a connection is from its end: RFC 6455 §7.
//!
//! | in | `close()` | the peer's CLOSE, a violation, `fail()` | the socket's end, the deadline |
//! | --- | --- | --- | --- |
//! | Open | Closing | Draining; reports theirs, or why | Over; reports 1006 |
//! | Closing | | Draining; reports ours | Over; reports ours |
//! | Draining | | | Over |

use std::time::Instant;

use crate::{Close, CloseCode, error::PeerError};

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
    wait: Wait,
}

/// How long a peer is waited for that has nothing left to hear but our CLOSE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Until the deadline: it was given up.
    Fixed,
    /// Until it has taken nothing for so long.
    WhileItReads,
}

/// How a peer ends a connection.
#[derive(Debug)]
pub(super) enum PeerEnd {
    Closed(Close),
    Erred(PeerError),
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

    /// The peer still takes what it is sent: its time begins anew, if it was not given up.
    pub(super) fn postpone(&mut self, later: Option<Instant>) {
        match self {
            Self::Closing(Closing { deadline, .. })
            | Self::Draining(Draining { deadline, wait: Wait::WhileItReads }) => *deadline = later,
            Self::Open | Self::Draining(_) | Self::Over => {}
        }
    }

    pub(super) fn has_expired(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// There is nothing left to hear: the peer said CLOSE, or was given up. What to report, if
    /// nothing was before: `close`, unless we said ours first.
    pub(super) fn settle(
        &mut self,
        close: Close,
        deadline: Option<Instant>,
        wait: Wait,
    ) -> Option<Close> {
        let (next, report) = match self.take() {
            Self::Open => (Self::Draining(Draining { deadline, wait }), Some(close)),
            Self::Closing(closing) => {
                let (draining, ours) = closing.settle(wait);
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

    fn settle(self, wait: Wait) -> (Draining, Close) {
        (Draining { deadline: self.deadline, wait }, *self.ours)
    }
}

/// What it is to the application.
impl From<PeerEnd> for Close {
    fn from(end: PeerEnd) -> Self {
        match end {
            PeerEnd::Closed(close) => close,
            PeerEnd::Erred(error) => error.into(),
        }
    }
}
