//! Plain TCP: a bound socket, and how those of its connections are set.

use std::{
    io,
    net::{self, SocketAddr},
};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::{UnsentLimit, stream};
use crate::log;

/// How many connections the kernel keeps waiting to be accepted; it may cut this down.
pub(super) const BACKLOG: i32 = 4096;

pub(super) fn bind(address: SocketAddr, reuses_port: bool) -> io::Result<net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that is started again takes over its port, though old connections linger.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if reuses_port {
        reuse_port(&socket)?;
    }
    socket.set_nonblocking(true)?;
    if stream::inherits_options() {
        // So that what is accepted costs no system call for it.
        tune(&socket, address);
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Lets others bind the same port that do this too.
#[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
fn reuse_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(all(
    unix,
    not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))
)))]
fn reuse_port(_: &Socket) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system has no ports that are shared (reuse_port)",
    ))
}

/// Sets what the sockets go by that are accepted by one that was bound elsewhere.
pub(super) fn tune_listener(socket: &net::TcpListener) {
    if stream::inherits_options()
        && let Ok(address) = socket.local_addr()
    {
        tune(socket, address);
    }
}

/// Sets what the sockets of connections go by.
pub(super) fn tune<'s>(socket: impl Into<SockRef<'s>>, address: SocketAddr) {
    let socket = socket.into();
    if let Err(error) = socket.set_tcp_nodelay(true) {
        log::event!(DEBUG, { %address, %error }, "a socket keeps its delay");
    }
    if let Err(error) = stream::limit_unsent(&socket, UnsentLimit::Usual) {
        log::event!(DEBUG, { %address, %error }, "a socket keeps its buffer");
    }
}
