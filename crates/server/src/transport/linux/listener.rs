//! A listening socket whose connections belong to no runtime yet.
//!
//! The runtime's own type makes what it accepts known to its own poller, from where it has to be taken
//! away again for the worker's: two system calls of each connection's.

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
};

use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::{io::Interest, net::UnixStream};

pub(crate) struct Listener {
    socket: TcpListener,
    /// A duplicate of it, through which nothing goes. The runtime's type for Unix sockets is the one
    /// that takes any descriptor by a safe way and tells of its readiness.
    readiness: UnixStream,
}

impl Listener {
    /// Needs a runtime around it, and a socket in non-blocking mode.
    pub(crate) fn new(socket: TcpListener) -> io::Result<Self> {
        let duplicate = OwnedFd::from(socket.try_clone()?);
        Ok(Self { socket, readiness: UnixStream::from_std(duplicate.into())? })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The next connection, in non-blocking mode, and where it is from.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let accept = || Ok(acceptfrom_with(&self.socket, flags)?);
        let (stream, address) = self.readiness.async_io(Interest::READABLE, accept).await?;
        let address = address.and_then(|address| SocketAddr::try_from(address).ok());
        Ok((stream.into(), address.ok_or(io::ErrorKind::ConnectionAborted)?))
    }
}
