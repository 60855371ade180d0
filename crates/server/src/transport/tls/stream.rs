//! A transport within TLS.

use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, IoSlice},
    iter, mem,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::BufMut;
use rustls::ServerConfig;

use super::session::{RECORD, RECORD_OVERHEAD, Session};
use crate::{
    sync::{Mutex, MutexGuard, Rank},
    transport::{Transport, TryWrite, UnsentLimit},
};

/// How much is read or encrypted at once, in bytes.
const CRYPTED_AT_ONCE: usize = RECORDS * RECORD;

const RECORDS: usize = 4;

/// What is written is with the kernel, as ciphertext, when a write says so. Of what it has encrypted and the
/// kernel has not taken whole, it owns up to all but the last byte: so there is something left to be
/// written, and that is through when all of it is.
pub(crate) struct TlsStream<T> {
    transport: T,
    /// No code but this library's and rustls' runs while it is locked.
    state: Mutex<Box<State>>,
}

struct State {
    session: Session,
    /// Whether the last byte of what is outgoing is still to be owned up to.
    owes_byte: bool,
}

impl<T: Transport> TlsStream<T> {
    fn lock(&self) -> MutexGuard<'_, Box<State>> {
        self.state.lock()
    }

    /// Lets the peer shake hands. Needs a limit in time around it.
    pub(super) async fn accept(transport: T, config: Arc<ServerConfig>) -> io::Result<Self> {
        let session = Session::new(config).map_err(io::Error::other)?;
        let state = Box::new(State { session, owes_byte: false });
        let stream = Self { transport, state: Mutex::new(Rank::Leaf, state) };
        poll_fn(|cx| stream.poll_handshake(cx)).await?;
        Ok(stream)
    }

    fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        loop {
            if !state.session.is_handshaking() {
                // What is left to be sent, tickets at most, goes before what is written.
                let _ = state.poll_send(&self.transport, cx)?;
                return Poll::Ready(Ok(()));
            }
            ready!(state.poll_send(&self.transport, cx))?;
            let nothing = &mut |_: &[u8]| 0;
            let outcome = ready!(state.poll_receive(&self.transport, cx, CRYPTED_AT_ONCE, nothing));
            if state.session.is_readable() && state.session.is_handshaking() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            if let Err(error) = outcome {
                // It is told why, as far as the socket takes that now.
                let _ = state.poll_send(&self.transport, cx);
                return Poll::Ready(Err(error));
            }
        }
    }

    /// What is agreed upon.
    pub(super) fn with_session<R>(&self, look: impl FnOnce(&Session) -> R) -> R {
        look(&self.lock().session)
    }

    /// Encrypts and sends with `send` what it takes of `plaintext` at once.
    fn write<'a>(
        &self,
        plaintext: impl Iterator<Item = &'a [u8]>,
        mut send: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut state = self.lock();
        ready!(state.send_with(&mut send))?;
        if mem::take(&mut state.owes_byte) {
            return Poll::Ready(Ok(1));
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let (mut taken, mut filled) = (0, 0);
            for piece in plaintext {
                let some = state.session.encrypt(piece, scratch, &mut filled)?;
                taken += some;
                if some < piece.len() {
                    break;
                }
            }
            let outgoing = state.session.outgoing();
            let sent = if outgoing.is_empty() {
                let mut sent = 0;
                let outcome = send_all(&scratch[..filled], &mut sent, &mut send);
                if outcome.is_pending() {
                    outgoing.extend_from_slice(&scratch[sent..filled]);
                }
                outcome
            } else {
                outgoing.extend_from_slice(&scratch[..filled]);
                state.send_with(&mut send)
            };
            match sent {
                Poll::Pending if taken > 0 => {
                    state.owes_byte = true;
                    if taken == 1 { Poll::Pending } else { Poll::Ready(Ok(taken - 1)) }
                }
                sent => sent.map_ok(|()| taken),
            }
        })
    }
}

/// Sends `bytes` from the first that has not been sent on, as far as `send` takes them.
fn send_all(
    bytes: &[u8],
    sent: &mut usize,
    send: &mut impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<()>> {
    while *sent < bytes.len() {
        match ready!(send(&bytes[*sent..]))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            size => *sent += size,
        }
    }
    Poll::Ready(Ok(()))
}

impl State {
    /// Sends what is outgoing.
    fn poll_send(
        &mut self,
        transport: &impl Transport,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.send_with(&mut |bytes| transport.poll_write(cx, bytes, false))
    }

    fn send_with(
        &mut self,
        send: &mut impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let outgoing = self.session.outgoing();
        // Most often there is nothing.
        if outgoing.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let mut sent = 0;
        let outcome = send_all(outgoing, &mut sent, send);
        outgoing.drain(..sent);
        if outgoing.is_empty() {
            *outgoing = Vec::new();
        }
        outcome
    }

    /// Reads at most `size` bytes of ciphertext, once. What it decrypts goes to `take`, as far as that has room.
    fn poll_receive(
        &mut self,
        transport: &impl Transport,
        cx: &mut Context<'_>,
        size: usize,
        take: &mut dyn FnMut(&[u8]) -> usize,
    ) -> Poll<io::Result<()>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let read = ready!(transport.poll_read(cx, &mut scratch[..size]))?;
            if read == 0 {
                self.session.end();
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(self.session.receive(&mut scratch[..read], take))
        })
    }

    /// Reads to `room` until it has something, or the end.
    fn poll_read(
        &mut self,
        transport: &impl Transport,
        cx: &mut Context<'_>,
        room: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        let size = CRYPTED_AT_ONCE.min(room.remaining_mut()) + RECORD_OVERHEAD;
        let mut filled = 0;
        loop {
            if self.session.is_readable() {
                return Poll::Ready(Ok(self.session.read(room)));
            }
            let mut take = |record: &[u8]| {
                let size = record.len().min(room.remaining_mut());
                room.put_slice(&record[..size]);
                filled += size;
                size
            };
            let outcome = ready!(self.poll_receive(transport, cx, size, &mut take));
            // An answer of TLS itself, or the alert: whatever the socket does not take goes before what is
            // written next.
            let _ = self.poll_send(transport, cx);
            outcome?;
            if filled > 0 {
                return Poll::Ready(Ok(filled));
            }
        }
    }
}

impl<T: Transport> TryWrite for TlsStream<T> {
    fn try_write(&self, bytes: &[u8], more_follows: bool) -> io::Result<usize> {
        let send = |bytes: &[u8]| match self.transport.try_write(bytes, more_follows) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            outcome => Poll::Ready(outcome),
        };
        match self.write(iter::once(bytes), send) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<T: Transport> Transport for TlsStream<T> {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.lock().poll_read(&self.transport, cx, &mut &mut *buffer)
    }

    fn poll_read_buf(
        &self,
        cx: &mut Context<'_>,
        room: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        self.lock().poll_read(&self.transport, cx, room)
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.lock().session.is_readable() {
            return Poll::Ready(());
        }
        self.transport.poll_read_ready(cx)
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        more_follows: bool,
    ) -> Poll<io::Result<usize>> {
        self.write(iter::once(bytes), |bytes| self.transport.poll_write(cx, bytes, more_follows))
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let pieces = slices.iter().map(|slice| &**slice).filter(|piece| !piece.is_empty());
        self.write(pieces, |bytes| self.transport.poll_write(cx, bytes, false))
    }

    fn waits_for_flush(more_follows: bool) -> bool {
        T::waits_for_flush(more_follows)
    }

    fn limit_unsent(&self, limit: UnsentLimit) {
        self.transport.limit_unsent(limit);
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.lock().poll_send(&self.transport, cx))?;
        self.transport.poll_flush(cx)
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        state.session.close()?;
        ready!(state.poll_send(&self.transport, cx))?;
        drop(state);
        self.transport.poll_shutdown(cx)
    }

    fn unacknowledged(&self) -> Option<usize> {
        let waiting = self.lock().session.outgoing().len();
        self.transport.unacknowledged().map(|sent| sent + waiting)
    }

    async fn read_closed(&self) {
        self.transport.read_closed().await;
    }

    async fn broken(&self) {
        self.transport.broken().await;
    }

    fn keep_alive(&self) {
        self.transport.keep_alive();
    }

    fn reset_on_close(&self) {
        self.transport.reset_on_close();
    }
}

thread_local! {
    /// What every stream of this thread reads its ciphertext into, and encrypts into.
    static SCRATCH: RefCell<Box<[u8]>> =
        RefCell::new(vec![0; RECORDS * (RECORD + RECORD_OVERHEAD)].into());
}
