//! A listening socket, where there is nothing better than the runtime's own.

use std::io;

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

#[cfg(unix)]
use crate::transport::unix;
use crate::transport::{Bound, Incoming, PeerAddr, tcp};

pub(crate) enum BoundListener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        socket: UnixListener,
        _file: Option<unix::Bound>,
    },
}

impl BoundListener {
    /// Needs a runtime around it, and a socket in non-blocking mode.
    pub(crate) fn new(bound: Bound) -> io::Result<Self> {
        match bound {
            Bound::Tcp(socket) => TcpListener::from_std(socket).map(Self::Tcp),
            #[cfg(unix)]
            Bound::Unix { socket, _file } => {
                Ok(Self::Unix { socket: UnixListener::from_std(socket)?, _file })
            }
        }
    }

    /// The next connection, in non-blocking mode, and where it is from.
    pub(crate) async fn accept(&self) -> io::Result<(Incoming, PeerAddr)> {
        match self {
            Self::Tcp(socket) => {
                let (stream, address) = socket.accept().await?;
                tcp::tune(&stream, address);
                Ok((Incoming::Tcp(stream.into_std()?), address.into()))
            }
            #[cfg(unix)]
            Self::Unix { socket, .. } => {
                let (stream, address) = socket.accept().await?;
                let path = address.as_pathname().map(Into::into);
                Ok((Incoming::Unix(stream.into_std()?), PeerAddr::Unix(path)))
            }
        }
    }
}
