//! Messages that are about to be written to a client at rest, past its driver.

use std::sync::Arc;

use aerys_proto::Encoding;
use bytes::Bytes;

use super::{Shared, outbox::Claim};
use crate::{runtime::clock::Tick, sync::Afterwards};

/// One client for which there is a [claim](Claim).
#[must_use = "the client is owed what is to be written"]
pub(crate) struct DirectWrite {
    shared: Arc<Shared>,
    claim: Claim,
}

/// What is to be written: messages as frames, each in one.
pub(crate) struct Frames {
    pub(crate) bytes: Bytes,
    pub(crate) count: usize,
    /// How long those are that are compressed, and what that has made of them.
    pub(crate) compressed: Option<(u64, u64)>,
}

impl DirectWrite {
    pub(super) fn new(shared: Arc<Shared>, claim: Claim) -> Self {
        Self { shared, claim }
    }

    /// What the frames are to be encoded by.
    pub(crate) fn encoding(&self) -> Encoding {
        self.claim.encoding
    }

    /// Writes once, what was claimed for; the driver does the rest.
    pub(crate) fn write(self, frames: &Frames, now: Tick, afterwards: &mut Afterwards) {
        let Self { shared, claim } = self;
        // One that fails is left to the driver whole: it will find that out, and what it means.
        let written = claim.writer.try_write(&frames.bytes, false).unwrap_or(0);
        shared.note_written_past(written, frames.count, now);
        if let Some((plain, compressed)) = frames.compressed {
            shared.counters().compressed(plain, compressed);
        }
        let unsent = (written < frames.bytes.len()).then(|| frames.bytes.slice(written..));
        shared.outbox.release(claim, unsent, afterwards);
    }
}
