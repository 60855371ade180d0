//! Over Unix sockets, each server's in a folder of its own.

use std::io;

use aerys::{Listener, PeerAddr, Server, ServerError};
use futures_util::{FutureExt, future::LocalBoxFuture};
use tempfile::TempDir;
use tokio::net::UnixStream;

use super::{Connection, Running, Serving, Stream};

const NAME: &str = "socket";

#[derive(Debug)]
struct Unix {
    server: aerys::Running,
    folder: TempDir,
}

pub(super) async fn start(server: Server) -> Result<Running, ServerError> {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let server = server.listen(Listener::unix(folder.path().join(NAME))).start().await?;
    Ok(Box::new(Unix { server, folder }))
}

impl Serving for Unix {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Stream>> {
        let path = self.folder.path().join(NAME);
        async { Ok(Box::new(UnixStream::connect(path).await?) as Stream) }.boxed_local()
    }

    fn stop(self: Box<Self>) -> LocalBoxFuture<'static, ()> {
        self.server.stop().boxed_local()
    }
}

impl Connection for UnixStream {
    fn peer_addr(&self) -> PeerAddr {
        PeerAddr::Unix(None)
    }
}
