//! Opening beneath a folder by `openat2(2)`: the kernel sees to it that no link leads out, whoever
//! moves what meanwhile.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::{
    fd::OwnedFd,
    fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2},
    io::{Errno, retry_on_intr},
};

use super::{Entry, Folder, portable};

pub(super) struct Root<'f> {
    folder: &'f Folder,
    descriptor: OwnedFd,
}

impl<'f> Root<'f> {
    pub(super) fn new(folder: &'f Folder) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = || rustix::fs::open(&folder.path, flags, Mode::empty());
        let descriptor = retry_on_intr(open)?;
        Ok(Self { folder, descriptor })
    }

    pub(super) fn open(&self, name: &Path) -> io::Result<Option<Entry>> {
        let beneath = ResolveFlags::BENEATH;
        let resolve = if self.folder.follow_links { ResolveFlags::empty() } else { beneath };
        match self.open_with(name, resolve) {
            // It refuses every absolute link; one that leads into the root is as good as another.
            Err(Errno::XDEV) => match self.inside(name)? {
                Some(inside) => Ok(self.open_with(&inside, beneath | ResolveFlags::NO_SYMLINKS)?),
                None => Ok(None),
            },
            // There is no such call, it is forbidden, or so much moves that it gives up.
            Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => {
                portable::Root::new(self.folder)?.open(name)
            }
            opened => Ok(opened?),
        }
    }

    fn open_with(&self, name: &Path, resolve: ResolveFlags) -> Result<Option<Entry>, Errno> {
        let open = |flags| {
            let flags = flags | OFlags::CLOEXEC;
            retry_on_intr(|| openat2(&self.descriptor, name, flags, Mode::empty(), resolve))
        };
        // Neither a device nor a pipe notices that it is looked at so.
        let status = fstat(open(OFlags::PATH)?)?;
        match FileType::from_raw_mode(status.st_mode) {
            FileType::Directory => return Ok(Some(Entry::Folder)),
            FileType::RegularFile => {}
            _ => return Ok(None),
        }
        // Should it have become a pipe since, that does not block.
        let file = File::from(open(OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?);
        let metadata = file.metadata();
        let metadata = metadata.map_err(|it| Errno::from_io_error(&it).unwrap_or(Errno::IO))?;
        Ok(metadata.is_file().then_some(Entry::File(file, metadata)))
    }

    /// Where a name leads to, as a path in the root without links; `None` if that is outside.
    fn inside(&self, name: &Path) -> io::Result<Option<PathBuf>> {
        let root = fs::canonicalize(&self.folder.path)?;
        let target = fs::canonicalize(root.join(name))?;
        Ok(target.strip_prefix(&root).ok().map(|inside| Path::new(".").join(inside)))
    }
}
