//! The future that pumps one client: socket → protocol → application, outbox → socket.
//!
//! A turn of it reads what is there, lets the application work it off, and writes what came of
//! that in as few system calls as it takes; then the next client has its turn.

mod alarm;
mod application;
mod batch;
mod budget;
mod direct;
mod ending;
mod inbound_memory;
mod progress;
mod reading;
mod socket;
mod task;
mod writing;

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use aerys_proto::{Connection, Message};
use bytes::Bytes;

pub(crate) use self::task::ConnectionTask;
use self::{
    alarm::{Alarm, BacklogDeadline},
    budget::Budget,
    ending::Deferral,
    inbound_memory::Held,
    progress::Owed,
    socket::Socket,
    writing::Sending,
};
use crate::{
    admission::Places,
    connection::{
        Shared,
        mailbox::Mailbox,
        outbox::{PendingAction, SocketState},
    },
    runtime::clock::{self, Moment},
    session::{Opening, Session},
    transport::{Transport, yield_now},
};

/// One open connection. Resolves when the socket is closed and the application is done with it.
pub(crate) struct Driver<T> {
    connection: Connection,
    shared: Arc<Shared>,
    /// `None` once the socket is closed.
    socket: Option<Socket<T>>,
    /// `None` once the application is done.
    session: Option<Session>,
    /// `None` while there is nothing on it.
    mailbox: Option<Box<Mailbox>>,
    alarm: Alarm,
    /// The address of the task that the outbox wakes. It is compared, and never followed.
    woken: Option<NonZeroUsize>,
    /// Whether the last frame of the message last given to the connection is still to come.
    sending: Sending,
    /// Messages taken from the outbox for a write that had no room for them.
    #[expect(clippy::box_collection, reason = "there are none most of the time")]
    left_over: Option<Box<VecDeque<Message>>>,
    /// Whether something that was read is still to be decompressed.
    is_behind: bool,
    /// How many messages had come and gone when a budget was last spent.
    messages_seen: u32,
    /// Whether anything has happened since there was last nothing to write.
    may_have_output: bool,
    /// What the client was owed when that was last looked at, if it was anything.
    owed: Option<Box<Owed>>,
    /// What the connection's end is waiting for, if that has come.
    deferral: Option<Box<Deferral>>,
    /// What the client holds that is unfinished or unheard, if anything is.
    held: Option<Box<Held>>,
    /// When a client that is to be closed is looked at: does it take what goes before the CLOSE?
    close_deadline: Option<Box<Instant>>,
    /// The wait for an application to go on with what a client has left behind that has gone.
    backlog_deadline: Option<Box<BacklogDeadline>>,
    /// What the client takes of limits.
    _places: Option<Box<Places>>,
    /// The time, as of the beginning of the turn.
    now: Moment,
}

/// What comes after a round of a turn.
enum Next {
    /// Another round: it may find something.
    Again(Cause),
    /// The next client's turn: this one has used up its own.
    Yield,
    /// Nothing, until it is woken, unless it was in the meantime.
    Rest,
    /// Nothing: the socket is closed and the application is done.
    Over,
}

/// Why there is another round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The driver was woken, or has found something as it was about to rest.
    Woken,
    /// Something was written, for which the application may have waited.
    Written,
    /// Something was read, an end was taken in, or what was left of the last round was caught up with.
    Progress,
    /// The client is read from again.
    ReadsResumed,
}

impl<T: Transport> Driver<T> {
    /// Takes over a transport that has become a websocket. `early` is what was read of it already.
    pub(crate) fn new(opening: Opening, transport: T, early: Bytes) -> Self {
        let socket = Socket::new(transport, early);
        let mut driver = Self::without_socket(opening);
        if let Some(encoding) = driver.connection.encoding() {
            driver.shared.outbox.share(socket.writer(), encoding);
        }
        driver.socket = Some(socket);
        driver
    }

    /// For a peer that vanished before its answer: all there is to do is to let `on_open` end.
    pub(crate) fn vanished(opening: Opening) -> Self {
        let mut driver = Self::without_socket(opening);
        driver.socket_ended();
        driver
    }

    fn without_socket(opening: Opening) -> Self {
        let now = clock::now();
        Self {
            connection: match opening.agreement {
                Some(agreement) => {
                    Connection::with_compression(opening.config, agreement, now.instant)
                }
                None => Connection::new(opening.config, now.instant),
            }
            .holding_ends(),
            shared: opening.shared,
            socket: None,
            session: Some(opening.session),
            mailbox: None,
            alarm: Alarm::new(opening.alarms),
            woken: None,
            sending: Sending::Nothing,
            left_over: None,
            is_behind: false,
            messages_seen: 0,
            may_have_output: true,
            owed: None,
            deferral: None,
            held: None,
            close_deadline: None,
            backlog_deadline: None,
            _places: opening.places,
            now,
        }
    }
}

/// Handles may outlive the connection, and are not to keep its task.
impl<T> Drop for Driver<T> {
    fn drop(&mut self) {
        self.alarm.clear(&self.shared);
        self.shared.outbox.forget_driver();
    }
}

impl<T: Transport> Future for Driver<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let driver = &mut *self;
        driver.now = clock::now();
        let outcome = driver.turn(cx);
        driver.flush(cx);
        Mailbox::recycle(&mut driver.mailbox);
        outcome
    }
}

impl<T: Transport> Driver<T> {
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut budget = Budget::new();
        let mut next = Next::Again(Cause::Woken);
        loop {
            next = match next {
                Next::Again(cause) => self.round(cx, &mut budget, cause),
                Next::Yield => {
                    // It may be long before it rests.
                    self.note_inbound_memory();
                    self.set_alarm();
                    // The next turn comes when the runtime has looked at all sockets, and not before
                    // those that have something to say.
                    return pin!(yield_now()).poll(cx);
                }
                Next::Rest if self.rest(cx) => {
                    budget::end_short_turn();
                    return Poll::Pending;
                }
                Next::Rest => Next::Again(Cause::Woken),
                Next::Over => return Poll::Ready(()),
            };
        }
    }

    /// Reads once, lets the application work that off, and writes once.
    ///
    /// Reading and writing stay functions of their own: in one with this, what both may need is made
    /// ready on the stack before it is known that neither does.
    #[inline]
    fn round(&mut self, cx: &mut Context<'_>, budget: &mut Budget, cause: Cause) -> Next {
        self.begin_round();
        let read_allowance = self.read_allowance();
        let was_paused = read_allowance == 0;
        // When answers have left, who waited for that comes before what is still to come.
        let catches_up = cause == Cause::Written && !self.is_application_idle();
        let has_read = !catches_up && !was_paused && self.read(cx, read_allowance, budget);
        self.poll_session(cx, budget);
        let has_written = if budget.has_read_much() {
            self.gather_or_write(cx, budget)
        } else {
            self.write(cx, budget)
        };
        // Who has waited for that is to go on first.
        let has_ended = self.end_if_due(!has_written || budget.write == 0);
        self.close_socket();
        if self.session.is_none() && self.socket.is_none() {
            return Next::Over;
        }
        if budget.is_spent() && !self.extend(budget) {
            return Next::Yield;
        }
        let cause = if has_written {
            Cause::Written
        } else if has_read || has_ended || catches_up {
            Cause::Progress
        } else if was_paused && !self.are_reads_paused() && self.socket.is_some() {
            // Nothing wakes a driver for what it did not read: it has to look by itself.
            Cause::ReadsResumed
        } else {
            return Next::Rest;
        };
        if self.has_nothing_left(cx) { Next::Rest } else { Next::Again(cause) }
    }

    /// Looks at what cannot wait: the clock, a close that was asked for, and a client that is owed too much.
    #[inline]
    fn begin_round(&mut self) {
        if self.shared.outbox.begin_turn() {
            self.handle_pending_action();
        } else {
            self.close_deadline = None;
        }
    }

    #[cold]
    fn handle_pending_action(&mut self) {
        let action = self.shared.outbox.pending_action();
        if self.shared.outbox.has_unsent() {
            self.take_unsent();
        }
        if action != PendingAction::Closing {
            self.close_deadline = None;
        }
        match action {
            PendingAction::None => {}
            PendingAction::Closing => {
                if self.close_deadline.is_none() {
                    self.now = clock::read();
                    self.begin_progress();
                    self.begin_close_deadline();
                }
            }
            PendingAction::Overflowed(close) => {
                self.now = clock::read();
                let event = self.connection.fail(close, self.now.instant);
                self.report(event);
                self.may_have_output = true;
            }
        }
        if self.shared.outbox.has_rung() {
            self.alarm.clear(&self.shared);
            // The runtime's clock may be ahead of ours, and what rings is to be found due.
            self.now = clock::read();
            self.handle_timeout();
        }
    }

    /// Whether another round of this turn would find nothing, as is the rule: one look at the socket
    /// then spares it (bench/NOTES.md#taken-out-one-by-one).
    fn has_nothing_left(&self, cx: &mut Context<'_>) -> bool {
        let Some(socket) = &self.socket else { return false };
        // Where the application is idle and nothing is unsent, only an end keeps from reading.
        !self.may_have_output
            && socket.unsent.is_none()
            && !socket.has_ended
            && self.deferral.is_none()
            && self.is_application_idle()
            && !self.shared.outbox.has_pending_output()
            && !self.is_behind
            && socket.is_silent(cx)
    }

    /// Waits for what comes next, unless it is there already.
    fn rest(&mut self, cx: &mut Context<'_>) -> bool {
        let unsent = self.socket.as_ref().is_some_and(|socket| socket.unsent.is_some());
        let socket_state = if unsent { SocketState::Blocked } else { SocketState::Writable };
        self.note_inbound_memory();
        self.set_alarm();
        self.register_waker(cx);
        self.shared.outbox.rest(socket_state)
    }

    /// Lets the outbox know how to wake this task. It keeps the waker, so that no other task has its address.
    fn register_waker(&mut self, cx: &Context<'_>) {
        let task = NonZeroUsize::new(cx.waker().data().addr());
        if task.is_none() || self.woken != task {
            self.shared.outbox.register_waker(cx);
            self.woken = task;
        }
    }

    /// What is held back does not wait for longer than this turn.
    fn flush(&mut self, cx: &mut Context<'_>) {
        if let Some(socket) = &mut self.socket {
            socket.flush(cx);
        }
    }

    /// The socket has ended, or there is none.
    fn socket_ended(&mut self) {
        let event = self.connection.receive_end();
        self.report(event);
        self.may_have_output = true;
    }

    fn close_socket(&mut self) {
        if self.connection.is_open() {
            return;
        }
        if self.socket.as_ref().is_some_and(|socket| socket.has_ended && socket.is_shut()) {
            self.socket_ended();
        }
        if self.connection.is_over() {
            self.socket = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::TcpStream;

    #[test]
    fn a_driver_is_small() {
        // What an allocator hands out in steps of 16 has 8 of its own: 408 take no more than 400 do.
        assert!(size_of::<Driver<TcpStream>>() <= 408, "{}", size_of::<Driver<TcpStream>>());
    }
}
