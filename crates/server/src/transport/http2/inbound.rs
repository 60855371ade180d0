//! What a client sends on a stream, until it is read.
//!
//! H2 keeps each frame by itself, which takes a client that sends a byte in each 250 times the memory that its
//! window allows; so many on one connection would be the end of it. Thus what is not read at once is gathered by
//! the connection, and takes no more than the window.

use std::{
    io, mem,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker, ready},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use h2::RecvStream;

use super::{StreamSet, to_io};
use crate::sync::{Mutex, Rank};

/// One for each stream. It is borrowed for each call, and not locked while h2's code runs.
pub(crate) struct Inbound {
    state: Mutex<Option<Box<State>>>,
    arrival: Arc<Arrival>,
    has_our_end: AtomicBool,
}

struct State {
    receiving: RecvStream,
    /// What came first, as it came.
    first: Bytes,
    /// What came behind that.
    gathered: BytesMut,
    /// What came behind all of it, if that was the end.
    end: Option<io::Result<()>>,
    /// Whether that is no good one.
    has_failed: bool,
    /// Whether nobody reads it any more, and what comes is thrown away.
    is_discarded: bool,
}

/// Tells the connection, and whoever reads, that something has come.
struct Arrival {
    inbound: Weak<Inbound>,
    streams: Arc<StreamSet>,
    reader: AtomicWaker,
}

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        self.streams.note_arrival(&self.inbound);
        self.reader.wake();
    }
}

impl Inbound {
    pub(super) fn new(receiving: RecvStream, streams: Arc<StreamSet>) -> Arc<Self> {
        let (first, gathered) = (Bytes::new(), BytesMut::new());
        let state = Box::new(State {
            receiving,
            first,
            gathered,
            end: None,
            has_failed: false,
            is_discarded: false,
        });
        Arc::new_cyclic(|inbound| {
            let arrival = Arrival { inbound: inbound.clone(), streams, reader: AtomicWaker::new() };
            Self {
                state: Mutex::new(Rank::Leaf, Some(state)),
                arrival: Arc::new(arrival),
                has_our_end: AtomicBool::new(false),
            }
        })
    }

    /// Reads what there is to where there is room; answers how much. Nothing is the end.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        room: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        self.arrival.reader.register(cx.waker());
        self.with(|state| state.read(room))
            .unwrap_or_else(|| Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())))
    }

    /// Ready when there is something to read, or the end.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.arrival.reader.register(cx.waker());
        let is_ready = self.with(|state| state.has_unread() || state.end.is_some());
        if is_ready.unwrap_or(true) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Our side has ended.
    pub(super) fn note_end(&self) {
        self.has_our_end.store(true, Relaxed);
    }

    /// Whether our side has ended as it should, and the client is to end its own.
    pub(crate) fn has_our_end(&self) -> bool {
        self.has_our_end.load(Relaxed)
    }

    /// Ready when the client has ended its side too, what it says before that being thrown away.
    pub(crate) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.arrival.reader.register(cx.waker());
        let has_ended = self.with(|state| {
            state.is_discarded = true;
            state.discard();
            state.end.is_some()
        });
        if has_ended.unwrap_or(true) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Takes from h2 what has come.
    pub(super) fn gather(&self) {
        self.with(|_| ());
    }

    /// Whether the stream has ended otherwise than well.
    pub(super) fn has_failed(&self) -> bool {
        self.state.lock().as_ref().is_some_and(|state| state.has_failed)
    }

    /// Does something with all that has come. `None` if somebody else is at it, or h2 has panicked.
    fn with<T>(&self, call: impl FnOnce(&mut State) -> T) -> Option<T> {
        let state = self.state.lock().take();
        let mut state = state?;
        let waker = Waker::from(Arc::clone(&self.arrival));
        let _ = state.poll_gather(&mut Context::from_waker(&waker));
        let outcome = call(&mut state);
        *self.state.lock() = Some(state);
        Some(outcome)
    }
}

impl State {
    fn has_unread(&self) -> bool {
        !self.first.is_empty() || !self.gathered.is_empty()
    }

    /// Ready at the end; else its waker is woken when more comes.
    fn poll_gather(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.end.is_none() {
            match ready!(self.receiving.poll_data(cx)) {
                Some(Ok(bytes)) if self.is_discarded => self.release(bytes.len()),
                Some(Ok(bytes)) if self.has_unread() => self.gathered.extend_from_slice(&bytes),
                Some(Ok(bytes)) => self.first = bytes,
                Some(Err(error)) => {
                    self.end = Some(Err(to_io(error)));
                    self.has_failed = true;
                }
                None => self.end = Some(Ok(())),
            }
        }
        Poll::Ready(())
    }

    fn read(&mut self, room: &mut impl BufMut) -> Poll<io::Result<usize>> {
        if !self.has_unread() {
            // An end that was told of stays one.
            let end = self.end.as_mut().map(|end| mem::replace(end, Ok(())));
            return end.map_or(Poll::Pending, |end| Poll::Ready(end.map(|()| 0)));
        }
        let mut size = 0;
        while room.has_remaining_mut() && self.has_unread() {
            if self.first.is_empty() {
                self.first = self.gathered.split().freeze();
            }
            let some = self.first.len().min(room.remaining_mut());
            room.put_slice(&self.first[..some]);
            self.first.advance(some);
            size += some;
        }
        if self.first.is_empty() {
            self.first = Bytes::new();
        }
        self.release(size);
        Poll::Ready(Ok(size))
    }

    fn discard(&mut self) {
        self.release(self.first.len() + self.gathered.len());
        (self.first, self.gathered) = (Bytes::new(), BytesMut::new());
    }

    /// Tells the client of room.
    fn release(&mut self, size: usize) {
        // It fails where the stream is closed, and nobody waits for any.
        let _ = self.receiving.flow_control().release_capacity(size);
    }
}
