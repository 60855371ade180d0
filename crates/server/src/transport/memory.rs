//! A connection in memory, for tests: what is between two kernels is two queues.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::BufMut;

use super::{Transport, TryWrite};
use crate::sync::Mutex;

/// What a sender's kernel takes ahead of its peer's, and what that takes ahead of its program, in bytes.
const BUFFER: usize = 64 * 1024;

/// The server's end.
pub(crate) struct Memory(Arc<Line>);

/// The client's end. Dropped, it is as if the program had ended: what it has not read is lost.
pub(crate) struct Peer(Arc<Line>);

#[derive(Default)]
struct Line {
    to_server: Mutex<Way>,
    to_client: Mutex<Way>,
}

/// One direction.
#[derive(Default)]
struct Way {
    bytes: VecDeque<u8>,
    /// Nothing comes behind what is there.
    has_ended: bool,
    /// Nobody is there to read it, and who writes learns of that.
    is_broken: bool,
    /// The reader's kernel does not say anything any more.
    is_silent: bool,
    readers: Vec<Waker>,
    writer: Option<Waker>,
}

/// Both ends of a new connection.
pub(crate) fn connect() -> (Memory, Peer) {
    let line = Arc::new(Line::default());
    (Memory(Arc::clone(&line)), Peer(line))
}

impl Way {
    /// How much may be written.
    fn room(&self) -> usize {
        (2 * BUFFER).saturating_sub(self.bytes.len())
    }

    fn poll_write(
        &mut self,
        cx: &Context<'_>,
        pieces: &[&[u8]],
        wakers: &mut Vec<Waker>,
    ) -> Poll<io::Result<usize>> {
        match self.write(pieces, wakers) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.writer = Some(cx.waker().clone());
                Poll::Pending
            }
            outcome => Poll::Ready(outcome),
        }
    }

    fn write(&mut self, pieces: &[&[u8]], wakers: &mut Vec<Waker>) -> io::Result<usize> {
        if self.is_broken || self.has_ended {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut room = self.room();
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let before = self.bytes.len();
        for piece in pieces {
            let size = piece.len().min(room);
            self.bytes.extend(&piece[..size]);
            room -= size;
        }
        wakers.append(&mut self.readers);
        Ok(self.bytes.len() - before)
    }

    fn poll_read(
        &mut self,
        cx: &Context<'_>,
        room: &mut impl BufMut,
        wakers: &mut Vec<Waker>,
    ) -> Poll<io::Result<usize>> {
        if self.poll_ready(cx).is_pending() {
            return Poll::Pending;
        }
        if self.is_broken {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let size = self.bytes.len().min(room.remaining_mut());
        let (front, back) = self.bytes.as_slices();
        let of_front = size.min(front.len());
        room.put_slice(&front[..of_front]);
        room.put_slice(&back[..size - of_front]);
        self.bytes.drain(..size);
        wakers.extend(self.writer.take());
        Poll::Ready(Ok(size))
    }

    fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<()> {
        if !self.bytes.is_empty() || self.has_ended || self.is_broken {
            return Poll::Ready(());
        }
        self.watch(cx);
        Poll::Pending
    }

    fn watch(&mut self, cx: &Context<'_>) {
        if !self.readers.iter().any(|reader| reader.will_wake(cx.waker())) {
            self.readers.push(cx.waker().clone());
        }
    }

    fn end(&mut self, is_broken: bool) -> Vec<Waker> {
        self.has_ended = true;
        self.is_broken |= is_broken;
        let mut wakers = std::mem::take(&mut self.readers);
        wakers.extend(self.writer.take());
        wakers
    }
}

/// Runs `act` under the lock, and wakes after it.
fn with<T>(way: &Mutex<Way>, act: impl FnOnce(&mut Way, &mut Vec<Waker>) -> T) -> T {
    let mut wakers = Vec::new();
    let outcome = act(&mut way.lock(), &mut wakers);
    wakers.into_iter().for_each(Waker::wake);
    outcome
}

fn end(way: &Mutex<Way>, is_broken: bool) {
    let wakers = way.lock().end(is_broken);
    wakers.into_iter().for_each(Waker::wake);
}

impl TryWrite for Memory {
    fn try_write(&self, bytes: &[u8], _: bool) -> io::Result<usize> {
        with(&self.0.to_client, |way, wakers| way.write(&[bytes], wakers))
    }
}

impl Transport for Memory {
    fn poll_read(&self, cx: &mut Context<'_>, mut buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_buf(cx, &mut buffer)
    }

    fn poll_read_buf(
        &self,
        cx: &mut Context<'_>,
        room: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        with(&self.0.to_server, |way, wakers| way.poll_read(cx, room, wakers))
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.to_server.lock().poll_ready(cx)
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8], _: bool) -> Poll<io::Result<usize>> {
        with(&self.0.to_client, |way, wakers| way.poll_write(cx, &[bytes], wakers))
    }

    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let pieces: Vec<&[u8]> = slices.iter().map(|slice| &**slice).collect();
        with(&self.0.to_client, |way, wakers| way.poll_write(cx, &pieces, wakers))
    }

    fn waits_for_flush(_: bool) -> bool {
        false
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        end(&self.0.to_client, false);
        Poll::Ready(Ok(()))
    }

    fn unacknowledged(&self) -> Option<usize> {
        let way = self.0.to_client.lock();
        let taken = if way.is_silent { 0 } else { BUFFER };
        Some(way.bytes.len().saturating_sub(taken))
    }

    async fn read_closed(&self) {
        poll_fn(|cx| {
            let mut way = self.0.to_server.lock();
            if way.has_ended {
                return Poll::Ready(());
            }
            way.watch(cx);
            Poll::Pending
        })
        .await;
    }

    async fn broken(&self) {
        poll_fn(|cx| {
            let mut way = self.0.to_server.lock();
            if way.is_broken {
                return Poll::Ready(());
            }
            way.watch(cx);
            Poll::Pending
        })
        .await;
    }

    fn keep_alive(&self) {}

    fn reset_on_close(&self) {
        end(&self.0.to_client, true);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        end(&self.0.to_client, false);
        // Who still writes learns that nobody reads it.
        end(&self.0.to_server, true);
    }
}

impl Peer {
    /// Reads what there is; an empty answer is the end.
    pub(crate) async fn read(&self) -> io::Result<Vec<u8>> {
        self.read_at_most(usize::MAX).await
    }

    /// As [`read`](Self::read), but no more than so many bytes, at least one.
    pub(crate) async fn read_at_most(&self, most: usize) -> io::Result<Vec<u8>> {
        poll_fn(|cx| {
            let mut bytes = Vec::new();
            let read = self.poll_read(cx, &mut (&mut bytes).limit(most));
            read.map_ok(|_| std::mem::take(&mut bytes))
        })
        .await
    }

    /// Reads once to where there is `room`; answers how much. Nothing is the end.
    pub(crate) fn poll_read(
        &self,
        cx: &Context<'_>,
        room: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        with(&self.0.to_client, |way, wakers| way.poll_read(cx, room, wakers))
    }

    /// Writes all of it.
    pub(crate) async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|cx| self.poll_write(cx, bytes));
            bytes = &bytes[written.await?..];
        }
        Ok(())
    }

    /// Writes once; answers how much was taken.
    pub(crate) fn poll_write(&self, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        with(&self.0.to_server, |way, wakers| way.poll_write(cx, &[bytes], wakers))
    }

    /// Writes nothing more.
    pub(crate) fn end(&self) {
        end(&self.0.to_server, false);
    }

    /// The cable is cut: nothing is acknowledged, and nothing comes.
    pub(crate) fn go_silent(&self) {
        self.0.to_client.lock().is_silent = true;
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if self.0.to_client.lock().is_silent {
            // Nobody learns of it.
            return;
        }
        let has_unread = !self.0.to_client.lock().bytes.is_empty();
        end(&self.0.to_server, has_unread);
        end(&self.0.to_client, true);
    }
}
