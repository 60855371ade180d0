//! Plain TCP: a bound socket, and the loop that places its connections.

use std::{
    io, mem,
    net::{self, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::time::sleep;

use super::{intake::Intakes, system::Listener};
use crate::log;

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

/// Accepts connections and places them, for as long as this is polled. Needs a thread with nothing
/// else to do that could not wait for [`GATHER`].
pub(crate) async fn accept(listener: &Listener, intakes: &Intakes) {
    let mut last = Instant::now();
    loop {
        let mut next = Some(listener.accept().await);
        let is_rush = mem::replace(&mut last, Instant::now()).elapsed() < RUSH;
        while let Some(accepted) = next {
            match accepted {
                Ok((stream, address)) => intakes.place(stream, address),
                Err(error) if is_passing(&error) => {
                    log::event!(DEBUG, { %error }, "a connection ended at once");
                }
                Err(error) => {
                    // Out of descriptors or memory: the connection waits until there are some.
                    log::event!(WARN, { %error }, "connections cannot be accepted for now");
                    sleep(PAUSE).await;
                }
            }
            next = listener.accept().now_or_never();
        }
        if is_rush {
            // The runtime's timers know no time as short as this.
            thread::sleep(GATHER);
        }
    }
}

/// The peer hung up before it was accepted, or a signal came in between.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// How many connections the kernel keeps waiting to be accepted; it may cut this down.
const BACKLOG: i32 = 4096;

const PAUSE: Duration = Duration::from_millis(50);

/// Connections that come within this time of others come in a rush.
const RUSH: Duration = Duration::from_millis(1);

/// For how long those of a rush gather. To be woken for each costs 3 µs, a seventh of a handshake.
const GATHER: Duration = Duration::from_micros(300);

/// How much the kernel takes ahead of the peer, in bytes.
#[cfg(target_os = "linux")]
const NOT_SENT: u32 = 64 * 1024;

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
