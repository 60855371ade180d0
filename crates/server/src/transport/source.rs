//! What a listener's socket is made of, and the socket.

#[cfg(unix)]
use std::os::unix::net::UnixListener;
use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
};

use super::tcp;
#[cfg(unix)]
use super::{
    systemd,
    unix::{self, SocketFile},
};

/// As it is asked for.
#[derive(Debug)]
pub(super) enum Source {
    Address(SocketAddr),
    Text(String),
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(SocketFile),
    #[cfg(unix)]
    UnixBound(UnixListener),
    #[cfg(unix)]
    Systemd(usize),
}

/// A socket that is bound, and listens.
pub(crate) enum Bound {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        socket: UnixListener,
        /// Removed when this is dropped, if it is ours.
        _file: Option<unix::Bound>,
    },
}

impl Source {
    /// What a text names, as [`Listener`](super::Listener) has it.
    pub(super) fn parse(text: &str) -> io::Result<Self> {
        #[cfg(unix)]
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(SocketFile::new(path.into())));
        }
        #[cfg(unix)]
        if let Some(number) = text.strip_prefix("systemd:").and_then(|it| it.parse().ok()) {
            return Ok(Self::Systemd(number));
        }
        text.parse().map(Self::Address).map_err(|_| {
            let write = "write an IP address and a port, as in \"127.0.0.1:8080\" or \"[::1]:8080\", \
                         or \"unix:/path\"";
            io::Error::new(io::ErrorKind::InvalidInput, write)
        })
    }

    /// Whether another process may have the same socket.
    pub(super) fn is_passed_on(&self) -> bool {
        match self {
            Self::Text(text) => text.starts_with("systemd:"),
            #[cfg(unix)]
            Self::Systemd(_) => true,
            _ => false,
        }
    }

    /// Listens, in non-blocking mode.
    pub(super) fn bind(self, reuses_port: bool) -> io::Result<Bound> {
        match self {
            Self::Address(address) => tcp::bind(address, reuses_port).map(Bound::Tcp),
            Self::Text(text) => Self::parse(&text)?.bind(reuses_port),
            _ if reuses_port => {
                let sentence = "only an IP address and a port that are bound here can be shared \
                                (reuse_port): no Unix socket, and none that is bound already";
                Err(io::Error::new(io::ErrorKind::InvalidInput, sentence))
            }
            Self::Tcp(socket) => {
                tcp::tune_listener(&socket);
                socket.set_nonblocking(true)?;
                Ok(Bound::Tcp(socket))
            }
            #[cfg(unix)]
            Self::Unix(file) => {
                let (socket, file) = file.bind()?;
                Ok(Bound::Unix { socket, _file: Some(file) })
            }
            #[cfg(unix)]
            Self::UnixBound(socket) => {
                socket.set_nonblocking(true)?;
                Ok(Bound::Unix { socket, _file: None })
            }
            #[cfg(unix)]
            Self::Systemd(number) => systemd::take(number)?.bind(false),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Tcp(socket) => match socket.local_addr() {
                Ok(address) => address.fmt(f),
                Err(_) => f.write_str("a socket"),
            },
            #[cfg(unix)]
            Self::Unix(file) => write!(f, "unix:{}", file.path.display()),
            #[cfg(unix)]
            Self::UnixBound(_) => f.write_str("a Unix socket"),
            #[cfg(unix)]
            Self::Systemd(number) => write!(f, "systemd:{number}"),
        }
    }
}

impl Bound {
    pub(crate) fn socket_addr(&self) -> io::Result<Option<SocketAddr>> {
        match self {
            Self::Tcp(socket) => socket.local_addr().map(Some),
            #[cfg(unix)]
            Self::Unix { .. } => Ok(None),
        }
    }
}
