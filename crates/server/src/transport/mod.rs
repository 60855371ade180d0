//! Connected streams, as those above need them, and where they come from.

mod async_io;
mod client_addr;
mod forwarded;
#[cfg(feature = "http2")]
pub(crate) mod http2;
#[cfg(not(feature = "http2"))]
#[path = "no_http2.rs"]
pub(crate) mod http2;
mod listener;
#[cfg(feature = "test")]
pub(crate) mod memory;
mod peer;
pub(crate) mod proxy_protocol;
mod read_buffer;
mod socket;
mod source;
#[cfg(all(target_os = "linux", not(aerys_portable)))]
#[path = "linux/mod.rs"]
mod system;
#[cfg(not(all(target_os = "linux", not(aerys_portable))))]
#[path = "portable/mod.rs"]
mod system;
#[cfg(unix)]
mod systemd;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(unix)]
mod unix;
mod upgraded;
mod versions;

use std::{
    io::{self, IoSlice},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::BufMut;

#[cfg(unix)]
pub(crate) use self::system::UnixStream;
use self::system::stream;
#[cfg(feature = "tls")]
pub use self::tls::{Tls, TlsInfo};
pub(crate) use self::{
    client_addr::{ClientAddr, Requester},
    forwarded::ForwardedHeader,
    listener::ListenerRules,
    peer::{PeerInfo, Proxied},
    read_buffer::{READ_BUFFER_SIZE, with_read_buffer},
    source::Bound,
    system::{BoundListener, Reactor, TcpStream, yield_now},
    tls::{TlsAcceptor, TlsStream},
    upgraded::Upgraded,
    versions::Versions,
};
pub use self::{
    forwarded::Forwarded,
    listener::Listener,
    peer::{ClientIp, PeerAddr},
};

/// What those who connect to a listener speak.
#[derive(Clone)]
pub(crate) struct Spoken {
    /// Unless it is clear text.
    pub(crate) tls: Option<Arc<TlsAcceptor>>,
    /// Which versions of HTTP, if it is clear text.
    pub(crate) versions: Versions,
    /// Whether they begin with a header of the PROXY protocol.
    pub(crate) proxy_protocol: bool,
    /// What is taken from the headers of those who are trusted.
    pub(crate) forwarded: Forwarded,
}

/// A connection that belongs to no runtime yet, in non-blocking mode.
pub(crate) enum Incoming {
    Tcp(std::net::TcpStream),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

/// How much the kernel takes of what is written ahead of the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UnsentLimit {
    /// Little: what the kernel has can be neither dropped nor replaced, and is not counted as owed.
    #[default]
    Usual,
    /// As much as one write of a large message has.
    Large,
}

/// A connected stream, of whatever type, as one has it who only writes to it now and then and is no task
/// of it.
pub(crate) trait TryWrite: Send + Sync + 'static {
    /// Writes once, if that can be done now; answers how much was taken. If `more_follows` at once, sending
    /// may wait for that, or for a [flush](Transport::poll_flush). Nobody is woken when it can be done later.
    fn try_write(&self, bytes: &[u8], more_follows: bool) -> io::Result<usize>;
}

/// A connected stream.
///
/// It is read from and written to through a shared reference, as more than one part of a connection's
/// task looks at it. All of them are polled by that one task: it is what is woken, and the waker last
/// given for reading, and for writing, is the one that counts.
pub(crate) trait Transport: TryWrite + Unpin {
    /// Reads once to `buffer`, which is not empty; answers how much. Nothing is the end.
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Reads once to where there is `room`; answers how much. Nothing is the end.
    fn poll_read_buf(
        &self,
        cx: &mut Context<'_>,
        room: &mut impl BufMut,
    ) -> Poll<io::Result<usize>>;

    /// Ready if there may be something to read.
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// Writes once; answers how much was taken. If `more_follows` at once, sending may wait for that,
    /// or for a [flush](Self::poll_flush).
    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        more_follows: bool,
    ) -> Poll<io::Result<usize>>;

    /// As [`poll_write`](Self::poll_write), from several places, when nothing follows.
    fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Whether what was written waits for a flush, `more_follows` having been said of it or not.
    fn waits_for_flush(more_follows: bool) -> bool;

    /// Sets how much the kernel takes ahead of the peer, where that can be set. It costs a system call.
    fn limit_unsent(&self, _: UnsentLimit) {}

    /// Hands what was taken to the kernel, or to whoever has it in the kernel's stead.
    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Nothing is written any more: the peer learns of it behind what was.
    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// How many bytes that were written the peer's kernel has not acknowledged, if that can be known.
    /// It costs a system call, and is asked when an alarm rings.
    fn unacknowledged(&self) -> Option<usize>;

    /// Resolves when the peer sends nothing any more, whatever of it waits to be read.
    fn read_closed(&self) -> impl Future<Output = ()> + Send;

    /// Resolves when the connection is broken: not that the peer is silent, but that it is not there.
    fn broken(&self) -> impl Future<Output = ()> + Send;

    /// Has the kernel ask now and then whether a peer that is silent is there at all.
    fn keep_alive(&self);

    /// Has the stream be reset when it is closed: what the peer did not take is given up.
    fn reset_on_close(&self);
}

#[cfg(test)]
impl Reactor {
    /// Has the runtime around it hear the sockets of this thread.
    pub(crate) fn run_here() {
        let reactor = Self::new().unwrap();
        reactor.start();
        tokio::spawn(async move { reactor.react().await });
    }
}
