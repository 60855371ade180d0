//! Unix sockets, which have files.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt, chown},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use socket2::{Domain, SockAddr, Socket, Type};

use super::tcp::BACKLOG;

/// A file to be made.
#[derive(Debug)]
pub(crate) struct SocketFile {
    pub(super) path: PathBuf,
    pub(super) mode: Option<u32>,
    pub(super) owner: (Option<u32>, Option<u32>),
}

/// The file of a socket that is bound: it is removed when this is dropped, unless another one has
/// taken its place.
pub(crate) struct Bound {
    path: PathBuf,
    identity: Identity,
}

/// A device, a number on it, and when what has that number was last changed, in seconds and nanoseconds:
/// numbers are given again.
type Identity = (u64, u64, i64, i64);

impl SocketFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, mode: None, owner: (None, None) }
    }

    /// Nobody can connect before the file is as it is to be: the socket does not listen until then.
    pub(super) fn bind(self) -> io::Result<(UnixListener, Bound)> {
        remove_stale(&self.path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(&self.path)?)?;
        if let Some(mode) = self.mode {
            fs::set_permissions(&self.path, fs::Permissions::from_mode(mode))?;
        }
        if self.owner != (None, None) {
            chown(&self.path, self.owner.0, self.owner.1)?;
        }
        socket.listen(BACKLOG)?;
        let identity = identity(&self.path)?;
        Ok((socket.into(), Bound { path: self.path, identity }))
    }
}

/// Removes a socket on which nobody listens any more.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(it) if !it.file_type().is_socket() => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file is there that is no socket"))
        }
        Ok(_) => match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
            Err(error) => Err(error),
            Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        },
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let it = fs::symlink_metadata(path)?;
    Ok((it.dev(), it.ino(), it.ctime(), it.ctime_nsec()))
}

impl Drop for Bound {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // Whoever has removed it in the meantime was faster.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_as_it_is_asked_for_and_removed_at_the_end() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.sock");
        let mut file = SocketFile::new(path.clone());
        file.mode = Some(0o640);
        let (_socket, bound) = file.bind()?;
        let it = fs::symlink_metadata(&path)?;
        assert!(it.file_type().is_socket());
        assert_eq!(it.permissions().mode() & 0o777, 0o640);
        drop(bound);
        assert!(!path.exists());
        Ok(())
    }

    #[test]
    fn one_that_is_stale_is_replaced_and_any_other_is_not() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.sock");
        let bind = || SocketFile::new(path.clone()).bind();
        drop(UnixListener::bind(&path)?);
        let (socket, bound) = bind()?;
        assert_eq!(bind().err().map(|it| it.kind()), Some(io::ErrorKind::AddrInUse));
        // Another server's takes its place. It is made beside it, so that it has a number of its own.
        let other = folder.path().join("b.sock");
        let _other = SocketFile::new(other.clone()).bind()?;
        fs::rename(&other, &path)?;
        drop((socket, bound));
        assert!(path.exists(), "it is the other's");
        fs::remove_file(&path)?;
        fs::write(&path, "")?;
        assert_eq!(bind().err().map(|it| it.kind()), Some(io::ErrorKind::AlreadyExists));
        Ok(())
    }
}
