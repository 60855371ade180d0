//! A descriptor that is kept for when there is no other. It is given up for a moment then, so that whoever comes
//! can be accepted, and closed, instead of being left waiting.

use std::{fs::File, io};

use futures_util::FutureExt;

use crate::transport::BoundListener;

pub(super) struct Spare(Option<File>);

impl Spare {
    pub(super) fn new() -> Self {
        Self(open())
    }

    /// Accepts the next connection in the spare's place, and closes it. False if that was not to be had: there
    /// is none, or another thread was faster.
    pub(super) fn shed(&mut self, listener: &BoundListener) -> bool {
        let had_one = self.0.take().is_some();
        let accepted = had_one && matches!(listener.accept().now_or_never(), Some(Ok(_)));
        // What was accepted is closed by now.
        self.0 = open();
        accepted
    }
}

#[cfg(unix)]
fn open() -> Option<File> {
    File::open("/dev/null").ok()
}

#[cfg(not(unix))]
fn open() -> Option<File> {
    None
}

/// Whether the process, or the system, has no descriptor left.
#[cfg(unix)]
pub(super) fn is_out_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(not(unix))]
pub(super) fn is_out_of_descriptors(_: &io::Error) -> bool {
    false
}
