//! A message that a session says to its own client and awaits, written where it is said.

use std::task::Context;

use aerys_proto::{Config, Message};
use bytes::Bytes;

use super::{
    Shared,
    mailbox::Mailbox,
    outbox::{Receipt, cost},
};
use crate::{error::SendError, runtime::clock};

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
        match self.write_own(message, config, receipt) {
            Ok(outcome) => outcome,
            Err(message) => self.push(message, receipt()).map(Some),
        }
    }

    /// Writes a message at once if it is the session's own that says it and nothing goes before it, or gives
    /// it back.
    fn write_own(
        &self,
        message: Message,
        config: &Config,
        receipt: impl FnOnce() -> Receipt,
    ) -> Result<Result<Option<u64>, SendError>, Message> {
        let cost = cost(&message);
        if message.len() > config.auto_frame_size.min(MAX_OWN_WRITE) {
            return Err(message);
        }
        let Some(more_follows) = Mailbox::allow_write(cost, &self.outbox) else {
            return Err(message);
        };
        let Some(own_write) = self.outbox.begin_own_write() else { return Err(message) };
        let frame = own_write.encoding.into_frame(message, config);
        let bytes = [frame.header(), frame.payload()].concat();
        // A write that fails is left to the driver whole: it will find that out, and what it means.
        let written = own_write.writer.try_write(&bytes, more_follows).unwrap_or(0);
        self.meter.written_past(written, 1, clock::now().tick);
        if written == bytes.len() {
            return Ok(Ok(None));
        }
        let unsent = Bytes::from(bytes).split_off(written);
        Ok(self.outbox.end_own_write(own_write, cost, unsent, receipt()).map(Some))
    }
}
