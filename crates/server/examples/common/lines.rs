//! Lines that are read from a descriptor when there is something to read.

use std::{
    fs::File,
    io::{self, Read},
    mem,
    os::fd::OwnedFd,
    sync::Arc,
};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// A descriptor that can be waited for: reads and writes answer at once.
pub(crate) fn nonblocking(descriptor: OwnedFd) -> io::Result<Arc<File>> {
    fcntl_setfl(&descriptor, fcntl_getfl(&descriptor)? | OFlags::NONBLOCK)?;
    Ok(Arc::new(descriptor.into()))
}

pub(crate) struct Lines {
    source: Arc<File>,
    unfinished: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(source: Arc<File>) -> Self {
        Self { source, unfinished: Vec::new() }
    }

    /// Reads once, and gives the lines that are finished by it; at the end, what is left.
    pub(crate) fn read(&mut self) -> io::Result<Vec<String>> {
        let mut buffer = [0; 16 * 1024];
        let count = (&*self.source).read(&mut buffer)?;
        self.unfinished.extend_from_slice(&buffer[..count]);
        if count == 0 {
            let rest = mem::take(&mut self.unfinished);
            return Ok(String::from_utf8_lossy(&rest).lines().map(str::to_owned).collect());
        }
        let Some(end) = buffer[..count].iter().rposition(|&byte| byte == b'\n') else {
            return Ok(Vec::new());
        };
        let rest = self.unfinished.split_off(self.unfinished.len() - count + end + 1);
        let finished = mem::replace(&mut self.unfinished, rest);
        Ok(String::from_utf8_lossy(&finished).lines().map(str::to_owned).collect())
    }
}
