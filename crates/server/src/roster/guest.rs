//! Clients without connections, and numbers that look random, for tests.

use std::{collections::VecDeque, sync::Arc};

use aerys_proto::Message;
use http::HeaderMap;

use super::Member;
use crate::{
    connection::{Shared, outbox::Receipt},
    error::SendError,
    options::{OutboxLimits, Overflow},
};

/// A client without a connection.
#[derive(Clone)]
pub(super) struct Guest(Arc<Shared>);

impl Member for Guest {
    fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Guest {
    pub(super) fn new() -> Self {
        let limits = OutboxLimits { max_queued_bytes: usize::MAX, overflow: Overflow::Close };
        let shared = Shared::new(limits, Arc::default());
        assert!(shared.outbox.accept(HeaderMap::new(), || ()));
        Self(Arc::new(shared))
    }

    /// What has been put into its outbox since this was last asked.
    pub(super) fn heard(&self) -> Vec<String> {
        let mut messages = VecDeque::new();
        assert_eq!(self.0.outbox.take(usize::MAX, &mut messages), None);
        messages.iter().map(ToString::to_string).collect()
    }

    pub(super) fn is_told(&self) -> bool {
        self.0.outbox.queued_bytes() > 0
    }

    /// Puts something into its outbox.
    pub(super) fn push(&self, message: Message, receipt: Receipt) -> Result<u64, SendError> {
        self.0.push(message, receipt)
    }

    pub(super) fn gone(&self) {
        self.0.gone();
    }
}

/// Numbers that look random.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        (self.0 >> 33) as usize % end
    }
}
