//! A listening socket, where there is nothing better than the runtime's own.

use std::{
    io,
    net::{self, SocketAddr},
};

use tokio::net::TcpListener;

use crate::transport::tcp;

pub(crate) struct Listener(TcpListener);

impl Listener {
    /// Needs a runtime around it, and a socket in non-blocking mode.
    pub(crate) fn new(socket: net::TcpListener) -> io::Result<Self> {
        TcpListener::from_std(socket).map(Self)
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// The next connection, in non-blocking mode, and where it is from.
    pub(crate) async fn accept(&self) -> io::Result<(net::TcpStream, SocketAddr)> {
        let (stream, address) = self.0.accept().await?;
        tcp::tune(&stream, address);
        Ok((stream.into_std()?, address))
    }
}
