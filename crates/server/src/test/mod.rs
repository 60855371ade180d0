//! Applications under test: run in memory, on the test's own runtime, without a socket or a thread
//! (feature `test`).
//!
//! A [`TestServer`] serves an application to [`TestClient`]s over connections in memory. Everything else
//! is as it is over a socket: the handshake, frames, heartbeats, limits, closes. All of it runs on the
//! runtime of the test, and its time is tokio's: under `start_paused`, timers, heartbeats and periods
//! follow `tokio::time::advance`, and an hour takes no time.
//!
//! ```
//! use std::time::Duration;
//! use aerys::{Accepted, Failure, Handshake, Message, Refusal, Status, Websocket, test::TestServer};
//!
//! /// Greets who has a name, and reminds them every minute that they are here.
//! struct Porter;
//!
//! impl Websocket for Porter {
//!     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
//!         let name = handshake.request().headers.get("x-name").cloned();
//!         let Some(name) = name else { return Err(handshake.refuse(Status::UNAUTHORIZED)) };
//!         let client = handshake.accept();
//!         client.send(format!("hello, {}", name.to_str()?)).await?;
//!         client.repeat(Duration::from_secs(60), async |client| {
//!             Ok(client.send("still here").await?)
//!         });
//!         Ok(client)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! // In a test: #[tokio::test(start_paused = true)]
//! let server = TestServer::of(Porter).await;
//! let refused = server.ask("/").connect().await.expect_err("it has no name");
//! assert_eq!(refused.status(), 401);
//!
//! let mut ann = server.ask("/").header("x-name", "ann").connect().await.expect("it has one");
//! assert_eq!(ann.hear().await, "hello, ann");
//! for _ in 0..60 {
//!     // Time goes on by itself while everybody waits.
//!     assert_eq!(ann.hear().await, "still here");
//! }
//! server.stop().await;
//! assert_eq!(ann.hear_close().await.0, 1001);
//! # }
//! ```

mod ask;
mod client;
mod frames;
mod stream;

use std::fmt;

pub use self::{
    ask::Ask,
    client::{Event, TestClient},
    stream::TestStream,
};
use crate::{
    app::Websocket, error::ServerError, http_server::Host, server::InMemory, server::Server,
    transport::PeerAddr,
};

/// A server in memory. Dropping it ends it at once, as if its process had ended; [`stop`](Self::stop) ends it
/// well.
pub struct TestServer(InMemory);

impl TestServer {
    /// Serves one application at `/`, with the usual options.
    ///
    /// # Panics
    ///
    /// If its `on_start` fails.
    pub async fn of<W, S>(app: W) -> Self
    where
        W: Websocket<S>,
        S: Send + Sync + 'static,
    {
        let server = Server::new().host(Host::new("localhost").websocket("/", app));
        Self::start(server)
            .await
            .unwrap_or_else(|error| panic!("the server did not start: {error}"))
    }

    /// Serves what a server would, but that it listens nowhere and has no threads. Needs a
    /// current-thread runtime of tokio's around it, as `#[tokio::test]` is.
    ///
    /// # Errors
    ///
    /// As [`Server::start`](crate::Server::start).
    pub async fn start(server: Server) -> Result<Self, ServerError> {
        InMemory::start(server).await.map(Self)
    }

    /// A request for a path, to be completed and sent.
    pub fn ask(&self, path: &str) -> Ask<'_> {
        Ask::new(&self.0, path)
    }

    /// A client that is let in at a path.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub async fn connect(&self, path: &str) -> TestClient {
        match self.ask(path).connect().await {
            Ok(client) => client,
            Err(refused) => panic!("refused with {}", refused.status()),
        }
    }

    /// A connection from this address on which nothing has been said yet, for a client that somebody else
    /// has written: it is a stream of bytes, as a socket is.
    ///
    /// ```
    /// # use aerys::{Accepted, Handshake, Host, Refusal, Server, Websocket, test::TestServer};
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// # struct Chat;
    /// # impl Websocket for Chat {
    /// #     async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
    /// #         Ok(handshake.accept())
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = TestServer::of(Chat).await;
    /// let mut stream = server.stream("a phone");
    /// stream.write_all(b"GET /none HTTP/1.0\r\n\r\n").await?;
    /// let mut answer = String::new();
    /// stream.read_to_string(&mut answer).await?;
    /// assert!(answer.starts_with("HTTP/1.0 404"), "{answer}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(&self, peer: impl Into<PeerAddr>) -> TestStream {
        TestStream(self.0.connect(peer.into()))
    }

    /// Closes every client with 1001, waits until each `on_close` and then each `on_stop` has run, within
    /// [`stop_period`](crate::Server::stop_period).
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestServer").finish_non_exhaustive()
    }
}
