//! A connection that another hyper server gives away, back as the socket that it is if it is one.

use std::io;

use bytes::Bytes;
use hyper_util::{rt::TokioIo, server::conn::auto};
use tokio::net;

#[cfg(unix)]
use super::system::UnixStream;
use super::{async_io::AsyncIo, system::TcpStream, tcp};

pub(crate) enum Upgraded {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    Other(AsyncIo<TokioIo<hyper::upgrade::Upgraded>>),
}

impl Upgraded {
    /// Takes it over to the runtime around this; what was read of it already is beside it.
    pub(crate) fn new(upgraded: hyper::upgrade::Upgraded) -> io::Result<(Self, Bytes)> {
        let upgraded = match take::<net::TcpStream>(upgraded) {
            Ok((stream, early)) => {
                tcp::tune(&stream, stream.peer_addr()?);
                return Ok((Self::Tcp(TcpStream::from_std(stream.into_std()?)?), early));
            }
            Err(other) => other,
        };
        #[cfg(unix)]
        let upgraded = match take::<net::UnixStream>(upgraded) {
            Ok((stream, early)) => {
                let stream = UnixStream::from_std(stream.into_std()?)?;
                return Ok((Self::Unix(stream), early));
            }
            Err(other) => other,
        };
        Ok((Self::Other(AsyncIo::new(TokioIo::new(upgraded))), Bytes::new()))
    }
}

/// The stream inside, if it is of this type, whether `axum::serve` has it or a plain hyper connection.
fn take<S>(upgraded: hyper::upgrade::Upgraded) -> Result<(S, Bytes), hyper::upgrade::Upgraded>
where
    TokioIo<S>: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    match auto::upgrade::downcast::<TokioIo<S>>(upgraded) {
        Ok(parts) => Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => {
            let parts = upgraded.downcast::<TokioIo<S>>()?;
            Ok((parts.io.into_inner(), parts.read_buf))
        }
    }
}
