//! What the driver and the session of one connection hand each other: the messages that have come,
//! and those that the application says to its own client.
//!
//! Both are at work in the one task of the connection, so nobody needs to be woken, and nothing is
//! locked: the driver lends the mailbox to the session through the thread for as long as it polls it
//! (bench/NOTES.md#instructions-of-an-echo). A connection has one only while there is something in it,
//! and the thread keeps one for the next (bench/NOTES.md#taken-out-one-by-one).

mod fast_path;
mod inbound;

use std::cell::{Cell, RefCell};

use aerys_proto::Message;

pub(crate) use self::{fast_path::FastPath, inbound::Inbound};
use crate::connection::outbox::Outbox;

/// For how many messages a queue keeps its capacity, so that nobody sits on more after a burst.
const MAX_MAILBOX_ROOM: usize = 64;

#[derive(Default)]
pub(crate) struct Mailbox {
    pub(crate) inbound: Inbound,
    pub(crate) fast_path: FastPath,
}

/// The driver's side.
impl Mailbox {
    /// An empty one: the one that the thread has kept, if it has.
    pub(crate) fn recycled() -> Box<Self> {
        SPARE_MAILBOX.take().unwrap_or_default()
    }

    /// Leaves it to the thread if nothing is on it. Its queues keep their room, so that no burst
    /// has to grow them anew.
    pub(crate) fn recycle(mailbox: &mut Option<Box<Self>>) {
        if let Some(it) = mailbox
            && it.inbound.is_clear()
            && it.fast_path.is_empty()
        {
            it.inbound.shrink();
            it.fast_path.shrink();
            SPARE_MAILBOX.set(mailbox.take());
        }
    }

    /// The session is over: what is left on it is of use to nobody.
    pub(crate) fn end(mailbox: &mut Option<Box<Self>>) {
        if let Some(it) = mailbox {
            it.inbound.clear();
        }
        Self::recycle(mailbox);
        *mailbox = None;
    }

    /// Lends it to the session that `poll` polls, whose client has this outbox.
    #[inline]
    pub(crate) fn lend_while<T>(
        mailbox: &mut Option<Box<Self>>,
        outbox: &Outbox,
        poll: impl FnOnce() -> T,
    ) -> T {
        mailbox.get_or_insert_with(Self::recycled).fast_path.attach_to(outbox);
        let before = BORROWED.replace(mailbox.take());
        let returned = Return { mailbox, before };
        let outcome = poll();
        drop(returned);
        outcome
    }
}

/// The session's side.
impl Mailbox {
    /// Looks at the mailbox of the session that is being polled; `None` if none is.
    #[inline]
    pub(crate) fn with_borrowed<T>(look: impl FnOnce(&mut Mailbox) -> T) -> Option<T> {
        BORROWED.with_borrow_mut(|borrowed| borrowed.as_deref_mut().map(look))
    }

    /// Puts `message` on the fast path of this outbox, or gives it back if that is not possible.
    #[inline]
    pub(crate) fn push_fast(message: Message, outbox: &Outbox) -> Result<(), Message> {
        BORROWED.with_borrow_mut(|borrowed| match borrowed {
            Some(mailbox) => mailbox.fast_path.push(message, outbox),
            None => Err(message),
        })
    }
}

/// Takes the mailbox back, however the poll ends.
struct Return<'d> {
    mailbox: &'d mut Option<Box<Mailbox>>,
    before: Option<Box<Mailbox>>,
}

impl Drop for Return<'_> {
    fn drop(&mut self) {
        *self.mailbox = BORROWED.replace(self.before.take());
    }
}

thread_local! {
    static BORROWED: RefCell<Option<Box<Mailbox>>> = const { RefCell::new(None) };

    static SPARE_MAILBOX: Cell<Option<Box<Mailbox>>> = const { Cell::new(None) };
}
