//! One stream, as a websocket's driver has it.
//!
//! What is written is with the kernel when a write says so. Of what it has queued and the connection has not
//! written whole, it owns up to all but the last byte: so there is something left to be written, and that is
//! through when all of it is.

use std::{
    future::pending,
    io::{self, IoSlice},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{BufMut, Bytes, BytesMut};
use h2::{Reason, RecvStream, SendStream};

use super::{Inbound, MAX_UNSENT, OpenStream, Payload, Sent, to_io};
use crate::{
    sync::{Mutex, Rank},
    transport::{Transport, TryWrite},
};

/// Its state is borrowed for each call, and not locked while h2's code runs. One task has it, so that it is
/// always there.
pub(crate) struct Http2Stream {
    state: Mutex<Option<Box<State>>>,
    inbound: Arc<Inbound>,
}

struct State {
    sending: SendStream<Payload>,
    sent: Arc<Sent>,
    /// Whether the last byte of what is queued is still to be owned up to.
    owes_byte: bool,
    open: OpenStream,
}

impl Http2Stream {
    /// A stream whose 200 has been sent.
    pub(crate) fn new(
        sending: SendStream<Payload>,
        receiving: RecvStream,
        open: OpenStream,
    ) -> Self {
        let inbound = Inbound::new(receiving, Arc::clone(open.streams()));
        let state = Box::new(State { sending, sent: Arc::default(), owes_byte: false, open });
        Self { state: Mutex::new(Rank::Leaf, Some(state)), inbound }
    }

    /// What outlives it, if the client has not ended its side.
    pub(crate) fn inbound(&self) -> Arc<Inbound> {
        Arc::clone(&self.inbound)
    }

    fn with<T>(&self, call: impl FnOnce(&mut State) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let state = self.state.lock().take();
        // Gone for good if h2 has panicked.
        let Some(mut state) = state else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let outcome = call(&mut state);
        *self.state.lock() = Some(state);
        outcome
    }
}

impl State {
    /// Queues what is gathered by `gather`, which is given the size that there is room for, of `size` bytes.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        size: usize,
        gather: impl FnOnce(usize) -> Bytes,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(reset) = self.sending.poll_reset(cx) {
            self.open.note_reset();
            return Poll::Ready(Err(reset.map_or_else(to_io, |reason| to_io(reason.into()))));
        }
        if self.owes_byte {
            ready!(self.poll_written(cx));
            self.owes_byte = false;
            return Poll::Ready(Ok(1));
        }
        if size == 0 {
            return Poll::Ready(Ok(0));
        }
        let room = ready!(self.poll_room(cx, size))?;
        let bytes = gather(room);
        let queued = bytes.len();
        self.sending.send_data(Payload::new(bytes, &self.sent), false).map_err(to_io)?;
        self.owes_byte = true;
        if queued == 1 {
            let _ = self.poll_written(cx);
            return Poll::Pending;
        }
        Poll::Ready(Ok(queued - 1))
    }

    /// For how much there is room in the client's windows, of `size` bytes.
    fn poll_room(&mut self, cx: &mut Context<'_>, size: usize) -> Poll<io::Result<usize>> {
        // What is asked for and not used is kept from other streams.
        let size = size.min(MAX_UNSENT);
        self.sending.reserve_capacity(size);
        loop {
            let room = self.sending.capacity();
            if room > 0 {
                return Poll::Ready(Ok(room.min(size)));
            }
            match ready!(self.sending.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(to_io(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
    }

    /// Ready when what was queued is with the kernel.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.sent.poll_taken(cx));
        self.open.streams().poll_written(cx)
    }

    fn shut_down(&mut self) -> io::Result<()> {
        self.sending.send_data(Payload::empty(), true).map_err(to_io)
    }
}

impl Drop for Http2Stream {
    fn drop(&mut self) {
        if self.inbound.has_failed()
            && let Some(state) = &mut *self.state.lock()
        {
            state.open.note_reset();
        }
    }
}

/// Its driver alone writes to it, as it has to be polled until what it wrote has left.
impl TryWrite for Http2Stream {
    fn try_write(&self, _: &[u8], _: bool) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Transport for Http2Stream {
    fn poll_read(&self, cx: &mut Context<'_>, mut buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_buf(cx, &mut buffer)
    }

    fn poll_read_buf(
        &self,
        cx: &mut Context<'_>,
        room: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        self.inbound.poll_read(cx, room)
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.inbound.poll_ready(cx)
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8], _: bool) -> Poll<io::Result<usize>> {
        self.with(|state| {
            state.poll_write(cx, bytes.len(), |size| Bytes::copy_from_slice(&bytes[..size]))
        })
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let gather = |size| {
            let mut bytes = BytesMut::with_capacity(size);
            for slice in slices {
                let left = size - bytes.len();
                bytes.extend_from_slice(&slice[..left.min(slice.len())]);
            }
            bytes.freeze()
        };
        let size = slices.iter().map(|slice| slice.len()).sum();
        self.with(|state| state.poll_write(cx, size, gather))
    }

    fn waits_for_flush(_: bool) -> bool {
        false
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|state| Poll::Ready(state.shut_down())).map_ok(|()| self.inbound.note_end())
    }

    /// The client's kernel acknowledges what came of all streams.
    fn unacknowledged(&self) -> Option<usize> {
        None
    }

    /// Its connection looks by itself.
    async fn read_closed(&self) {
        pending::<()>().await;
    }

    async fn broken(&self) {
        pending::<()>().await;
    }

    fn keep_alive(&self) {}

    /// RFC 8441 §5: as TCP's RST.
    fn reset_on_close(&self) {
        let _ = self.with(|state| {
            state.sending.send_reset(Reason::CANCEL);
            Poll::Ready(Ok(()))
        });
    }
}
