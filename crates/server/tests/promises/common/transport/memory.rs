//! In memory, with the test kit: on the thread of the test, as on a single worker.

use std::io;

use aerys::{
    PeerAddr, Server, ServerError,
    test::{TestServer, TestStream},
};
use futures_util::{
    FutureExt,
    future::{LocalBoxFuture, ready},
};

use super::{Connection, Running, Serving, Stream};

const PEER: &str = "memory";

pub(super) async fn start(server: Server) -> Result<Running, ServerError> {
    Ok(Box::new(TestServer::start(server).await?))
}

impl Serving for TestServer {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Stream>> {
        ready(Ok(Box::new(self.stream(PEER)) as Stream)).boxed_local()
    }

    fn stop(self: Box<Self>) -> LocalBoxFuture<'static, ()> {
        TestServer::stop(*self).boxed_local()
    }
}

impl Connection for TestStream {
    fn peer_addr(&self) -> PeerAddr {
        PEER.into()
    }
}
