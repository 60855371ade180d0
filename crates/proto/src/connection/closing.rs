//! How far a connection is from its end: RFC 6455 §7.
//!
//! | in | `close()` | the peer's CLOSE, a violation, `fail()` | the socket's end, the deadline |
//! | --- | --- | --- | --- |
//! | Open | Closing | Draining; reports theirs, or why | Over; reports 1006 |
//! | Closing | | Draining; reports ours | Over; reports ours |
//! | Draining | | | Over |
//!
//! The peer's CLOSE and its violation can be held: they have come, and count from when they are
//! released.

use std::time::Instant;

use crate::{Close, CloseCode, error::PeerError};

#[derive(Debug)]
pub(super) enum Phase {
    Open(Open),
    // In boxes, so that a connection at rest is small.
    Closing(Box<Closing>),
    Draining(Box<Draining>),
    Over,
}

/// Neither has said CLOSE, as far as that was let in.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Whether the peer's end is held when it comes.
    holds: bool,
    held: Option<Box<PeerEnd>>,
}

/// We said CLOSE, or will when the message before it is out, and the peer has not.
#[derive(Debug)]
pub(super) struct Closing {
    ours: Close,
    deadline: Option<Instant>,
    held: Option<Box<PeerEnd>>,
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

/// Who began the end of a [`Connection`](crate::Connection).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The peer, by its CLOSE.
    Peer,
    /// The peer, by breaking a rule; the code and reason reported say which.
    Violation,
    /// We did, by [`close`](crate::Connection::close) or [`fail`](crate::Connection::fail), or as
    /// pings were not answered.
    Local,
    /// Nobody: the socket ended without a word.
    Lost,
}

impl Phase {
    /// Has the peer's end held when it comes.
    pub(super) fn hold_ends(&mut self) {
        if let Self::Open(open) = self {
            open.holds = true;
        }
    }

    /// Whether frames of the peer still matter.
    pub(super) fn is_reading(&self) -> bool {
        matches!(self, Self::Open(_) | Self::Closing(_)) && !self.holds_end()
    }

    /// The peer's end, unless it is held. Where our CLOSE came first, nothing is left to be said.
    pub(super) fn hold(&mut self, end: PeerEnd) -> Option<PeerEnd> {
        match self {
            Self::Open(open) if open.holds => {
                open.held = Some(Box::new(end));
                None
            }
            _ => Some(end),
        }
    }

    pub(super) fn holds_end(&self) -> bool {
        match self {
            Self::Open(open) => open.held.is_some(),
            Self::Closing(closing) => closing.held.is_some(),
            Self::Draining(_) | Self::Over => false,
        }
    }

    pub(super) fn take_held(&mut self) -> Option<PeerEnd> {
        let held = match self {
            Self::Open(open) => open.held.take(),
            Self::Closing(closing) => closing.held.take(),
            Self::Draining(_) | Self::Over => None,
        };
        held.map(|held| *held)
    }

    /// We say CLOSE; whether it is the first time.
    pub(super) fn close(&mut self, ours: &Close, deadline: Option<Instant>) -> bool {
        let Self::Open(open) = self else { return false };
        let held = open.held.take();
        *self = Self::Closing(Box::new(Closing { ours: ours.clone(), deadline, held }));
        true
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Closing(closing) => closing.deadline,
            Self::Draining(draining) => draining.deadline,
            Self::Open(_) | Self::Over => None,
        }
    }

    /// The peer still takes what it is sent: its time begins anew, if it was not given up.
    pub(super) fn postpone(&mut self, later: Option<Instant>) {
        match self {
            Self::Closing(closing) => closing.deadline = later,
            Self::Draining(draining) if draining.wait == Wait::WhileItReads => {
                draining.deadline = later;
            }
            Self::Open(_) | Self::Draining(_) | Self::Over => {}
        }
    }

    pub(super) fn has_expired(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// There is nothing left to hear: the peer said CLOSE, or was given up. What to report, if
    /// nothing was before: `close`, unless we said ours first.
    pub(super) fn drain(
        &mut self,
        close: Close,
        deadline: Option<Instant>,
        wait: Wait,
    ) -> Option<Close> {
        let (next, report) = match self.take() {
            Self::Open(_) => (Self::Draining(Box::new(Draining { deadline, wait })), Some(close)),
            Self::Closing(closing) => {
                let Closing { ours, deadline, .. } = *closing;
                (Self::Draining(Box::new(Draining { deadline, wait })), Some(ours))
            }
            draining => (draining, None),
        };
        *self = next;
        report
    }

    /// There is nothing left to wait for. What to report, if nothing was before.
    pub(super) fn end(&mut self) -> Option<Close> {
        match self.take() {
            Self::Open(Open { held, .. }) => {
                Some(held.map_or(CloseCode::ABNORMAL.into(), |held| (*held).into()))
            }
            Self::Closing(closing) => Some(closing.ours),
            Self::Draining(_) | Self::Over => None,
        }
    }

    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Over)
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
