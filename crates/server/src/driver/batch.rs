//! The frames of one write: small ones are copied behind each other, large payloads are written from
//! where they are.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    task::{Context, Poll, ready},
};

use aerys_proto::{Frame, Message};
use bytes::{Buf, Bytes};

use super::socket::Socket;
use crate::{connection::mailbox::FastPath, transport::Transport};

/// Payloads of this size and more are not copied.
const UNCOPIED_SIZE: usize = 16 * 1024;

/// What a message counts at least, in bytes.
const MIN_FRAMING_COST: usize = 64;

/// A batch of this size, in bytes, takes no other message; one that has copied as much takes nothing.
const BATCH_SIZE: usize = 64 * 1024;

/// How many bytes of one message that are not copied leave in one write: who is soon through with it
/// finds the rest in the cache, and frees its memory.
const MAX_UNCOPIED: usize = 1024 * 1024;

/// How many large payloads one write may take.
const MAX_PAYLOADS: usize = 32;

/// Small frames are copied behind each other; large payloads stay where they are.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Large payloads, each with the place in `bytes` that it goes to.
    payloads: Vec<(usize, Bytes)>,
    len: usize,
    /// How many bytes of messages it was made of: more than it has if they were compressed.
    work: usize,
    /// Messages taken from the outbox on their way to becoming frames.
    pub(super) messages: VecDeque<Message>,
    /// How many messages of the outbox end here.
    pub(super) ending: usize,
    /// What the messages cost that come before those, and never were in the outbox.
    pub(super) fast_path_cost: usize,
    /// How many of those have not ended yet.
    fast_path_left: usize,
}

impl Batch {
    pub(super) fn push(&mut self, frame: Frame) {
        self.len += frame.len();
        match *frame.header() {
            // Most are, and two bytes need no call (bench/NOTES.md#taken-out-one-by-one).
            [first, second] => self.bytes.extend_from_slice(&[first, second]),
            ref header => self.bytes.extend_from_slice(header),
        }
        if frame.payload().len() < UNCOPIED_SIZE {
            self.bytes.extend_from_slice(frame.payload());
        } else {
            self.payloads.push((self.bytes.len(), frame.into_payload()));
        }
    }

    /// Takes what was said on the short way, to be framed first.
    pub(super) fn take_fast_path(&mut self, fast_path: &mut FastPath) {
        if !fast_path.is_empty() {
            self.fast_path_cost = fast_path.take(&mut self.messages);
            self.fast_path_left = self.messages.len();
        }
    }

    /// The frame last pushed was the last of its message.
    pub(super) fn end_message(&mut self) {
        match self.fast_path_left.checked_sub(1) {
            Some(left) => self.fast_path_left = left,
            None => self.ending += 1,
        }
    }

    /// The message that was next is not to be sent any more.
    pub(super) fn skip_message(&mut self) {
        self.fast_path_left = self.fast_path_left.saturating_sub(1);
    }

    /// Whether anything that was said on the short way has not ended.
    pub(super) fn has_fast_path_left(&self) -> bool {
        self.fast_path_left > 0
    }

    /// Whether any message ends here.
    pub(super) fn has_ending(&self) -> bool {
        self.ending > 0 || self.fast_path_cost > 0
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A message of `len` bytes is going to be framed.
    pub(super) fn begin_message(&mut self, len: usize) {
        self.work += len.max(MIN_FRAMING_COST);
    }

    /// So many bytes have been compressed for it.
    pub(super) fn add_work(&mut self, bytes: usize) {
        self.work += bytes;
    }

    /// What it costs a turn, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.len.max(self.work)
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_SIZE
            || self.len >= MAX_UNCOPIED
            || self.payloads.len() == MAX_PAYLOADS
    }

    /// Whether it is enough for one turn: no other message is begun.
    pub(super) fn is_budget_spent(&self) -> bool {
        self.cost() >= BATCH_SIZE
    }

    /// How much more makes it full.
    pub(super) fn room(&self) -> usize {
        BATCH_SIZE.saturating_sub(self.cost())
    }

    /// Writes it. If `more_follows` at once, the kernel may wait for that.
    pub(super) fn poll_write(
        &self,
        socket: &mut Socket<impl Transport>,
        more_follows: bool,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.payloads.is_empty() {
            socket.poll_write(cx, &self.bytes, more_follows)
        } else {
            self.poll_write_vectored(socket, cx)
        }
    }

    /// Whether a large message is in it, or much of one: others come to no more than this together.
    fn is_large(&self) -> bool {
        self.len > 2 * BATCH_SIZE
    }

    /// In a function of its own: its stack is large, and a turn without it is cheaper.
    #[inline(never)]
    fn poll_write_vectored(
        &self,
        socket: &mut Socket<impl Transport>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); 2 * MAX_PAYLOADS + 1];
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(self.pieces()) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        if self.is_large() {
            socket.raise_unsent_limit();
        }
        let written = socket.poll_write_vectored(cx, &slices[..count]);
        if matches!(written, Poll::Ready(Ok(written)) if written == self.len) {
            socket.restore_unsent_limit();
        }
        written
    }

    /// What is left once `written` bytes have gone.
    #[cold]
    pub(super) fn rest(&self, written: usize) -> Unsent {
        let mut rest = VecDeque::new();
        let mut skip = written;
        let mut from = 0;
        for (to, payload) in &self.payloads {
            keep(&mut rest, &mut skip, &self.bytes[from..*to], Bytes::copy_from_slice);
            keep(&mut rest, &mut skip, payload, |left| payload.slice_ref(left));
            from = *to;
        }
        keep(&mut rest, &mut skip, &self.bytes[from..], Bytes::copy_from_slice);
        Unsent { pieces: rest, ending: self.ending }
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        // Most often both are empty.
        if !self.payloads.is_empty() || !self.messages.is_empty() {
            self.drop_all();
        }
        self.len = 0;
        self.work = 0;
        self.ending = 0;
        self.fast_path_cost = 0;
        self.fast_path_left = 0;
    }

    #[inline(never)]
    fn drop_all(&mut self) {
        self.payloads.clear();
        // If there are any, a panic came between, and they were for somebody else.
        self.messages.clear();
    }

    /// What was large is not to be kept alive by having been written here.
    pub(super) fn drop_payloads(&mut self) {
        self.payloads.clear();
    }

    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.payloads.iter().map(|(to, _)| *to);
        let starts = std::iter::once(0).chain(ends.clone());
        let small =
            starts.zip(ends.chain([self.bytes.len()])).map(|(from, to)| &self.bytes[from..to]);
        let large = self.payloads.iter().map(|(_, payload)| &payload[..]).chain([&[][..]]);
        small.zip(large).flat_map(|(small, large)| [small, large]).filter(|piece| !piece.is_empty())
    }
}

/// What a write left behind.
pub(super) struct Unsent {
    pieces: VecDeque<Bytes>,
    /// How many messages of the outbox end with it.
    pub(super) ending: usize,
}

impl Unsent {
    /// Something that ends one message of the outbox.
    pub(super) fn new(piece: Bytes) -> Self {
        Self { pieces: VecDeque::from([piece]), ending: 1 }
    }

    /// Writes once; answers how much has gone.
    #[inline(never)]
    pub(super) fn poll_write(
        &mut self,
        transport: &impl Transport,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); MAX_PAYLOADS];
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(piece);
        }
        let count = self.pieces.len().min(MAX_PAYLOADS);
        let written = ready!(transport.poll_write_vectored(cx, &slices[..count]))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        let mut left = written;
        while let Some(piece) = self.pieces.front_mut().filter(|_| left > 0) {
            let gone = left.min(piece.len());
            piece.advance(gone);
            left -= gone;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        Poll::Ready(Ok(written))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}

/// Keeps what of `piece` was not written; `skip` is what of the write it has still to cover.
fn keep(
    rest: &mut VecDeque<Bytes>,
    skip: &mut usize,
    piece: &[u8],
    own: impl FnOnce(&[u8]) -> Bytes,
) {
    let written = piece.len().min(*skip);
    *skip -= written;
    if written < piece.len() {
        rest.push_back(own(&piece[written..]));
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Instant};

    use aerys_proto::{Config, Connection, Message};

    use super::*;

    fn batch_of(sizes: &[usize]) -> Batch {
        let config = Config { auto_frame_size: 40_000, ..Config::default() };
        let mut connection = Connection::new(Arc::new(config), Instant::now());
        let mut batch = Batch::default();
        for (index, size) in sizes.iter().enumerate() {
            connection.send(Message::binary(vec![index as u8 + 1; *size])).unwrap();
            while let Some(frame) = connection.poll_transmit() {
                batch.push(frame);
            }
        }
        batch
    }

    #[test]
    fn what_a_write_leaves_behind_is_exactly_the_rest() {
        let batch = batch_of(&[3, 20_000, 5, 60_000, 0, 7]);
        let whole: Vec<u8> = batch.pieces().flatten().copied().collect();
        assert_eq!(whole.len(), batch.len());
        for written in (0..whole.len()).step_by(997).chain([1, 5, 6, whole.len()]) {
            let rest: Vec<u8> = batch.rest(written).pieces.into_iter().flatten().collect();
            assert!(rest == whole[written..], "after {written} bytes");
        }
    }

    #[test]
    fn what_one_client_has_left_behind_is_not_sent_to_the_next() {
        let mut batch = Batch::default();
        batch.messages.push_back(Message::text("for somebody else"));
        batch.clear();
        assert!(batch.messages.is_empty());
    }

    #[test]
    fn what_one_client_has_begun_is_no_work_of_the_next() {
        let mut batch = Batch::default();
        batch.begin_message(BATCH_SIZE);
        assert!(batch.is_budget_spent());
        batch.clear();
        assert!(!batch.is_budget_spent());
    }

    #[test]
    fn large_payloads_are_not_copied() {
        let batch = batch_of(&[UNCOPIED_SIZE, UNCOPIED_SIZE - 1, UNCOPIED_SIZE]);
        assert_eq!(batch.payloads.len(), 2);
        assert!(batch.bytes.len() < UNCOPIED_SIZE + 20);
    }
}
