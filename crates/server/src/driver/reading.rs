//! Socket → protocol → inbox.

use std::{
    cell::RefCell,
    pin::Pin,
    task::{Context, Poll},
};

use aerys_proto::Event;
use bytes::Buf;
use tokio::io::{AsyncRead, ReadBuf};

use super::{Driver, Socket};
use crate::clock;

impl Driver {
    /// Reads once, at most `budget` bytes, and takes in what came. Answers whether anything did.
    ///
    /// What was compressed costs the turn what it has become.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, budget: &mut usize) -> bool {
        if self.is_deaf() {
            return false;
        }
        if let Some(read) = self.read_in_place(cx, budget) {
            return read;
        }
        LENT.with_borrow_mut(|buffer| {
            let size = buffer.len().min(*budget);
            let mut chunk = ReadBuf::new(&mut buffer[..size]);
            let Some(socket) = &mut self.socket else { return false };
            match socket.poll_read(cx, &mut chunk) {
                Poll::Ready(Ok(())) if !chunk.filled().is_empty() => {
                    let (read, waiting) = (chunk.filled().len(), self.backlog_cost());
                    self.receive(chunk.filled_mut());
                    let came = self.backlog_cost().saturating_sub(waiting);
                    *budget = budget.saturating_sub(read.max(came));
                    true
                }
                Poll::Ready(_) => {
                    self.hang_up();
                    true
                }
                Poll::Pending => false,
            }
        })
    }

    fn backlog_cost(&self) -> usize {
        self.desk.as_ref().map_or(0, |desk| desk.inbox.cost())
    }

    /// Whether nothing is read: there is no socket, or the application is behind.
    pub(super) fn is_deaf(&self) -> bool {
        self.socket.is_none() || self.desk.as_ref().is_some_and(|desk| desk.inbox.is_full())
    }

    fn receive(&mut self, mut input: &mut [u8]) {
        let size = input.len();
        self.stirred = true;
        while !input.is_empty() && !self.is_swamped(input) && !self.puts_off(input) {
            // A coarse time will do for data, and not for what deadlines and round trips begin with.
            if !matches!(input, [0x81 | 0x82, ..]) {
                self.now = clock::read();
            }
            match self.connection.receive(&mut input, self.now.instant) {
                Some(Event::Message(message)) => self.deliver(message),
                event => self.report(event),
            }
        }
        self.line.meter.read(size - input.len(), &self.connection, self.now.tick);
    }

    /// Keeps the rest of a read for later if what has come of it, decompressed, is more than a read
    /// can hold.
    fn is_swamped(&mut self, input: &[u8]) -> bool {
        let Some(socket) = &mut self.socket else { return false };
        if !self.desk.as_ref().is_some_and(|desk| desk.inbox.is_swamped()) {
            return false;
        }
        socket.put_back(input);
        true
    }

    /// Keeps the end of the connection for the next read if something that came before it has not
    /// been answered yet: the application has this one turn to do so.
    fn puts_off(&mut self, input: &[u8]) -> bool {
        let has_backlog = self.has_backlog();
        let Some(socket) = &mut self.socket else { return false };
        if socket.has_put_off
            || !(has_backlog || self.line.outbox.has_errand() || self.left_over.is_some())
            || !self.connection.is_end(input)
        {
            return false;
        }
        socket.has_put_off = true;
        socket.put_back(input);
        true
    }
}

impl Socket {
    /// Keeps what was read and not taken in for the next read.
    fn put_back(&mut self, input: &[u8]) {
        let early = self.early.take().unwrap_or_default();
        self.early = Some(Box::new([input, &early].concat().into()));
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        chunk: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let Some(early) = &mut self.early else {
            return Pin::new(&mut self.stream).poll_read(cx, chunk);
        };
        let size = early.len().min(chunk.remaining());
        chunk.put_slice(&early[..size]);
        early.advance(size);
        if early.is_empty() {
            self.early = None;
        }
        Poll::Ready(Ok(()))
    }
}

thread_local! {
    /// What every connection of this thread reads into: lent for one read, always cache-hot, and
    /// the reason why an idle connection owns no buffer.
    static LENT: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into());
}

/// A message of 16 KiB comes with one read and brings no other along: nobody has much more than one
/// that waits, and no neighbour waits long.
const CHUNK: usize = 16 * 1024 + 64;
