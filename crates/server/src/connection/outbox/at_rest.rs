//! How a client is written to while its driver rests, without a word to the driver.
//!
//! That is for who walks over many clients on the thread on which their drivers run. A driver that rests
//! there is not in the middle of a turn, and begins none before the walk is done with the client, whoever
//! wakes it meanwhile. One that rests and can write has written all that it had taken; if nothing is
//! queued either, what is written now is next. Of the driver's turn for it three steps are left:
//!
//! 1. A *claim*, under the lock: the client is at rest, and what is to be written fits in. It counts as
//!    queued from now on, for limits and for whoever looks; so nobody else makes a claim.
//! 2. The write, under no lock. What others put in meanwhile waits in the queue for the driver,
//!    so it leaves after this.
//! 3. The *release*, under the lock. What has not left is left for the driver, before all that is queued,
//!    and the driver is woken. It finds out by itself whether the socket is full or has failed.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Weak};

use aerys_proto::{Encoding, Message};
use bytes::Bytes;

use super::{
    HIGH_WATER, Outbox, OutboxLimits,
    queue::{Receipt, cost},
    snapshot::Snapshot,
    state::{Locked, State, Switching},
    wake::WakeReason,
};
use crate::{
    connection::life::Stage,
    error::SendError,
    sync::{Afterwards, MutexGuard},
    transport::TryWrite,
};

/// A stream that may be written to by others than its driver, which alone keeps it open.
pub(super) struct Stream {
    writer: Weak<dyn TryWrite>,
    encoding: Encoding,
}

impl Stream {
    /// What is written to and how, unless it has been closed.
    pub(super) fn open(&self) -> Option<(Arc<dyn TryWrite>, Encoding)> {
        Some((self.writer.upgrade()?, self.encoding))
    }
}

/// A client at rest, to which messages are about to be written that count as queued.
#[must_use = "what it counts as queued is given back when it is released"]
pub(crate) struct Claim {
    pub(crate) writer: Arc<dyn TryWrite>,
    pub(crate) encoding: Encoding,
    cost: usize,
    receipt: Receipt,
}

impl Outbox {
    /// From now on the client may be written to past its driver: its 101 has left, and messages
    /// go to it in this encoding.
    pub(crate) fn share(&self, writer: Weak<dyn TryWrite>, encoding: Encoding) {
        self.lock().switching = Switching::Shared(Stream { writer, encoding });
    }

    /// As [`push_all`](Self::push_all), or a claim for them instead, if the client is at rest. That is for who
    /// is on its driver's thread.
    pub(crate) fn push_all_or_claim(
        &self,
        messages: &[Message],
        receipt: Receipt,
        afterwards: &mut Afterwards,
    ) -> Option<Claim> {
        // What is claimed is not counted as queued, since it hardly ever is for long.
        let mut state = self.state.lock();
        match state.claim(messages, self.limits, &self.snapshot) {
            Some((writer, encoding, cost)) => {
                self.snapshot.publish(&state);
                Some(Claim { writer, encoding, cost, receipt })
            }
            None => {
                Locked::new(state, self).push_all(messages, receipt, afterwards);
                None
            }
        }
    }

    /// What a claim was made for has been handed to the kernel, but for this rest.
    pub(crate) fn release(&self, claim: Claim, unsent: Option<Bytes>, afterwards: &mut Afterwards) {
        let Claim { cost, receipt, .. } = claim;
        let mut state = self.state.lock();
        let queued = state.queue.bytes();
        state.queue.release(cost);
        if let Some(unsent) = unsent {
            return self.leave_behind(state, unsent, cost, receipt, afterwards);
        }
        receipt.complete(Ok(()), afterwards);
        self.snapshot.publish(&state);
        if queued > cost {
            // Others have put something in meanwhile, which may have been too much only beside it.
            self.counters.crossed(queued, queued - cost, HIGH_WATER);
        }
    }

    /// This rest of what a claim was made for is the driver's to write, or lost with the client.
    #[cold]
    fn leave_behind(
        &self,
        state: MutexGuard<'_, State>,
        unsent: Bytes,
        cost: usize,
        receipt: Receipt,
        afterwards: &mut Afterwards,
    ) {
        let mut state = Locked::new(state, self);
        // It is counted now that it is queued after all, or goes, as what is queued has become less by it.
        self.counters.left_behind(cost);
        if state.life.stage() == Stage::Gone {
            return receipt.complete(Err(SendError::ClientGone), afterwards);
        }
        state.queue.count_unsent(cost, receipt);
        state.unsent = Some(Box::new(unsent));
        state.wake_driver(WakeReason::Message);
    }

    /// Whether something is left for the driver that was begun while it rested.
    pub(crate) fn has_unsent(&self) -> bool {
        self.snapshot.has_unsent()
    }

    /// Takes that, to be written before anything else. It is flushed as one message is.
    pub(crate) fn take_unsent(&self) -> Option<Bytes> {
        self.lock().unsent.take().map(|unsent| *unsent)
    }
}

impl State {
    fn claim(
        &mut self,
        messages: &[Message],
        limits: OutboxLimits,
        snapshot: &Snapshot,
    ) -> Option<(Arc<dyn TryWrite>, Encoding, usize)> {
        let Switching::Shared(stream) = &self.switching else { return None };
        let is_at_rest =
            self.life.is_open() && self.queue.bytes() == 0 && snapshot.wake.is_resting();
        let cost = messages.iter().map(cost).sum();
        // As when they are put in: one on its own is never too much.
        if !is_at_rest || (messages.len() > 1 && cost > limits.max_queued_bytes) {
            return None;
        }
        let (writer, encoding) = stream.open()?;
        self.queue.claim(cost);
        Some((writer, encoding, cost))
    }
}
