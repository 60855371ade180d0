//! The kernel's sockets: TCP, and Unix where there are such.

#[cfg(unix)]
use std::os::fd::AsFd as AsDescriptor;
#[cfg(windows)]
use std::os::windows::io::AsSocket as AsDescriptor;
use std::{
    io::{self, IoSlice},
    net::Shutdown,
    task::{Context, Poll},
    time::Duration,
};

use bytes::BufMut;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::Interest;

#[cfg(unix)]
use super::system::UnixStream;
use super::{Transport, TryWrite, UnsentLimit, stream, system::TcpStream};

/// After how long a silence it is asked whether a half-closed peer is there at all.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// What a system's types for sockets have in common, under the names that the runtime's have for it.
pub(crate) trait Socket: AsDescriptor + Send + Sync {
    #[allow(dead_code, reason = "only Linux' calls go through it")]
    fn try_io<T>(&self, interest: Interest, call: impl FnOnce() -> io::Result<T>) -> io::Result<T>;
    fn try_read_buf(&self, room: &mut impl BufMut) -> io::Result<usize>;
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Resolves when there is something of interest: whether the peer's side was closed.
    fn ready(&self, interest: Interest) -> impl Future<Output = io::Result<bool>> + Send;
}

macro_rules! transport {
    ($Stream:ident, $is_tcp:literal) => {
        impl TryWrite for $Stream {
            fn try_write(&self, bytes: &[u8], more_follows: bool) -> io::Result<usize> {
                stream::try_send(self, bytes, more_follows && $is_tcp)
            }
        }

        impl Transport for $Stream {
            #[inline]
            fn poll_read(
                &self,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                stream::poll_recv(self, cx, buffer)
            }

            fn poll_read_buf(
                &self,
                cx: &mut Context<'_>,
                room: &mut impl BufMut,
            ) -> Poll<io::Result<usize>> {
                stream::poll_recv_buf(self, cx, room)
            }

            #[inline]
            fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
                Socket::poll_read_ready(self, cx).map(drop)
            }

            #[inline]
            fn poll_write(
                &self,
                cx: &mut Context<'_>,
                bytes: &[u8],
                more_follows: bool,
            ) -> Poll<io::Result<usize>> {
                stream::poll_send(self, cx, bytes, more_follows && $is_tcp)
            }

            fn poll_write_vectored(
                &self,
                cx: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                stream::poll_send_vectored(self, cx, slices)
            }

            fn limit_unsent(&self, limit: UnsentLimit) {
                if $is_tcp {
                    // A socket that refuses takes what it took before.
                    let _ = stream::limit_unsent(&SockRef::from(self), limit);
                }
            }

            #[inline]
            fn waits_for_flush(more_follows: bool) -> bool {
                more_follows && $is_tcp && stream::holds_back()
            }

            fn poll_flush(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                if $is_tcp {
                    // Setting it anew sends what waits. If it fails, the socket will say so itself.
                    let _ = SockRef::from(self).set_tcp_nodelay(true);
                }
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(SockRef::from(self).shutdown(Shutdown::Write))
            }

            fn unacknowledged(&self) -> Option<usize> {
                aerys_sys::unacknowledged(self)
            }

            async fn read_closed(&self) {
                stream::read_closed(self).await;
            }

            async fn broken(&self) {
                let _ = Socket::ready(self, Interest::ERROR).await;
            }

            /// A half-closed peer looks like one that has gone, until something is sent to it.
            fn keep_alive(&self) {
                if $is_tcp {
                    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
                    // A socket that refuses is one that has gone.
                    let _ = SockRef::from(self).set_tcp_keepalive(&keepalive);
                }
            }

            fn reset_on_close(&self) {
                // A socket that refuses is one that has gone.
                let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
            }
        }
    };
}

transport!(TcpStream, true);
#[cfg(unix)]
transport!(UnixStream, false);
