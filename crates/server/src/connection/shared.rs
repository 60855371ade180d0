//! What a client's handles, its session and its driver share: what lies between the application and
//! the socket.

use std::{
    future::poll_fn,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    task::Poll,
};

use aerys_proto::{Close, Ending, Message};
use http::HeaderMap;
use tokio_util::sync::CancellationToken;

use super::{
    mailbox::Mailbox,
    outbox::{Outbox, ReadGate, Receipt},
    stats::Meter,
};
use crate::{
    error::{Refusal, SendError},
    options::OutboxLimits,
};

pub(crate) struct Shared {
    pub(crate) outbox: Outbox,
    pub(crate) meter: Meter,
    state: Mutex<HandshakeState>,
    end: OnceLock<CancellationToken>,
    /// Who began the end, once the client has gone.
    ending: OnceLock<Ending>,
}

/// What `on_open` has decided.
enum HandshakeState {
    Open,
    /// Let in; these headers, if any, are to go with the 101. `opened` once `on_open` has returned.
    Accepted {
        headers: Option<Box<HeaderMap>>,
        opened: bool,
    },
    /// Not let in; with which words is about to be said.
    Shut,
    /// Not let in.
    Refused(Refusal),
    /// Let in, and the 101 is on its way.
    Switched,
    /// Not let in, and the answer is on its way.
    TurnedAway,
}

/// The answer that the peer is owed now.
pub(crate) enum Answer {
    Switch(HeaderMap),
    Refuse(Refusal),
}

impl Shared {
    pub(crate) fn new(outbox_limits: OutboxLimits) -> Self {
        Self {
            outbox: Outbox::new(outbox_limits),
            meter: Meter::new(),
            state: Mutex::new(HandshakeState::Open),
            end: OnceLock::new(),
            ending: OnceLock::new(),
        }
    }

    /// Lets the client in by `join`, unless it is too late for that. Whoever learns that it was let
    /// in finds it joined.
    pub(crate) fn accept(&self, headers: HeaderMap, join: impl FnOnce()) -> bool {
        let mut state = self.lock();
        let undecided = matches!(*state, HandshakeState::Open);
        if undecided {
            join();
            let headers = (!headers.is_empty()).then(|| Box::new(headers));
            *state = HandshakeState::Accepted { headers, opened: false };
            self.meter.connected();
        }
        undecided
    }

    /// `on_open` has returned: from now on the client is not let in. `false` if it was before.
    pub(crate) fn shut(&self) -> bool {
        let mut state = self.lock();
        if let HandshakeState::Open = *state {
            *state = HandshakeState::Shut;
        }
        !matches!(*state, HandshakeState::Accepted { .. } | HandshakeState::Switched)
    }

    pub(crate) fn refuse(&self, refusal: Refusal) {
        let mut state = self.lock();
        if matches!(*state, HandshakeState::Open | HandshakeState::Shut) {
            *state = HandshakeState::Refused(refusal);
        }
    }

    /// `on_open` has returned.
    pub(crate) fn opened(&self) {
        if let HandshakeState::Accepted { opened, .. } = &mut *self.lock() {
            *opened = true;
        }
    }

    /// The answer, once it is due: a refusal at once, the 101 with the first thing said to the
    /// client or when `on_open` has returned.
    pub(crate) fn take_answer(&self) -> Option<Answer> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, HandshakeState::TurnedAway) {
            HandshakeState::Accepted { headers, opened }
                if opened || self.outbox.has_pending_output() =>
            {
                *state = HandshakeState::Switched;
                Some(Answer::Switch(headers.map_or_else(HeaderMap::new, |it| *it)))
            }
            HandshakeState::Refused(refusal) => Some(Answer::Refuse(refusal)),
            undue => {
                *state = undue;
                None
            }
        }
    }

    /// Whether the answer was a 101.
    pub(crate) fn is_switched(&self) -> bool {
        matches!(*self.lock(), HandshakeState::Switched)
    }

    /// The next message, in order; `None` once the client has gone or is being closed. While the
    /// client is owed much, it is not heard.
    pub(crate) async fn next_message(&self) -> Option<Message> {
        poll_fn(|_| {
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
        })
        .await
    }

    /// Whether the client has gone. In its session this is known as soon as it is.
    pub(crate) fn has_departed(&self) -> bool {
        Mailbox::with_borrowed(|mailbox| mailbox.inbound.close().is_some()).unwrap_or(false)
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

    /// Puts messages into the outbox that nobody waits for.
    pub(crate) fn push_all(&self, messages: &[Message]) {
        self.flush_fast_path();
        self.outbox.push_all(messages);
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
        self.outbox.gone();
        if let Some(end) = self.end.get() {
            end.cancel();
        }
    }

    /// Notes who began the end.
    pub(crate) fn set_ending(&self, ending: Option<Ending>) {
        if let Some(ending) = ending {
            // The first to be reported is the one.
            let _ = self.ending.set(ending);
        }
    }

    pub(crate) fn ending(&self) -> Option<Ending> {
        self.ending.get().copied()
    }

    /// Cancelled when the client has gone. Made only for who asks.
    pub(crate) fn end(&self) -> CancellationToken {
        let end = self.end.get_or_init(CancellationToken::new).clone();
        if self.outbox.is_gone() {
            end.cancel();
        }
        end
    }

    fn lock(&self) -> MutexGuard<'_, HandshakeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
