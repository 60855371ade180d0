//! Sockets as the runtime knows them.

use std::{
    io::{self, IoSlice},
    task::{Context, Poll},
};

use bytes::BufMut;
use tokio::io::Interest;
pub(crate) use tokio::net::TcpStream;
#[cfg(unix)]
pub(crate) use tokio::net::UnixStream;
pub(crate) use tokio::task::yield_now;

use crate::transport::socket::Socket;

/// There is no other reactor than the runtime's.
pub(crate) struct Reactor;

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn start(&self) {}

    pub(crate) async fn react(&self) -> io::Result<()> {
        Ok(())
    }
}

macro_rules! socket {
    ($Stream:ident) => {
        impl Socket for $Stream {
            #[inline]
            fn try_io<T>(
                &self,
                interest: Interest,
                call: impl FnOnce() -> io::Result<T>,
            ) -> io::Result<T> {
                $Stream::try_io(self, interest, call)
            }

            fn try_read_buf(&self, room: &mut impl BufMut) -> io::Result<usize> {
                $Stream::try_read_buf(self, room)
            }

            fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                $Stream::try_write_vectored(self, slices)
            }

            #[inline]
            fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                $Stream::poll_read_ready(self, cx)
            }

            #[inline]
            fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                $Stream::poll_write_ready(self, cx)
            }

            async fn ready(&self, interest: Interest) -> io::Result<bool> {
                Ok($Stream::ready(self, interest).await?.is_read_closed())
            }
        }
    };
}

socket!(TcpStream);
#[cfg(unix)]
socket!(UnixStream);
