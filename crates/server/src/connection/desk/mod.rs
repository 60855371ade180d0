//! What the driver and the session of one connection hand each other: the messages that have come,
//! and those that the application says to its own client.
//!
//! Both are at work in the one task of the connection, so nobody needs to be woken, and nothing is
//! locked: the driver lends the desk to the session through the thread for as long as it polls it.
//! A connection has a desk only while there is something on it.

mod inbox;
mod tray;

use std::cell::{Cell, RefCell};

use aerys_proto::Message;

pub(crate) use self::{inbox::Inbox, tray::Tray};
use crate::connection::outbox::Outbox;

#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) inbox: Inbox,
    pub(crate) tray: Tray,
}

/// The driver's side.
impl Desk {
    /// One with nothing on it: the one that the thread has to spare, if it has.
    pub(crate) fn spare() -> Box<Self> {
        SPARE.take().unwrap_or_default()
    }

    /// Leaves it to the thread if nothing is on it. Its queues keep their room, so that no burst
    /// has to grow them anew.
    pub(crate) fn leave(desk: &mut Option<Box<Self>>) {
        if let Some(it) = desk
            && it.inbox.is_clear()
            && it.tray.is_clear()
        {
            it.inbox.shrink();
            it.tray.shrink();
            SPARE.set(desk.take());
        }
    }

    /// Lends it to the session that `poll` polls, whose client has this outbox.
    pub(crate) fn lend<T>(
        desk: &mut Option<Box<Self>>,
        outbox: &Outbox,
        poll: impl FnOnce() -> T,
    ) -> T {
        desk.get_or_insert_with(Self::spare).tray.serve(outbox);
        let before = LENT.replace(desk.take());
        let returned = Return { desk, before };
        let outcome = poll();
        drop(returned);
        outcome
    }
}

/// The session's side.
impl Desk {
    /// Looks at the desk of the session that is being polled; `None` if none is.
    pub(crate) fn with<T>(look: impl FnOnce(&mut Desk) -> T) -> Option<T> {
        LENT.with_borrow_mut(|lent| lent.as_deref_mut().map(look))
    }

    /// Puts `message` on the tray of this outbox, or gives it back if that is not possible.
    pub(crate) fn say(message: Message, outbox: &Outbox) -> Result<(), Message> {
        LENT.with_borrow_mut(|lent| match lent {
            Some(desk) => desk.tray.put(message, outbox),
            None => Err(message),
        })
    }
}

/// Takes the desk back, however the poll ends.
struct Return<'d> {
    desk: &'d mut Option<Box<Desk>>,
    before: Option<Box<Desk>>,
}

impl Drop for Return<'_> {
    fn drop(&mut self) {
        *self.desk = LENT.replace(self.before.take());
    }
}

thread_local! {
    static LENT: RefCell<Option<Box<Desk>>> = const { RefCell::new(None) };

    static SPARE: Cell<Option<Box<Desk>>> = const { Cell::new(None) };
}

/// For how many messages a queue keeps room, so that nobody sits on more after a burst.
const MOST: usize = 64;
