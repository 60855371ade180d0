//! Writing what more will follow at once: the kernel takes it, and waits with sending.
//!
//! A handler that awaits each send has each message handed over by itself. While others of the same
//! read wait for their turn, their answers are on their way too, and all leave together. Elsewhere
//! than on Linux nothing is held back. A handler that blocks its thread holds back what it has said
//! before, as it does everything else on that thread.

use std::{io, task::Poll};

use tokio::net::TcpStream;

/// Whether the kernel holds something back.
#[derive(Debug, Default)]
pub(super) struct Cork {
    holds: bool,
}

impl Cork {
    /// Hands over `bytes`, and has the kernel wait for more. `None` if it cannot now, or never.
    #[cfg(target_os = "linux")]
    pub(super) fn write(
        &mut self,
        stream: &TcpStream,
        bytes: &[u8],
    ) -> Option<Poll<io::Result<usize>>> {
        use rustix::net::{SendFlags, send};
        use tokio::io::Interest;

        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        let write = || send(stream, bytes, flags).map_err(io::Error::from);
        match stream.try_io(Interest::WRITABLE, write) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            written => {
                self.holds = true;
                Some(Poll::Ready(written))
            }
        }
    }

    /// Hands over `bytes`, and has the kernel wait for more. `None` if it cannot now, or never.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn write(&mut self, _: &TcpStream, _: &[u8]) -> Option<Poll<io::Result<usize>>> {
        None
    }

    /// Something is about to be written that nothing is to wait for: what was held back leaves with
    /// it.
    pub(super) fn pass(&mut self) {
        self.holds = false;
    }

    /// Nothing more follows for now: what was held back leaves.
    pub(super) fn pull(&mut self, stream: &TcpStream) {
        if std::mem::take(&mut self.holds) {
            // Setting it anew sends what waits. If it fails, the socket will say so itself.
            let _ = stream.set_nodelay(true);
        }
    }
}
