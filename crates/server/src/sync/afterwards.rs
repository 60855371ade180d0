//! What is to be done when a lock has been released.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Waker,
};

use aerys_proto::Message;

use super::assert_unlocked;

/// What locked functions leave to be woken and dropped: both may run what is not ours.
#[must_use = "run it when no lock is held"]
#[derive(Default)]
pub(crate) struct Afterwards {
    /// One is the rule, and costs no allocation.
    waker: Option<Waker>,
    more: Option<Box<More>>,
}

#[derive(Default)]
struct More {
    wakers: Vec<Waker>,
    unused: Vec<Waker>,
    messages: Vec<Message>,
}

impl Afterwards {
    /// Wakes it then.
    pub(crate) fn wake(&mut self, waker: Waker) {
        match self.waker {
            None => self.waker = Some(waker),
            Some(_) => self.more().wakers.push(waker),
        }
    }

    /// Drops a waker then that is not needed any more.
    pub(crate) fn drop_waker(&mut self, waker: Waker) {
        self.more().unused.push(waker);
    }

    /// Drops a message then.
    pub(crate) fn drop_message(&mut self, message: Message) {
        self.more().messages.push(message);
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Does it. A panic of one ends there, the panic hook has told of it.
    ///
    /// # Panics
    ///
    /// With debug assertions, if this thread holds a lock.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn run(self) {
        if self.waker.is_some() || self.more.is_some() {
            self.run_all();
        }
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn run_all(self) {
        assert_unlocked();
        if let Some(waker) = self.waker {
            contain(|| waker.wake());
        }
        if let Some(more) = self.more {
            more.wakers.into_iter().for_each(|waker| contain(|| waker.wake()));
            more.unused.into_iter().for_each(|waker| contain(|| drop(waker)));
            more.messages.into_iter().for_each(|message| contain(|| drop(message)));
        }
    }
}

/// Runs what is not ours.
fn contain(foreign: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(foreign)) {
        // It may be of any type, also one that cannot be dropped.
        mem::forget(panic);
    }
}
