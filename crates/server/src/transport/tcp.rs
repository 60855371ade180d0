//! Plain TCP: a bound socket, and how those of its connections are set.

use std::{
    io,
    net::{self, SocketAddr},
};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::log;

/// How many connections the kernel keeps waiting to be accepted; it may cut this down.
const BACKLOG: i32 = 4096;

/// How much the kernel takes ahead of the peer, in bytes.
#[cfg(target_os = "linux")]
const NOT_SENT: u32 = 64 * 1024;

pub(crate) fn bind(address: SocketAddr) -> io::Result<net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that is started again takes over its port, though old connections linger.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // What is accepted inherits them, so that they cost no system call there.
    #[cfg(target_os = "linux")]
    tune(&socket, address);
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Sets what the sockets of connections go by.
pub(crate) fn tune<'s>(socket: impl Into<SockRef<'s>>, address: SocketAddr) {
    let socket = socket.into();
    if let Err(error) = socket.set_tcp_nodelay(true) {
        log::event!(DEBUG, { %address, %error }, "a socket keeps its delay");
    }
    // What waits, waits with us: then each bit that the peer reads is seen, and counted as queued.
    #[cfg(target_os = "linux")]
    if let Err(error) = socket.set_tcp_notsent_lowat(NOT_SENT) {
        log::event!(DEBUG, { %address, %error }, "a socket keeps its buffer");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[test]
    fn what_is_accepted_inherits_how_the_listener_is_tuned() -> io::Result<()> {
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into())?;
        listener.set_nonblocking(false)?;
        let _peer = TcpStream::connect(listener.local_addr()?)?;
        let (accepted, _) = listener.accept()?;
        let accepted = SockRef::from(&accepted);
        assert!(accepted.tcp_nodelay()?);
        assert_eq!(accepted.tcp_notsent_lowat()?, NOT_SENT);
        Ok(())
    }
}
