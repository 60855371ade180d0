//! A client's connection, in clear or within TLS, which never blocks.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
};

use anyhow::{Context as _, Result};
use mio::net::TcpStream;

use super::{Visit, tls::TlsStream};

/// A read that does not fill its buffer has emptied the socket.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

impl Stream {
    /// Begins to connect.
    ///
    /// # Errors
    ///
    /// If that fails at once.
    pub(super) fn connect(visit: &Visit) -> Result<Self> {
        let socket = TcpStream::connect(visit.address).context("connect")?;
        Ok(match &visit.tls {
            Some(config) => Self::Tls(Box::new(TlsStream::new(socket, config)?)),
            None => Self::Plain(socket),
        })
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.socket(),
        }
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    ///
    /// If the connection is gone.
    pub(super) fn shutdown(&mut self) -> io::Result<()> {
        if let Self::Tls(stream) = self {
            stream.close()?;
        }
        self.socket().shutdown(Shutdown::Write)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
