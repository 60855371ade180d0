//! What is sent on a stream, and how far the connection is with it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;

/// A piece of a stream, which notes how much of it is taken.
pub(crate) struct Payload {
    bytes: Bytes,
    /// `None` for what nobody waits for.
    sent: Option<Arc<Sent>>,
}

/// How many bytes of a stream have been queued, and how many of these the connection has taken: it takes them
/// where it writes to its socket.
#[derive(Default)]
pub(crate) struct Sent {
    queued: AtomicU64,
    taken: AtomicU64,
    waker: AtomicWaker,
}

impl Payload {
    /// A piece of the stream that `sent` counts.
    pub(crate) fn new(bytes: Bytes, sent: &Arc<Sent>) -> Self {
        sent.queued.fetch_add(bytes.len() as u64, Relaxed);
        Self { bytes, sent: Some(Arc::clone(sent)) }
    }

    /// Nothing, as at the end of a stream.
    pub(crate) fn empty() -> Self {
        Self { bytes: Bytes::new(), sent: None }
    }
}

impl Buf for Payload {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if let Some(sent) = &self.sent {
            sent.take(count);
        }
    }
}

impl Sent {
    pub(crate) fn queued(&self) -> u64 {
        self.queued.load(Relaxed)
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }

    /// Ready when all that was queued has been taken.
    pub(crate) fn poll_taken(&self, cx: &Context<'_>) -> Poll<()> {
        self.waker.register(cx.waker());
        if self.taken() == self.queued() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn take(&self, count: usize) {
        let taken = self.taken.fetch_add(count as u64, Relaxed) + count as u64;
        if taken == self.queued() {
            self.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    #[test]
    fn a_stream_knows_how_much_of_it_was_taken() {
        let (sent, cx) = (Arc::new(Sent::default()), Context::from_waker(std::task::Waker::noop()));
        assert!(sent.poll_taken(&cx).is_ready());
        let mut first = Payload::new(Bytes::from_static(b"abc"), &sent);
        let mut second = Payload::new(Bytes::from_static(b"de"), &sent);
        first.advance(2);
        assert_eq!((sent.queued(), sent.taken(), first.chunk()), (5, 2, &b"c"[..]));
        let mut copied = BytesMut::new();
        bytes::BufMut::put(&mut copied, &mut first);
        assert!(sent.poll_taken(&cx).is_pending());
        bytes::BufMut::put(&mut copied, &mut second);
        assert!(sent.poll_taken(&cx).is_ready());
        assert_eq!(copied, b"cde"[..]);
    }
}
