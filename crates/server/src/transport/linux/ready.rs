//! What a socket is ready for.

use std::ops::BitOr;

use rustix::event::epoll::EventFlags;
use tokio::io::Interest;

/// Several things at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ready(u8);

impl Ready {
    pub(super) const NOTHING: Self = Self(0);
    pub(super) const READABLE: Self = Self(1);
    pub(super) const WRITABLE: Self = Self(1 << 1);
    pub(super) const READ_CLOSED: Self = Self(1 << 2);
    const WRITE_CLOSED: Self = Self(1 << 3);
    const ERROR: Self = Self(1 << 4);

    /// Whether they have anything in common.
    #[inline]
    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What a call found not to be so. What is closed stays closed.
    #[inline]
    pub(super) fn without(self, found: Self) -> Self {
        Self(self.0 & !(found.0 & (Self::READABLE.0 | Self::WRITABLE.0)))
    }
}

impl BitOr for Ready {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What an interest is met by, as the runtime has it. Urgent data is not asked for, so that what is left of
/// an interest in it is that the peer's side was closed.
impl From<Interest> for Ready {
    #[inline]
    fn from(interest: Interest) -> Self {
        let when = |is_so: bool, ready: Self| if is_so { ready } else { Self::NOTHING };
        when(interest.is_readable(), Self::READABLE | Self::READ_CLOSED)
            | when(interest.is_writable(), Self::WRITABLE | Self::WRITE_CLOSED)
            | when(interest.is_priority(), Self::READ_CLOSED)
            | when(interest.is_error(), Self::ERROR)
    }
}

/// What an event tells.
impl From<EventFlags> for Ready {
    fn from(flags: EventFlags) -> Self {
        let when = |flag, ready| if flags.contains(flag) { ready } else { Self::NOTHING };
        let both = Self::READABLE | Self::WRITABLE;
        when(EventFlags::IN, Self::READABLE)
            | when(EventFlags::OUT, Self::WRITABLE)
            | when(EventFlags::RDHUP, Self::READABLE | Self::READ_CLOSED)
            | when(EventFlags::HUP, both | Self::READ_CLOSED | Self::WRITE_CLOSED)
            | when(EventFlags::ERR, both | Self::WRITE_CLOSED | Self::ERROR)
    }
}
