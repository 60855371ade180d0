//! What a connection of HTTP/2 and its streams tell each other.

use std::{
    mem,
    sync::{Arc, Weak},
    task::{Context, Poll, Waker},
};

use futures_util::task::AtomicWaker;

use super::Inbound;
use crate::sync::Mutex;

/// One for each connection.
#[derive(Default)]
pub(crate) struct StreamSet {
    state: Mutex<State>,
    /// The connection's task.
    connection: AtomicWaker,
}

#[derive(Default)]
struct State {
    /// How many streams are open.
    open: usize,
    /// How many were reset before they had ended.
    resets: u64,
    /// Whether what the connection has taken of its streams may not be with the kernel yet.
    is_writing: bool,
    /// Who waits for that.
    waiting: Vec<Waker>,
    /// What has something to gather.
    arrived: Vec<Weak<Inbound>>,
}

/// A stream that is open, for as long as this lives.
pub(crate) struct OpenStream {
    streams: Arc<StreamSet>,
    was_reset: bool,
}

impl StreamSet {
    pub(crate) fn open(self: &Arc<Self>) -> OpenStream {
        self.state.lock().open += 1;
        OpenStream { streams: Arc::clone(self), was_reset: false }
    }

    /// How many are open.
    pub(crate) fn open_streams(&self) -> usize {
        self.state.lock().open
    }

    /// How many have been reset so far.
    pub(crate) fn resets(&self) -> u64 {
        self.state.lock().resets
    }

    /// The connection is about to take from its streams and to write. Its task is woken when the last of them
    /// ends, or one was reset.
    pub(crate) fn begin_write(&self, cx: &Context<'_>) {
        self.connection.register(cx.waker());
        self.state.lock().is_writing = true;
    }

    /// Something has come on a stream.
    pub(super) fn note_arrival(&self, inbound: &Weak<Inbound>) {
        self.state.lock().arrived.push(inbound.clone());
    }

    /// Gathers what has come on streams.
    pub(crate) fn gather(&self) {
        let arrived = mem::take(&mut self.state.lock().arrived);
        arrived.iter().filter_map(Weak::upgrade).for_each(|inbound| inbound.gather());
    }

    /// The connection has written all that it has taken, unless its socket `is_full`.
    pub(crate) fn end_write(&self, is_full: bool) {
        if is_full {
            return;
        }
        let waiting = {
            let mut state = self.state.lock();
            state.is_writing = false;
            mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Ready if what the connection has taken is with the kernel.
    pub(crate) fn poll_written(&self, cx: &Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = self.state.lock();
        if !state.is_writing {
            drop(state);
            return Poll::Ready(());
        }
        let unused = if state.waiting.iter().any(|it| it.will_wake(&waker)) {
            Some(waker)
        } else {
            state.waiting.push(waker);
            None
        };
        drop(state);
        drop(unused);
        Poll::Pending
    }
}

impl OpenStream {
    /// It was reset before it had ended.
    pub(crate) fn note_reset(&mut self) {
        self.was_reset = true;
    }

    pub(super) fn streams(&self) -> &Arc<StreamSet> {
        &self.streams
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let is_last = {
            let mut state = self.streams.state.lock();
            state.open -= 1;
            state.resets += u64::from(self.was_reset);
            state.open == 0
        };
        if is_last || self.was_reset {
            self.streams.connection.wake();
        }
    }
}
