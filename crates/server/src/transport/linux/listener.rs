//! A listening socket whose connections belong to no runtime yet.
//!
//! The runtime's own type makes what it accepts known to its own poller, from where it has to be taken
//! away again for the worker's: two system calls of each connection's.

use std::{
    ffi::OsStr,
    io,
    net::SocketAddr,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    sync::Arc,
};

use rustix::net::{AddressFamily, SocketFlags, acceptfrom_with};
use tokio::{io::Interest, net::UnixStream};

use crate::transport::{Bound, Incoming, PeerAddr};

pub(crate) struct BoundListener {
    bound: Bound,
    /// A duplicate of it, through which nothing goes. The runtime's type for Unix sockets is the one
    /// that takes any descriptor by a safe way and tells of its readiness.
    readiness: UnixStream,
}

impl BoundListener {
    /// Needs a runtime around it, and a socket in non-blocking mode.
    pub(crate) fn new(bound: Bound) -> io::Result<Self> {
        let duplicate = bound.as_fd().try_clone_to_owned()?;
        Ok(Self { bound, readiness: UnixStream::from_std(duplicate.into())? })
    }

    /// The next connection, in non-blocking mode, and where it is from.
    pub(crate) async fn accept(&self) -> io::Result<(Incoming, PeerAddr)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let accept = || Ok(acceptfrom_with(&self.bound, flags)?);
        let (stream, address) = self.readiness.async_io(Interest::READABLE, accept).await?;
        if let Bound::Unix { .. } = self.bound {
            let path = address
                .filter(|it| it.address_family() == AddressFamily::UNIX)
                .and_then(|it| rustix::net::SocketAddrUnix::try_from(it).ok())
                .and_then(|it| path(it.path_bytes()?));
            return Ok((Incoming::Unix(stream.into()), PeerAddr::Unix(path)));
        }
        let address = address.and_then(|address| SocketAddr::try_from(address).ok());
        let address = address.ok_or(io::ErrorKind::ConnectionAborted)?;
        Ok((Incoming::Tcp(stream.into()), address.into()))
    }
}

/// The path of a peer's socket; `None` if it has none.
fn path(bytes: &[u8]) -> Option<Arc<Path>> {
    (!bytes.is_empty()).then(|| Path::new(OsStr::from_bytes(bytes)).into())
}

impl AsFd for Bound {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix { socket, .. } => socket.as_fd(),
        }
    }
}
