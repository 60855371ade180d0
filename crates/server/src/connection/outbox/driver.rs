//! The driver's side of an outbox.

use std::{collections::VecDeque, mem, task::Context};

use aerys_proto::{Close, Message};
use tokio_util::sync::CancellationToken;

use super::{Outbox, queue::Receipt};
use crate::{connection::life::Stage, sync::Afterwards};

/// What the driver finds when it begins a turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PendingAction {
    None,
    /// A close was asked for. Its turn may still be to come.
    Closing,
    /// The client is owed too much and is to be given up. Said once.
    Overflowed(Close),
}

/// Whether the driver can write at all while it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketState {
    Writable,
    /// The socket takes no more for now, so that new messages need not wake it.
    Blocked,
}

impl Outbox {
    /// Who answers the handshake is at work in the driver's stead: it looks at everything itself.
    pub(crate) fn stand_in(&self) {
        self.snapshot.wake.set_at_work();
        self.snapshot.wake.clear();
    }

    /// Keeps how to wake the driver when it rests.
    pub(crate) fn register_waker(&self, cx: &Context<'_>) {
        let driver = Some(cx.waker().clone());
        let before = mem::replace(&mut self.lock().driver, driver);
        drop(before);
    }

    /// The driver needs to hear no more. Handles may outlive the connection, and are not to keep
    /// its task.
    pub(crate) fn forget_driver(&self) {
        let driver = self.lock().driver.take();
        drop(driver);
    }

    /// The connection's alarm rings.
    pub(crate) fn ring(&self) {
        self.snapshot.ring();
        self.wake_driver();
    }

    /// The client is to go since others need the memory: its driver is to look at that as it does when
    /// the alarm rings.
    pub(crate) fn evict(&self) {
        self.snapshot.evict();
        self.ring();
    }

    /// Whether it is to go. Said once.
    pub(crate) fn is_evicted(&self) -> bool {
        self.snapshot.is_evicted()
    }

    /// Whether it has rung. Said once.
    pub(crate) fn has_rung(&self) -> bool {
        self.snapshot.has_rung()
    }

    /// The driver is at work: until it [`rest`](Self::rest)s nothing needs to wake it. Answers whether
    /// there is anything but messages for it to look at.
    #[inline]
    pub(crate) fn begin_turn(&self) -> bool {
        self.snapshot.wake.set_at_work();
        self.snapshot.is_special()
    }

    /// What cannot wait.
    pub(crate) fn pending_action(&self) -> PendingAction {
        match self.snapshot.stage() {
            Stage::Closing => PendingAction::Closing,
            Stage::Overflowed => {
                let close = self.lock().life.take_overflow();
                close.map_or(PendingAction::None, PendingAction::Overflowed)
            }
            Stage::Open | Stage::Draining | Stage::Gone => PendingAction::None,
        }
    }

    /// Whether a close was asked for, what was put in before it being still to leave.
    pub(crate) fn is_close_asked_for(&self) -> bool {
        self.snapshot.stage() == Stage::Closing
    }

    /// The place of the last message that was put in.
    pub(crate) fn last_place(&self) -> u64 {
        self.lock().queue.last_place()
    }

    /// Whether all messages up to this place have been handed to the kernel, and all that was said
    /// before them.
    pub(crate) fn is_flushed_to(&self, place: u64) -> bool {
        self.lock().queue.is_flushed_to(place)
    }

    /// Whether the server is stopping.
    pub(crate) fn is_expedited(&self) -> bool {
        self.snapshot.is_expedited()
    }

    /// Takes the close that was asked for out of its turn.
    pub(crate) fn take_close(&self) -> Option<Close> {
        self.lock().life.take_close()
    }

    /// The driver, who can be woken, is about to wait. `false` if there is something for it to do:
    /// it must not.
    pub(crate) fn rest(&self, socket: SocketState) -> bool {
        self.snapshot.rest(socket)
    }

    /// Takes messages that come to about `room` bytes, but at least one, or, if there is none, the
    /// close that was asked for.
    pub(crate) fn take(&self, room: usize, messages: &mut VecDeque<Message>) -> Option<Close> {
        let mut state = self.lock();
        if state.queue.has_untaken() {
            state.queue.take(room, messages);
            return None;
        }
        state.life.take_close()
    }

    /// The first `count` of the messages taken have been handed to the kernel. Whoever waits for
    /// that is woken, but not the driver's own task, which is at work: it looks again.
    pub(crate) fn flushed(&self, count: usize, cx: &Context<'_>) {
        let is_mine =
            |receipt: &Receipt| matches!(receipt, Receipt::Sender(it) if it.will_wake(cx.waker()));
        let mut afterwards = Afterwards::default();
        self.lock().queue.flush(count, is_mine, &mut afterwards);
        afterwards.run();
    }

    /// The driver has messages that never were in here and that the kernel has not taken: they
    /// count as one that was taken first.
    pub(crate) fn count_unsent(&self, cost: usize) {
        self.lock().queue.count_unsent(cost, Receipt::Nobody);
    }

    /// The client has gone: whoever waits is told, and nothing is taken in any more. What tells others of
    /// that, if they asked, is given back.
    pub(crate) fn gone(&self) -> Option<CancellationToken> {
        let mut afterwards = Afterwards::default();
        let mut state = self.lock();
        state.life.go();
        state.queue.forget(&mut afterwards);
        let (unsent, end) = (state.unsent.take(), state.end.clone());
        drop(state);
        drop(unsent);
        afterwards.run();
        end
    }

    /// `on_close` has run, if it was to.
    pub(crate) fn departed(&self) {
        let mut afterwards = Afterwards::default();
        let mut state = self.lock();
        state.life.depart();
        if let Some(close_waiters) = state.close_waiters.take() {
            close_waiters.wake(&mut afterwards);
        }
        drop(state);
        afterwards.run();
    }
}
