//! What a client's handles, its session and its driver share: what lies between the application and
//! the socket.

use std::{future::poll_fn, sync::Arc, task::Poll};

use aerys_proto::{Close, Connection, Ending, Message};
use tokio_util::sync::CancellationToken;

use super::{
    direct_write::DirectWrite,
    mailbox::Mailbox,
    outbox::{Outbox, ReadGate, Receipt},
    stats::Meter,
};
use crate::{
    error::SendError,
    metrics::EndpointCounters,
    options::OutboxLimits,
    runtime::{clock::Tick, contained},
    sync::Afterwards,
};

pub(crate) struct Shared {
    pub(crate) outbox: Outbox,
    pub(crate) meter: Meter,
}

impl Shared {
    pub(crate) fn new(limits: OutboxLimits, counters: Arc<EndpointCounters>) -> Self {
        Self { outbox: Outbox::new(limits, counters), meter: Meter::new() }
    }

    /// What its worker counts of its endpoint.
    #[inline]
    pub(crate) fn counters(&self) -> &EndpointCounters {
        self.outbox.counters()
    }

    /// So many bytes were read, and this is what the connection made of them.
    #[inline(always)]
    pub(crate) fn note_read(&self, bytes: usize, connection: &Connection, now: Tick) {
        self.counters().read(bytes);
        self.meter.read(bytes, connection, now);
        if self.meter.awaits_pong() {
            self.look_for_pong(connection);
        }
    }

    #[cold]
    fn look_for_pong(&self, connection: &Connection) {
        if let Some(round_trip) = self.meter.look_for_pong(connection) {
            self.counters().round_trip(round_trip);
        }
    }

    /// So many bytes of what the connection had to send were taken by the kernel.
    #[inline(always)]
    pub(crate) fn note_sent(&self, bytes: usize, connection: &Connection, now: Tick) {
        self.counters().wrote(bytes);
        self.meter.sent(bytes, connection, now);
    }

    /// So many messages were begun past the connection, of which the kernel took so many bytes.
    #[inline]
    pub(crate) fn note_written_past(&self, bytes: usize, messages: usize, now: Tick) {
        self.counters().wrote(bytes);
        self.meter.written_past(bytes, messages, now);
    }

    /// The next message, in order; `None` once the client has gone or is being closed. While the
    /// client is owed much, it is not heard. For its session, which is polled whenever that changes.
    #[inline]
    pub(crate) fn poll_message(&self) -> Poll<Option<Message>> {
        Mailbox::with_borrowed(|mailbox| {
            let inbound = &mut mailbox.inbound;
            let has_gone = inbound.close().is_some();
            match self.outbox.read_gate() {
                ReadGate::Closed if !has_gone => return Poll::Ready(None),
                ReadGate::Paused => return Poll::Pending,
                ReadGate::Open | ReadGate::Closed => {}
            }
            match inbound.take() {
                Some(message) => Poll::Ready(Some(message)),
                None if has_gone => Poll::Ready(None),
                None => {
                    inbound.wait();
                    Poll::Pending
                }
            }
        })
        .unwrap_or(Poll::Pending)
    }

    /// Whether the client has gone. In its session this is known as soon as it is.
    #[inline]
    pub(crate) fn has_departed(&self) -> bool {
        // One that can be told something has not gone, as is known without the mailbox.
        !self.outbox.is_open()
            && Mailbox::with_borrowed(|mailbox| mailbox.inbound.close().is_some()).unwrap_or(false)
    }

    /// How the client went, once it has and the messages that it left behind have been taken.
    pub(crate) async fn departure(&self) -> Close {
        poll_fn(|_| {
            Mailbox::with_borrowed(|mailbox| match mailbox.inbound.close() {
                Some(close) if !mailbox.inbound.has_backlog() => Poll::Ready(close.clone()),
                _ => Poll::Pending,
            })
            .unwrap_or(Poll::Pending)
        })
        .await
    }

    /// Sends what nobody waits for. What a handler says to its own client takes the short way.
    #[inline]
    pub(crate) fn send_nowait(&self, message: Message) {
        if let Err(message) = Mailbox::push_fast(message, &self.outbox) {
            // Nobody is to hear what became of it.
            let _ = self.push(message, Receipt::Nobody);
        }
    }

    /// Puts a message into the outbox and answers its place.
    pub(crate) fn push(&self, message: Message, receipt: Receipt) -> Result<u64, SendError> {
        self.flush_fast_path();
        self.outbox.push(message, receipt)
    }

    /// Puts messages into the outbox, for who holds a lock. Who waits for a message has it alone.
    pub(crate) fn push_all(
        &self,
        messages: &[Message],
        receipt: Receipt,
        afterwards: &mut Afterwards,
    ) {
        self.flush_fast_path();
        self.outbox.push_all(messages, receipt, afterwards);
    }

    /// As [`push_all`](Self::push_all), or has them written when no lock is held any more, if the client is
    /// at rest. That is for who is on its driver's thread.
    pub(crate) fn push_all_or_write(
        self: &Arc<Self>,
        messages: &[Message],
        receipt: Receipt,
        afterwards: &mut Afterwards,
    ) -> Option<DirectWrite> {
        self.flush_fast_path();
        let claim = self.outbox.push_all_or_claim(messages, receipt, afterwards)?;
        Some(DirectWrite::new(Arc::clone(self), claim))
    }

    /// Bytes sent and not yet handed to the kernel.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.flush_fast_path();
        self.outbox.queued_bytes()
    }

    /// What has taken the short way goes the long one, if it was said to this client.
    fn flush_fast_path(&self) {
        if let Some(Some(messages)) =
            Mailbox::with_borrowed(|mailbox| mailbox.fast_path.take_for(&self.outbox))
        {
            self.outbox.push_front(messages);
        }
    }

    /// The client has gone: nothing is sent any more, and what is bound to the client ends.
    pub(crate) fn gone(&self) {
        if let Some(end) = self.outbox.gone() {
            // It wakes who waits for that; the panic hook tells of a waker that panics.
            let _ = contained(|| end.cancel());
        }
    }

    /// Notes who began the end.
    pub(crate) fn set_ending(&self, ending: Option<Ending>) {
        if let Some(ending) = ending {
            self.meter.set_ending(ending);
        }
    }

    pub(crate) fn ending(&self) -> Option<Ending> {
        self.meter.ending()
    }

    /// Cancelled when the client has gone. Made only for who asks.
    pub(crate) fn end(&self) -> CancellationToken {
        let end = self.outbox.end();
        if self.outbox.is_gone() {
            end.cancel();
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_client_shares_is_small() {
        // Where debug assertions are on, a lock has a rank.
        let ranks = if cfg!(debug_assertions) { 8 } else { 0 };
        assert!(size_of::<Shared>() <= 336 + ranks, "{}", size_of::<Shared>());
    }
}
