//! What the promises are kept over, as `AERYS_PROMISES_OVER` says: `tcp`, which is the default, `tls`,
//! `unix` or `memory`.

#[cfg(feature = "test")]
mod memory;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;

use std::{env, fmt::Debug, io};

use aerys::{PeerAddr, Server, ServerError};
use futures_util::future::LocalBoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

/// A server that runs, and can be connected to.
pub(crate) type Running = Box<dyn Serving>;

/// The client's end of a connection.
pub(crate) type Stream = Box<dyn Connection>;

pub(crate) trait Serving: Debug {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Stream>>;

    /// By one whose side takes little more than it reads, if that can be asked for.
    fn connect_narrow(&self) -> LocalBoxFuture<'_, io::Result<Stream>> {
        self.connect()
    }

    fn stop(self: Box<Self>) -> LocalBoxFuture<'static, ()>;
}

pub(crate) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {
    /// Whom the server takes the client for.
    fn peer_addr(&self) -> PeerAddr;

    /// Whether all that was written is at the server's end, for all that the system tells.
    fn is_acknowledged(&self) -> bool {
        true
    }

    /// Has each write leave by itself.
    fn send_at_once(&self) {}

    /// Hangs up with a reset, if that can be asked for; there is one anyway if something is unread.
    fn reset(self: Box<Self>) {}
}

/// Starts a server that listens where it can be connected to.
pub(crate) async fn try_start(server: Server) -> Result<Running, ServerError> {
    let over = env::var("AERYS_PROMISES_OVER");
    match over.as_deref().unwrap_or("tcp") {
        "tcp" => tcp::start(server).await,
        #[cfg(feature = "tls")]
        "tls" => tls::start(server).await,
        #[cfg(unix)]
        "unix" => unix::start(server).await,
        #[cfg(feature = "test")]
        "memory" => memory::start(server).await,
        other => panic!("nothing can be kept over {other:?} here"),
    }
}
