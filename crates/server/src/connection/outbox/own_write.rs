//! How a session writes what it awaits by itself, in the middle of its driver's turn.
//!
//! While a driver polls its session, it writes nothing. If the client is owed nothing then, what the
//! session says is next, and the driver would do nothing with it but write it: put in, taken and completed,
//! each under the lock, a message costs as much again. So the session takes the stream and the message's
//! place, and writes. What others put in meanwhile waits for the driver, which is behind this.

use std::sync::Arc;

use aerys_proto::Encoding;
use bytes::Bytes;

use super::{Outbox, queue::Receipt, state::Switching};
use crate::{connection::life::Stage, error::SendError, transport::TryWrite};

/// The right to write one message past the outbox.
#[must_use = "its place is taken"]
pub(crate) struct OwnWrite {
    pub(crate) writer: Arc<dyn TryWrite>,
    pub(crate) encoding: Encoding,
    place: u64,
    cost: usize,
}

impl Outbox {
    /// For who is polled by the driver, and is allowed to: the next place, for what costs this much, if the
    /// client is owed nothing.
    pub(crate) fn begin_own_write(&self, cost: usize) -> Option<OwnWrite> {
        // Nothing is changed that is published.
        let mut state = self.state.lock();
        if !state.life.is_open() || state.queue.bytes() > 0 {
            return None;
        }
        let Switching::Shared(stream) = &state.switching else { return None };
        let (writer, encoding) = stream.open()?;
        let place = state.queue.reserve();
        Some(OwnWrite { writer, encoding, place, cost })
    }

    /// This rest of it has not left, and is the driver's to write, before all that is queued. Answers its
    /// place.
    #[cold]
    pub(crate) fn end_own_write(
        &self,
        own_write: OwnWrite,
        unsent: Bytes,
        receipt: Receipt,
    ) -> Result<u64, SendError> {
        let mut state = self.lock();
        if state.life.stage() == Stage::Gone {
            return Err(SendError::ClientGone);
        }
        let OwnWrite { place, cost, .. } = own_write;
        state.queue.count_unsent_at(place, cost, receipt);
        state.unsent = Some(Box::new(unsent));
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use aerys_proto::{Close, CloseCode, Message};

    use super::{
        super::tests::{Unwritten, shared},
        *,
    };

    fn sender() -> Receipt {
        Receipt::Sender(Waker::noop().clone())
    }

    fn poll_sent(outbox: &Outbox, place: u64) -> Poll<Result<(), SendError>> {
        outbox.poll_sent(place, &Context::from_waker(Waker::noop()))
    }

    #[test]
    fn only_to_a_client_that_is_open_and_owed_nothing_is_written() {
        let stream = Arc::new(Unwritten);
        let queued = |outbox: &Outbox| _ = outbox.push(Message::text("a"), Receipt::Nobody);
        let close = |outbox: &Outbox| outbox.close(Close::new(CloseCode::NORMAL, ""));
        type Act = fn(&Outbox);
        let cases: [(Act, bool); 4] =
            [(|_| (), true), (queued, false), (close, false), (|it| _ = it.gone(), false)];
        for (index, (act, may)) in cases.into_iter().enumerate() {
            let outbox = shared(&stream);
            act(&outbox);
            assert_eq!(outbox.begin_own_write(70).is_some(), may, "case {index}");
        }
        let outbox = shared(&Arc::new(Unwritten));
        assert!(outbox.begin_own_write(70).is_none(), "its stream is closed");
    }

    #[test]
    fn what_has_not_left_goes_before_what_others_have_put_in_since() {
        let stream = Arc::new(Unwritten);
        let outbox = shared(&stream);
        let whole = outbox.begin_own_write(70).unwrap();
        let partly = outbox.begin_own_write(70).unwrap();
        drop(whole);
        let later = outbox.push(Message::text("later"), sender()).unwrap();
        let unsent = Bytes::from_static(b"rest");
        let place = outbox.end_own_write(partly, unsent.clone(), sender()).unwrap();
        assert!(place < later);
        assert!(outbox.has_unsent() && outbox.queued_bytes() > 70);
        assert_eq!(outbox.take_unsent(), Some(unsent));
        assert_eq!(poll_sent(&outbox, place), Poll::Pending);
        outbox.flushed(1, &Context::from_waker(Waker::noop()));
        assert_eq!(poll_sent(&outbox, place), Poll::Ready(Ok(())));
        assert_eq!(poll_sent(&outbox, later), Poll::Pending);
    }

    #[test]
    fn what_has_not_left_when_the_client_goes_is_lost() {
        let stream = Arc::new(Unwritten);
        let outbox = shared(&stream);
        let own_write = outbox.begin_own_write(70).unwrap();
        let place = outbox.end_own_write(own_write, Bytes::from_static(b"a"), sender());
        outbox.gone();
        assert_eq!(poll_sent(&outbox, place.unwrap()), Poll::Ready(Err(SendError::ClientGone)));
        assert_eq!(outbox.queued_bytes(), 0);
    }
}
