//! What a client's handles, its session and its driver share: the line between the application and
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
    desk::Desk,
    outbox::{Ear, Outbox, Receipt},
    stats::Meter,
};
use crate::{
    error::{Refusal, SendError},
    options::Bounds,
};

pub(crate) struct Line {
    pub(crate) outbox: Outbox,
    pub(crate) meter: Meter,
    verdict: Mutex<Verdict>,
    end: OnceLock<CancellationToken>,
    /// Who began the end, once the client has gone.
    ending: OnceLock<Ending>,
}

/// What `on_open` has decided.
enum Verdict {
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

impl Line {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            outbox: Outbox::new(bounds),
            meter: Meter::new(),
            verdict: Mutex::new(Verdict::Open),
            end: OnceLock::new(),
            ending: OnceLock::new(),
        }
    }

    /// Lets the client in by `join`, unless it is too late for that. Whoever learns that it was let
    /// in finds it joined.
    pub(crate) fn accept(&self, headers: HeaderMap, join: impl FnOnce()) -> bool {
        let mut verdict = self.lock();
        let undecided = matches!(*verdict, Verdict::Open);
        if undecided {
            join();
            let headers = (!headers.is_empty()).then(|| Box::new(headers));
            *verdict = Verdict::Accepted { headers, opened: false };
            self.meter.connected();
        }
        undecided
    }

    /// `on_open` has returned: from now on the client is not let in. `false` if it was before.
    pub(crate) fn shut(&self) -> bool {
        let mut verdict = self.lock();
        if let Verdict::Open = *verdict {
            *verdict = Verdict::Shut;
        }
        !matches!(*verdict, Verdict::Accepted { .. } | Verdict::Switched)
    }

    pub(crate) fn refuse(&self, refusal: Refusal) {
        let mut verdict = self.lock();
        if matches!(*verdict, Verdict::Open | Verdict::Shut) {
            *verdict = Verdict::Refused(refusal);
        }
    }

    /// `on_open` has returned.
    pub(crate) fn opened(&self) {
        if let Verdict::Accepted { opened, .. } = &mut *self.lock() {
            *opened = true;
        }
    }

    /// The answer, once it is due: a refusal at once, the 101 with the first thing said to the
    /// client or when `on_open` has returned.
    pub(crate) fn take_answer(&self) -> Option<Answer> {
        let mut verdict = self.lock();
        match std::mem::replace(&mut *verdict, Verdict::TurnedAway) {
            Verdict::Accepted { headers, opened } if opened || self.outbox.has_errand() => {
                *verdict = Verdict::Switched;
                Some(Answer::Switch(headers.map_or_else(HeaderMap::new, |it| *it)))
            }
            Verdict::Refused(refusal) => Some(Answer::Refuse(refusal)),
            undue => {
                *verdict = undue;
                None
            }
        }
    }

    /// Whether the answer was a 101.
    pub(crate) fn is_switched(&self) -> bool {
        matches!(*self.lock(), Verdict::Switched)
    }

    /// The next message, in order; `None` once the client has gone or is being closed. While the
    /// client is owed much, it is not heard.
    pub(crate) async fn next_message(&self) -> Option<Message> {
        poll_fn(|_| {
            Desk::with(|desk| {
                let inbox = &mut desk.inbox;
                let has_gone = inbox.departure().is_some();
                match self.outbox.ear() {
                    Ear::Shut if !has_gone => return Poll::Ready(None),
                    Ear::Busy => return Poll::Pending,
                    Ear::Open | Ear::Shut => {}
                }
                match inbox.take() {
                    Some(message) => Poll::Ready(Some(message)),
                    None if has_gone => Poll::Ready(None),
                    None => {
                        inbox.wait();
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
        Desk::with(|desk| desk.inbox.departure().is_some()).unwrap_or(false)
    }

    /// How the client went, once it has and the messages that it left behind have been taken.
    pub(crate) async fn departure(&self) -> Close {
        poll_fn(|_| {
            Desk::with(|desk| match desk.inbox.departure() {
                Some(close) if !desk.inbox.has_backlog() => Poll::Ready(close.clone()),
                _ => Poll::Pending,
            })
            .unwrap_or(Poll::Pending)
        })
        .await
    }

    /// Sends what nobody waits for. What a handler says to its own client takes the short way.
    pub(crate) fn say(&self, message: Message) {
        if let Err(message) = Desk::say(message, &self.outbox) {
            // Nobody is to hear what became of it.
            let _ = self.push(message, Receipt::Nobody);
        }
    }

    /// Puts a message into the outbox and answers its place.
    pub(crate) fn push(&self, message: Message, receipt: Receipt) -> Result<u64, SendError> {
        self.hand_in_tray();
        self.outbox.push(message, receipt)
    }

    /// Puts messages into the outbox that nobody waits for.
    pub(crate) fn push_all(&self, messages: &[Message]) {
        self.hand_in_tray();
        self.outbox.push_all(messages);
    }

    /// Bytes sent and not yet handed to the kernel.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.hand_in_tray();
        self.outbox.queued_bytes()
    }

    /// What has taken the short way goes the long one, if it was said to this client.
    fn hand_in_tray(&self) {
        if let Some(Some(messages)) = Desk::with(|desk| desk.tray.recall(&self.outbox)) {
            self.outbox.put_first(messages);
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

    fn lock(&self) -> MutexGuard<'_, Verdict> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
