//! What is under way between a process and one client: its handshake, its event that is being handled, its end.

use std::{
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use aerys::{Accepted, ClientId, Handshake, Refusal};

use crate::endpoint::Held;

/// One client, from its OPEN to the last DONE.
pub(crate) struct Conversation {
    pub(crate) endpoint: u16,
    pub(crate) id: ClientId,
    state: Mutex<State>,
}

struct State {
    handshake: Answering,
    /// An OPEN or a DATA.
    event: Event,
    /// The CLOSED.
    end: Event,
    /// Whether it was not let in.
    was_refused: bool,
    /// Whether the process has gone.
    is_over: bool,
}

/// How far the handshake is.
enum Answering {
    /// It waits for an answer.
    Waiting(Box<Handshake<Held>>),
    /// It has one, which `on_open` has not returned yet.
    Answered(Box<Result<Accepted<Held>, Refusal>>),
    /// It has one.
    Over,
}

enum Event {
    None,
    Handled { seq: u32, waiting: Option<Waker> },
    Done { has_failed: bool },
}

/// What has become of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Well,
    Failed,
    /// The process has gone before it had handled it.
    ProcessGone,
}

/// What has become of a handshake.
pub(crate) enum Opened {
    Accepted(Accepted<Held>, Done),
    Refused(Refusal),
    /// The process has gone, and nobody has answered.
    Unanswered(Box<Handshake<Held>>),
    /// It was said of an event that it was handled, and of no answer.
    Nothing,
}

/// Which event somebody waits for.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    Event,
    End,
}

/// What a DONE was about.
#[must_use = "whoever waits for it is to be woken"]
pub(crate) struct Finished {
    waiting: Option<Waker>,
    /// Whether nothing more is said about the client.
    pub(crate) is_last: bool,
}

impl Finished {
    pub(crate) fn wake(self) {
        if let Some(waiting) = self.waiting {
            waiting.wake();
        }
    }
}

impl Conversation {
    /// One that begins with an OPEN of this number.
    pub(crate) fn new(
        endpoint: u16,
        handshake: Handshake<Held>,
        id: ClientId,
        seq: u32,
    ) -> Arc<Self> {
        let state = State {
            handshake: Answering::Waiting(Box::new(handshake)),
            event: Event::Handled { seq, waiting: None },
            end: Event::None,
            was_refused: false,
            is_over: false,
        };
        Arc::new(Self { endpoint, id, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the handshake out to answer it, or to add a header to it. It is given back by [`give_back`](Self::give_back) or
    /// [`answer`](Self::answer).
    pub(crate) fn take_handshake(&self) -> Option<Box<Handshake<Held>>> {
        let mut state = self.lock();
        match mem::replace(&mut state.handshake, Answering::Over) {
            Answering::Waiting(handshake) => Some(handshake),
            other => {
                state.handshake = other;
                None
            }
        }
    }

    pub(crate) fn give_back(&self, handshake: Box<Handshake<Held>>) {
        self.lock().handshake = Answering::Waiting(handshake);
    }

    /// Has `on_open` return this: at once if it refuses, and else once the event is handled.
    pub(crate) fn answer(&self, answer: Result<Accepted<Held>, Refusal>) {
        let refuses = answer.is_err();
        let mut state = self.lock();
        state.handshake = Answering::Answered(Box::new(answer));
        state.was_refused = refuses;
        let waiting = match &mut state.event {
            Event::Handled { waiting, .. } if refuses => waiting.take(),
            _ => None,
        };
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// An event begins, and `put` says so to the process, unless the process has gone or the client's end has been told.
    /// Whether it does.
    pub(crate) fn begin(&self, which: Which, seq: u32, put: impl FnOnce()) -> bool {
        let mut state = self.lock();
        if state.is_over || !matches!(state.end, Event::None) {
            return false;
        }
        let event = Event::Handled { seq, waiting: None };
        match which {
            Which::Event => state.event = event,
            Which::End => state.end = event,
        }
        // While nobody else can say anything about the client, so that its end is the last.
        put();
        true
    }

    /// Waits until an event was handled.
    pub(crate) async fn handled(&self, which: Which) -> Done {
        poll_fn(|cx| {
            let mut state = self.lock();
            let is_over = state.is_over;
            let event = match which {
                Which::Event => &mut state.event,
                Which::End => &mut state.end,
            };
            let (done, before) = event.poll(is_over, cx);
            drop(state);
            drop(before);
            done
        })
        .await
    }

    /// Waits until the handshake has an answer that may leave.
    pub(crate) async fn opened(&self) -> Opened {
        poll_fn(|cx| {
            let mut state = self.lock();
            let is_over = state.is_over;
            let refused =
                matches!(&state.handshake, Answering::Answered(answer) if answer.is_err());
            let done = match state.event.poll(is_over, cx) {
                (Poll::Ready(done), _) => done,
                (Poll::Pending, _) if refused => Done::Well,
                (Poll::Pending, before) => {
                    drop(state);
                    drop(before);
                    return Poll::Pending;
                }
            };
            Poll::Ready(match mem::replace(&mut state.handshake, Answering::Over) {
                Answering::Answered(answer) => match *answer {
                    Ok(accepted) => Opened::Accepted(accepted, done),
                    Err(refusal) => Opened::Refused(refusal),
                },
                Answering::Waiting(handshake) => Opened::Unanswered(handshake),
                Answering::Over => Opened::Nothing,
            })
        })
        .await
    }

    /// The process has handled an event; `None` if there is none of this number.
    pub(crate) fn done(&self, seq: u32, has_failed: bool) -> Option<Finished> {
        let mut state = self.lock();
        let State { event, end, .. } = &mut *state;
        let waiting = match event.finish(seq, has_failed) {
            Some(waiting) => waiting,
            None => end.finish(seq, has_failed)?,
        };
        let is_handling = matches!(state.event, Event::Handled { .. });
        let has_ended = state.was_refused || matches!(state.end, Event::Done { .. });
        Some(Finished { waiting, is_last: !is_handling && has_ended })
    }

    /// The process has gone: nobody waits for it any more.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.is_over = true;
        let waiting = [state.event.take_waiting(), state.end.take_waiting()];
        drop(state);
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Event {
    /// What has become of it, and what is to be dropped when no lock is held any more.
    fn poll(&mut self, is_over: bool, cx: &Context<'_>) -> (Poll<Done>, Option<Waker>) {
        match self {
            Self::Done { has_failed: true } => (Poll::Ready(Done::Failed), None),
            Self::Done { has_failed: false } => (Poll::Ready(Done::Well), None),
            _ if is_over => (Poll::Ready(Done::ProcessGone), None),
            Self::None => (Poll::Ready(Done::Well), None),
            Self::Handled { waiting, .. } => (Poll::Pending, waiting.replace(cx.waker().clone())),
        }
    }

    /// Whom to wake, if it is the one of this number.
    fn finish(&mut self, number: u32, has_failed: bool) -> Option<Option<Waker>> {
        let Self::Handled { seq, waiting } = self else { return None };
        if *seq != number {
            return None;
        }
        let waiting = waiting.take();
        *self = Self::Done { has_failed };
        Some(waiting)
    }

    fn take_waiting(&mut self) -> Option<Waker> {
        match self {
            Self::Handled { waiting, .. } => waiting.take(),
            _ => None,
        }
    }
}
