//! A message that a session says to its own client and awaits, written where it is said.

use std::task::Context;

use aerys_proto::{Config, Message};
use bytes::Bytes;

use super::{
    Shared,
    mailbox::Mailbox,
    outbox::{OwnWrite, Receipt, cost},
};
use crate::{
    error::SendError,
    runtime::{clock, contained},
};

/// What is copied for it at most, in bytes. What is larger goes through the driver, whose turns are cut by
/// size.
const MAX_OWN_WRITE: usize = 16 * 1024;

impl Shared {
    /// Sends what is waited for. Answers the place at which to ask for it, or nothing if it has been handed to
    /// the kernel already.
    pub(crate) fn send_awaited(
        &self,
        message: Message,
        config: &Config,
        cx: &Context<'_>,
    ) -> Result<Option<u64>, SendError> {
        let receipt = || Receipt::Sender(cx.waker().clone());
        match self.write_own(message, config) {
            Ok(None) => Ok(None),
            Ok(Some((own_write, unsent))) => {
                self.outbox.end_own_write(own_write, unsent, receipt()).map(Some)
            }
            Err(message) => self.push(message, receipt()).map(Some),
        }
    }

    /// Writes a message at once and answers what has not left, or gives the message back: if it is not the
    /// session's own that says it, or something goes before it.
    fn write_own(
        &self,
        message: Message,
        config: &Config,
    ) -> Result<Option<(OwnWrite, Bytes)>, Message> {
        if message.len() > config.auto_frame_size.min(MAX_OWN_WRITE) {
            return Err(message);
        }
        let cost = cost(&message);
        let Some((own_write, more_follows)) = Mailbox::begin_own_write(cost, &self.outbox) else {
            return Err(message);
        };
        let (len, counters) = (message.len(), self.counters());
        counters.sent(message.is_text(), len);
        let frame = own_write.encoding.into_frame(message, config);
        if frame.is_compressed() {
            counters.compressed(len as u64, frame.payload().len() as u64);
        }
        let bytes = [frame.header(), frame.payload()].concat();
        // It may be the last that has memory of the application's. The panic hook has told of it.
        let _ = contained(|| drop(frame));
        // A write that fails is left to the driver whole: it will find that out, and what it means.
        let written = own_write.writer.try_write(&bytes, more_follows).unwrap_or(0);
        self.note_written_past(written, 1, clock::now().tick);
        let has_left = written == bytes.len();
        Ok((!has_left).then(|| (own_write, Bytes::from(bytes).split_off(written))))
    }
}
