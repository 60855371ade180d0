//! Opening beneath a folder with what every system has.
//!
//! Who may change what is in the folder can win a race here: a link that is put where the way has
//! already been looked at is followed.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use super::{Entry, Folder};

pub(super) struct Root<'f> {
    folder: &'f Folder,
}

impl<'f> Root<'f> {
    pub(super) fn new(folder: &'f Folder) -> io::Result<Self> {
        Ok(Self { folder })
    }

    pub(super) fn open(&self, name: &Path) -> io::Result<Option<Entry>> {
        let root = fs::canonicalize(&self.folder.path)?;
        let target = fs::canonicalize(root.join(name))?;
        if !self.folder.follow_links && !target.starts_with(root) {
            return Ok(None);
        }
        let metadata = fs::symlink_metadata(&target)?;
        if metadata.is_dir() {
            return Ok(Some(Entry::Folder));
        }
        if !metadata.is_file() {
            return Ok(None);
        }
        let file = open_file(&target)?;
        let metadata = file.metadata()?;
        Ok(metadata.is_file().then_some(Entry::File(file, metadata)))
    }
}

/// Should it have become a pipe since it was looked at, opening it does not block.
#[cfg(unix)]
fn open_file(path: &Path) -> io::Result<File> {
    use rustix::{
        fs::{Mode, OFlags},
        io::retry_on_intr,
    };
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::open(path, OFlags::RDONLY | flags, Mode::empty());
    Ok(retry_on_intr(open)?.into())
}

#[cfg(not(unix))]
fn open_file(path: &Path) -> io::Result<File> {
    File::open(path)
}
