//! What callbacks and tasks leave behind: that they ran, and that they were dropped.

use aerys::Failure;

use super::Journal;

impl Journal {
    /// As [`note`](Self::note), for a callback that has nothing else to do.
    pub(crate) fn told(&self, line: &str) -> Result<(), Failure> {
        self.note(line);
        Ok(())
    }
}

/// Notes `dropped` when it is; kept by a future or a closure, for as long as that lives.
pub(crate) struct Dropped(pub(crate) Journal);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}
