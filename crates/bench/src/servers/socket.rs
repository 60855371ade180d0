//! The listening socket, and tokio's way to serve it: one thread, one task for each connection.

use std::{
    future::Future,
    io::{self, Write},
    net,
};

use anyhow::Result;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Builder,
};

use super::Settings;

/// As many as connect at once before they are accepted; the kernel may cut this down.
const BACKLOG: i32 = 4096;

/// A socket that listens and does not block. Its address is announced.
pub(super) fn listen(settings: &Settings) -> Result<net::TcpListener> {
    let address = settings.address;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = net::TcpListener::from(socket);
    announce(listener.local_addr()?)?;
    Ok(listener)
}

/// Tells who started the server that it listens.
pub(super) fn announce(address: net::SocketAddr) -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "ready {address}")?;
    Ok(stdout.flush()?)
}

/// Serves each connection in a task of its own, all on this thread.
///
/// How a connection ends is its client's affair, so errors are let go.
pub(super) fn serve<S, C>(settings: &Settings, connection: S) -> Result<()>
where
    S: Fn(TcpStream) -> C,
    C: Future<Output = Result<()>> + Send + 'static,
{
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::from_std(listen(settings)?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(connection(stream));
        }
    })
}
