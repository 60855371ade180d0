//! What the driver and the session of one connection hand each other: the messages that have come,
//! and those that the application says to its own client.
//!
//! Both are at work in the one task of the connection, so nobody needs to be woken, and nothing is
//! locked: the driver lends the mailbox to the session through the thread for as long as it polls it
//! (bench/NOTES.md#instructions-of-an-echo). A connection has one only while there is something in it,
//! and the thread keeps one for the next (bench/NOTES.md#taken-out-one-by-one).

mod fast_path;
mod inbound;

use std::{
    cell::{Cell, RefCell},
    mem::{self, ManuallyDrop},
};

use aerys_proto::Message;

pub(crate) use self::{fast_path::FastPath, inbound::Inbound};
use crate::connection::outbox::{Outbox, OwnWrite};

/// For how many messages a queue keeps its capacity, so that nobody sits on more after a burst.
const MAX_MAILBOX_ROOM: usize = 64;

#[derive(Default)]
pub(crate) struct Mailbox {
    pub(crate) inbound: Inbound,
    pub(crate) fast_path: FastPath,
    /// How much the session may write by itself while it is polled, by what messages cost.
    write_allowance: usize,
    /// What it has.
    written: Written,
}

/// What a session has written by itself.
#[derive(Clone, Copy, Default)]
pub(crate) struct Written {
    /// By what messages cost.
    pub(crate) cost: usize,
    /// Whether more was to follow what was last written.
    pub(crate) is_held_back: bool,
}

/// The driver's side.
impl Mailbox {
    /// An empty one: the one that the thread has kept, if it has.
    pub(crate) fn recycled() -> Box<Self> {
        SPARE_MAILBOX.take().unwrap_or_default()
    }

    /// Leaves it to the thread if nothing is on it. Its queues keep their room, so that no burst
    /// has to grow them anew.
    #[inline(always)]
    pub(crate) fn recycle(mailbox: &mut Option<Box<Self>>) {
        if let Some(it) = mailbox
            && it.inbound.is_clear()
            && it.fast_path.is_empty()
        {
            it.inbound.shrink();
            it.fast_path.shrink();
            // Another is there if two clients have had one at a time. A look is less than a call to
            // drop what is not.
            if let Some(other) = SPARE_MAILBOX.replace(mailbox.take()) {
                drop(other);
            }
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

    /// What the session has written by itself since this was last asked.
    #[inline]
    pub(crate) fn take_written(&mut self) -> Option<Written> {
        (self.written.cost > 0).then(|| mem::take(&mut self.written))
    }

    /// Lends it to the session that `poll` polls, whose client has this outbox, and which may write so much
    /// by itself.
    #[inline]
    pub(crate) fn lend_while<T>(
        mailbox: &mut Option<Box<Self>>,
        outbox: &Outbox,
        write_allowance: usize,
        poll: impl FnOnce() -> T,
    ) -> T {
        let it = mailbox.get_or_insert_with(Self::recycled);
        it.fast_path.attach_to(outbox);
        it.write_allowance = write_allowance;
        let before = replace_borrowed(mailbox.take());
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

    /// Lets the session that is being polled write by itself what costs this much and is for the client with
    /// this outbox, if it may and nothing goes before it. Answers also whether more is to follow, since other
    /// messages wait.
    #[inline]
    pub(crate) fn begin_own_write(cost: usize, outbox: &Outbox) -> Option<(OwnWrite, bool)> {
        Self::with_borrowed(|mailbox| {
            if !mailbox.fast_path.belongs_to(outbox) || !mailbox.fast_path.is_empty() {
                return None;
            }
            let write_allowance = mailbox.write_allowance.checked_sub(cost)?;
            let own_write = outbox.begin_own_write(cost)?;
            mailbox.write_allowance = write_allowance;
            mailbox.written.cost += cost;
            mailbox.written.is_held_back = mailbox.inbound.has_backlog();
            Some((own_write, mailbox.written.is_held_back))
        })
        .flatten()
    }

    /// Puts `message` on the fast path of this outbox, or gives it back if that is not possible.
    #[inline]
    pub(crate) fn push_fast(message: Message, outbox: &Outbox) -> Result<(), Message> {
        BORROWED.with_borrow_mut(|borrowed| match &mut **borrowed {
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
        *self.mailbox = replace_borrowed(self.before.take());
    }
}

#[inline]
fn replace_borrowed(mailbox: Option<Box<Mailbox>>) -> Option<Box<Mailbox>> {
    ManuallyDrop::into_inner(BORROWED.replace(ManuallyDrop::new(mailbox)))
}

thread_local! {
    /// Lent for a poll and taken back: no thread ends with one in here, and what needs no drop is found
    /// without asking whether the thread is ending.
    static BORROWED: RefCell<ManuallyDrop<Option<Box<Mailbox>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };

    static SPARE_MAILBOX: Cell<Option<Box<Mailbox>>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::connection::outbox::tests::{Unwritten, shared};

    fn begin(cost: usize, outbox: &Outbox) -> Option<bool> {
        Mailbox::begin_own_write(cost, outbox).map(|(_, more_follows)| more_follows)
    }

    #[test]
    fn a_session_writes_no_more_by_itself_than_it_is_allowed_to() {
        let stream = Arc::new(Unwritten);
        let (outbox, other, mut mailbox) = (shared(&stream), shared(&stream), None);
        assert_eq!(begin(1, &outbox), None);
        for _ in 0..2 {
            Mailbox::lend_while(&mut mailbox, &outbox, 200, || {
                assert_eq!(begin(1, &other), None);
                assert_eq!(begin(100, &outbox), Some(false));
                assert_eq!(begin(101, &outbox), None);
                assert_eq!(begin(100, &outbox), Some(false));
                assert_eq!(begin(1, &outbox), None);
            });
            let mailbox = mailbox.as_mut().unwrap();
            assert_eq!(mailbox.take_written().map(|written| written.cost), Some(200));
            assert!(mailbox.take_written().is_none());
        }
    }

    #[test]
    fn a_session_writes_nothing_by_itself_before_what_was_said() {
        let stream = Arc::new(Unwritten);
        let (outbox, mut mailbox) = (shared(&stream), None);
        Mailbox::lend_while(&mut mailbox, &outbox, 200, || {
            Mailbox::push_fast(Message::text("first"), &outbox).unwrap();
            assert_eq!(begin(1, &outbox), None);
        });
        mailbox.as_mut().unwrap().fast_path.flush_into(&outbox);
        Mailbox::lend_while(&mut mailbox, &outbox, 200, || assert_eq!(begin(1, &outbox), None));
        assert!(mailbox.unwrap().take_written().is_none());
    }

    #[test]
    fn what_a_session_writes_by_itself_is_held_back_for_what_waits_behind_it() {
        let stream = Arc::new(Unwritten);
        let (outbox, mut mailbox) = (shared(&stream), Some(Mailbox::recycled()));
        mailbox.as_mut().unwrap().inbound.push(Message::text("next"));
        Mailbox::lend_while(&mut mailbox, &outbox, 200, || {
            assert_eq!(begin(1, &outbox), Some(true));
            Mailbox::with_borrowed(|mailbox| mailbox.inbound.take());
            assert_eq!(begin(1, &outbox), Some(false));
        });
        assert!(!mailbox.unwrap().take_written().unwrap().is_held_back);
    }
}
