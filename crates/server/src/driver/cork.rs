//! Writing what more will follow at once: the kernel takes it, and waits with sending.
//!
//! A handler that awaits each send has each message handed over by itself. While others of the same
//! read wait for their turn, their answers are on their way too, and all leave together. Elsewhere
//! than on Linux nothing is held back. A handler that blocks its thread holds back what it has said
//! before, as it does everything else on that thread.

use tokio::net::TcpStream;

use crate::transport::stream;

/// Whether the kernel holds something back.
#[derive(Debug, Default)]
pub(super) struct Cork {
    holds: bool,
}

impl Cork {
    /// Something was handed over. What was held back before leaves with it, unless it is held back
    /// itself because `more_follows`.
    pub(super) fn holds(&mut self, more_follows: bool) {
        self.holds = more_follows && stream::holds_back();
    }

    /// Nothing more follows for now: what was held back leaves.
    pub(super) fn pull(&mut self, stream: &TcpStream) {
        if std::mem::take(&mut self.holds) {
            // Setting it anew sends what waits. If it fails, the socket will say so itself.
            let _ = stream.set_nodelay(true);
        }
    }
}
