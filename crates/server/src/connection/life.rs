//! A client's life, told once: how far it is, and what may come next.
//!
//! ```text
//!             accept         switch        close, overflow       take_end         go          depart
//! Deciding ──────────▶ Accepted ─────▶ Open ─────▶ Closing, Overflowed ─────▶ Draining ─────▶ Gone ─────▶ Departed
//!    │ go                                (a close may come before the 101)
//!    ├──────▶ Vanished ──accept──▶ Gone
//!    │ reject                        refuse                take_refusal
//!    └──────▶ Rejected (also Vanished) ─────▶ Refusing ─────▶ Refused
//! ```
//!
//! Once let in, a client can go from any state. To [depart](Life::depart) is the last, from any but those
//! of one that was not let in, where nothing more is to come.

use std::mem;

use aerys_proto::{Close, CloseCode};

use crate::error::Refusal;

/// How far a client is.
#[derive(Debug)]
pub(super) enum Life {
    /// `on_open` has not decided, and the peer waits.
    Deciding,
    /// `on_open` has not decided, and the peer has gone.
    Vanished,
    /// Not let in, and with which words is about to be said.
    Rejected,
    /// Not let in, in these words.
    Refusing(Box<Refusal>),
    /// Not let in, and the answer is on its way.
    Refused,
    /// Let in. The 101 waits for something to say, or for `on_open` to return.
    Accepted,
    /// The 101 is on its way.
    Open,
    /// A close was asked for, and its turn has not come.
    Closing(Box<Close>),
    /// It is owed too much and given up, which the driver does not know yet.
    Overflowed,
    /// The driver knows of the end, and the client may still read.
    Draining,
    /// Nothing will be sent any more.
    Gone,
    /// And `on_close` has run.
    Departed,
}

/// A [`Life`] without what it carries, as it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// Messages are taken in.
    Open = 0,
    Closing = 1,
    Overflowed = 2,
    Draining = 3,
    /// There is nobody to say anything to.
    Gone = 4,
}

impl Life {
    pub(super) fn stage(&self) -> Stage {
        match self {
            Self::Deciding | Self::Accepted | Self::Open => Stage::Open,
            Self::Closing(_) => Stage::Closing,
            Self::Overflowed => Stage::Overflowed,
            Self::Draining => Stage::Draining,
            Self::Vanished
            | Self::Rejected
            | Self::Refusing(_)
            | Self::Refused
            | Self::Gone
            | Self::Departed => Stage::Gone,
        }
    }

    /// Lets the client in, unless it is too late for that.
    pub(super) fn accept(&mut self) -> bool {
        *self = match self {
            Self::Deciding => Self::Accepted,
            Self::Vanished => Self::Gone,
            _ => return false,
        };
        true
    }

    /// `on_open` has returned: from now on the client is not let in.
    pub(super) fn reject(&mut self) {
        if let Self::Deciding | Self::Vanished = self {
            *self = Self::Rejected;
        }
    }

    /// Does not let the client in, unless it has been, and says so in these words. They are given back
    /// if others were said before.
    pub(super) fn refuse(&mut self, refusal: Box<Refusal>) -> Option<Box<Refusal>> {
        match self {
            Self::Deciding | Self::Vanished | Self::Rejected => {
                *self = Self::Refusing(refusal);
                None
            }
            _ => Some(refusal),
        }
    }

    /// The words of a refusal are on their way.
    pub(super) fn take_refusal(&mut self) -> Option<Box<Refusal>> {
        match mem::replace(self, Self::Refused) {
            Self::Refusing(refusal) => Some(refusal),
            other => {
                *self = other;
                None
            }
        }
    }

    /// The 101 is on its way.
    pub(super) fn switch(&mut self) {
        if let Self::Accepted = self {
            *self = Self::Open;
        }
    }

    /// Asks for a close; whether nobody has before.
    pub(super) fn close(&mut self, close: Close) -> bool {
        let may_close = self.is_open();
        if may_close {
            *self = Self::Closing(Box::new(close));
        }
        may_close
    }

    /// The client is owed too much.
    pub(super) fn overflow(&mut self) {
        if self.is_open() {
            *self = Self::Overflowed;
        }
    }

    /// The driver takes the close that was asked for.
    pub(super) fn take_close(&mut self) -> Option<Close> {
        match mem::replace(self, Self::Draining) {
            Self::Closing(close) => Some(*close),
            other => {
                *self = other;
                None
            }
        }
    }

    /// The driver takes notice of an overflow.
    pub(super) fn take_overflow(&mut self) -> Option<Close> {
        if let Self::Overflowed = self {
            *self = Self::Draining;
            return Some(Close::new(CloseCode::POLICY, "too slow to read what was sent"));
        }
        None
    }

    /// The client has gone.
    pub(super) fn go(&mut self) {
        *self = match self {
            Self::Deciding | Self::Vanished => Self::Vanished,
            _ if self.has_departed() => return,
            _ => Self::Gone,
        };
    }

    /// `on_close` has run, or never will.
    pub(super) fn depart(&mut self) {
        if !self.is_refused() {
            *self = Self::Departed;
        }
    }

    /// Whether messages are taken in.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Accepted | Self::Open)
    }

    /// Whether `on_close` has run, or never will.
    pub(super) fn has_departed(&self) -> bool {
        matches!(self, Self::Departed) || self.is_refused()
    }

    /// Whether the client is not let in, and will not be.
    fn is_refused(&self) -> bool {
        matches!(self, Self::Rejected | Self::Refusing(_) | Self::Refused)
    }

    /// Whether `on_open` has let the client in.
    pub(super) fn is_accepted(&self) -> bool {
        !matches!(self, Self::Deciding | Self::Vanished) && !self.is_refused()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::error::Status;

    fn refusal() -> Box<Refusal> {
        Box::new(Refusal::new(Status::FORBIDDEN, HeaderMap::new()))
    }

    fn close() -> Close {
        Close::new(CloseCode::NORMAL, "")
    }

    fn all() -> [Life; 12] {
        [
            Life::Deciding,
            Life::Vanished,
            Life::Rejected,
            Life::Refusing(refusal()),
            Life::Refused,
            Life::Accepted,
            Life::Open,
            Life::Closing(Box::new(close())),
            Life::Overflowed,
            Life::Draining,
            Life::Gone,
            Life::Departed,
        ]
    }

    fn name(life: &Life) -> &'static str {
        match life {
            Life::Deciding => "Deciding",
            Life::Vanished => "Vanished",
            Life::Rejected => "Rejected",
            Life::Refusing(_) => "Refusing",
            Life::Refused => "Refused",
            Life::Accepted => "Accepted",
            Life::Open => "Open",
            Life::Closing(_) => "Closing",
            Life::Overflowed => "Overflowed",
            Life::Draining => "Draining",
            Life::Gone => "Gone",
            Life::Departed => "Departed",
        }
    }

    type Event = (&'static str, fn(&mut Life));

    const EVENTS: [Event; 11] = [
        ("accept", |life| _ = life.accept()),
        ("reject", Life::reject),
        ("refuse", |life| drop(life.refuse(refusal()))),
        ("take_refusal", |life| drop(life.take_refusal())),
        ("switch", Life::switch),
        ("close", |life| _ = life.close(close())),
        ("overflow", Life::overflow),
        ("take_close", |life| drop(life.take_close())),
        ("take_overflow", |life| drop(life.take_overflow())),
        ("go", Life::go),
        ("depart", Life::depart),
    ];

    /// What is not here changes nothing.
    const TRANSITIONS: &[(&str, &str, &str)] = &[
        ("Deciding", "accept", "Accepted"),
        ("Deciding", "reject", "Rejected"),
        ("Deciding", "refuse", "Refusing"),
        ("Deciding", "go", "Vanished"),
        ("Vanished", "accept", "Gone"),
        ("Vanished", "reject", "Rejected"),
        ("Vanished", "refuse", "Refusing"),
        ("Rejected", "refuse", "Refusing"),
        ("Refusing", "take_refusal", "Refused"),
        ("Accepted", "switch", "Open"),
        ("Accepted", "close", "Closing"),
        ("Accepted", "overflow", "Overflowed"),
        ("Accepted", "go", "Gone"),
        ("Open", "close", "Closing"),
        ("Open", "overflow", "Overflowed"),
        ("Open", "go", "Gone"),
        ("Closing", "take_close", "Draining"),
        ("Closing", "go", "Gone"),
        ("Overflowed", "take_overflow", "Draining"),
        ("Overflowed", "go", "Gone"),
        ("Draining", "go", "Gone"),
        ("Deciding", "depart", "Departed"),
        ("Vanished", "depart", "Departed"),
        ("Accepted", "depart", "Departed"),
        ("Open", "depart", "Departed"),
        ("Closing", "depart", "Departed"),
        ("Overflowed", "depart", "Departed"),
        ("Draining", "depart", "Departed"),
        ("Gone", "depart", "Departed"),
    ];

    #[test]
    fn each_event_leads_where_the_table_says() {
        for (event, act) in EVENTS {
            for mut life in all() {
                let from = name(&life);
                let row = TRANSITIONS.iter().find(|row| (row.0, row.1) == (from, event));
                act(&mut life);
                assert_eq!(name(&life), row.map_or(from, |row| row.2), "{from}: {event}");
            }
        }
    }

    #[test]
    fn who_has_departed_is_waited_for_no_more_whether_let_in_or_not() {
        for mut life in all() {
            life.depart();
            assert!(life.has_departed(), "{life:?}");
        }
    }

    #[test]
    fn a_client_is_let_in_once_and_only_while_on_open_decides() {
        for mut life in all() {
            let may_be = matches!(life, Life::Deciding | Life::Vanished);
            let was = life.is_accepted();
            assert_eq!(life.accept(), may_be, "{life:?}");
            assert_eq!(life.is_accepted(), was || may_be);
        }
    }
}
