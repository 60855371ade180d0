//! Plain TCP: a bound socket, and the loop that hands its connections to the workers.

use std::{
    io,
    net::{self, SocketAddr},
    sync::Arc,
    time::Duration,
};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

use crate::{
    http_server::Reception,
    log,
    visit::{Visit, greet},
    worker::Worker,
};

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

/// Accepts connections until told to stop. Runs on the first worker.
pub(crate) async fn accept(
    listener: TcpListener,
    workers: Arc<[Arc<Worker>]>,
    reception: Arc<Reception>,
) {
    loop {
        let accepted = tokio::select! {
            () = reception.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => place(stream, address, &workers, &reception),
            Err(error) if is_passing(&error) => {
                log::event!(DEBUG, { %error }, "a connection ended at once");
            }
            Err(error) => {
                // Out of descriptors or memory: the connection waits until there are some.
                log::event!(WARN, { %error }, "connections cannot be accepted for now");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Gives a connection to the worker with the fewest.
fn place(
    stream: TcpStream,
    address: SocketAddr,
    workers: &[Arc<Worker>],
    reception: &Arc<Reception>,
) {
    let Some(worker) = workers.iter().min_by_key(|worker| worker.connections().len()) else {
        return;
    };
    let (index, reception) = (worker.index(), Arc::clone(reception));
    if worker.is_here() {
        worker.spawn(Visit::new(greet(stream, address, index, reception)));
        return;
    }
    // A socket belongs to the runtime that it was made on.
    match stream.into_std() {
        Ok(stream) => worker.spawn(Visit::new(async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => greet(stream, address, index, reception).await,
                Err(error) => {
                    log::event!(WARN, { %address, %error }, "a connection could not be handed over");
                    None
                }
            }
        })),
        Err(error) => log::event!(WARN, { %address, %error }, "a connection could not be handed over"),
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
