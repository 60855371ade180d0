//! Socket → message: what is still to come of a large payload is read into its own memory, without a
//! copy (bench/NOTES.md#large-payloads-read-in-place).

use std::task::{Context, Poll};

use bytes::BufMut;

use super::{
    Driver,
    budget::{self, Budget},
};
use crate::{runtime::clock, transport::Transport};

/// Less is sooner copied than read by itself, in bytes: the next frame comes with it.
const DIRECT_READ_SIZE: usize = 16 * 1024;

/// How many bytes that are read in place cost a turn what one does otherwise: nothing is copied,
/// and all that comes of them is one message. A client that is soon through with it holds the
/// memory of an unfinished message for a shorter time (bench/NOTES.md#large-messages-finished-first).
const IN_PLACE_DISCOUNT: usize = 64;

/// How many bytes one read puts in place beside others who are soon through.
const MAX_BESIDE_OTHERS: usize = 512 * 1024;

/// As many if there are none: beside the read that began it, the whole of a message of 1 MiB.
const MAX_IN_PLACE: usize = 1024 * 1024;

impl<T: Transport> Driver<T> {
    /// Reads once, as far as `budget` goes, into the message that is arriving. Answers whether
    /// anything came; `None` if too little of it is to come for that to be of use.
    pub(super) fn read_in_place(
        &mut self,
        cx: &mut Context<'_>,
        budget: &mut Budget,
    ) -> Option<bool> {
        if self.connection.room() < DIRECT_READ_SIZE {
            return None;
        }
        let socket = self.socket.as_mut().filter(|socket| !socket.has_early())?;
        self.now = clock::read();
        let most = if budget::is_beside_others() { MAX_BESIDE_OTHERS } else { MAX_IN_PLACE };
        let (read, event) = self.connection.receive_in_place(self.now.instant, |room| {
            let room = &mut room.limit((budget.read * IN_PLACE_DISCOUNT).min(most));
            socket.poll_read_in_place(cx, room)
        })?;
        match read {
            Poll::Ready(Ok(size @ 1..)) => {
                let left = budget.read.saturating_sub(size.div_ceil(IN_PLACE_DISCOUNT));
                // The next read is not to be one of a few bytes.
                budget.read = if left <= DIRECT_READ_SIZE { 0 } else { left };
                budget.close();
                self.may_have_output = true;
                self.report(event);
                self.shared.note_read(size, &self.connection, self.now.tick);
            }
            Poll::Ready(outcome) => self.read_end(outcome.is_ok()),
            Poll::Pending => return Some(false),
        }
        Some(true)
    }
}
