//! What becomes of the handshake: whether the client is let in, and the answer to it.

use http::HeaderMap;

use super::{Outbox, state::Switching};
use crate::error::Refusal;

/// The answer that the peer is owed now.
pub(crate) enum Answer {
    Switch(HeaderMap),
    Refuse(Refusal),
}

impl Outbox {
    /// Lets the client in, unless it is too late for that; these headers go with the 101. If it is
    /// let in, `note` is called before anybody can know.
    pub(crate) fn accept(&self, headers: HeaderMap, note: impl FnOnce()) -> bool {
        let mut state = self.lock();
        let is_accepted = state.life.accept();
        if is_accepted {
            let headers = (!headers.is_empty()).then(|| Box::new(headers));
            state.switching = Switching::Waits(headers);
            note();
        }
        is_accepted
    }

    /// `on_open` has returned: from now on the client is not let in.
    pub(crate) fn reject(&self) {
        self.lock().life.reject();
    }

    /// Does not let the client in, unless it has been, and says so in these words, unless others were
    /// said before.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        let unused = self.lock().life.refuse(Box::new(refusal));
        // Only now, when the lock is released.
        drop(unused);
    }

    /// The 101 waits for nothing more.
    pub(crate) fn switch_now(&self) {
        let mut state = self.lock();
        if let Switching::Waits(headers) = &mut state.switching {
            state.switching = Switching::Due(headers.take());
        }
    }

    /// The answer, once it is due: a refusal at once, the 101 with the first thing said to the
    /// client or when `on_open` has returned.
    pub(crate) fn take_answer(&self) -> Option<Answer> {
        let mut state = self.lock();
        if let Some(refusal) = state.life.take_refusal() {
            return Some(Answer::Refuse(*refusal));
        }
        if !state.life.is_accepted() {
            return None;
        }
        let headers = match &mut state.switching {
            Switching::Due(headers) => headers.take(),
            Switching::Waits(headers) if self.has_pending_output() => headers.take(),
            Switching::Waits(_) | Switching::Done | Switching::Shared(_) => return None,
        };
        state.switching = Switching::Done;
        state.life.switch();
        Some(Answer::Switch(headers.map_or_else(HeaderMap::new, |it| *it)))
    }

    /// Whether the answer was a 101.
    pub(crate) fn is_switched(&self) -> bool {
        matches!(self.lock().switching, Switching::Done | Switching::Shared(_))
    }
}
