//! What the tests share: a server that is connected to, an independent websocket client, and a raw socket
//! for what no well-behaved client would do.

mod answer;
mod app;
mod door;
mod events;
mod guard;
mod lobby;
mod log;
mod raw;
#[path = "../../subscriber/mod.rs"]
mod subscriber;
mod thread;
mod transport;
mod ws;

use std::time::Duration;

use aerys::{Host, Options, Server, Websocket};

pub(crate) use answer::{Answer, get};
pub(crate) use app::{Echo, Journal, eventually};
pub(crate) use door::{Door, Scene};
pub(crate) use events::events;
pub(crate) use guard::Dropped;
pub(crate) use lobby::{Guests, Lobby, departure, tally};
pub(crate) use log::{UNLOGGABLE, accesses_at, errors_at, keep_errors, lines, warnings_at};
pub(crate) use raw::{Raw, but, frame, handshake};
pub(crate) use subscriber::Listener;
pub(crate) use thread::on_a_thread;
pub(crate) use transport::{Running, Stream, try_start};
pub(crate) use ws::{Ws, connect, connect_to, open};

/// Runs one application at `/` with these options, on two workers.
pub(crate) async fn serve_with<S, W>(app: W, options: Options) -> Running
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    serve_host(Host::new("localhost").websocket_with("/", app, options)).await
}

/// Runs one application at `/`, on two workers.
pub(crate) async fn serve<S, W>(app: W) -> Running
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    serve_with(app, Options::new()).await
}

pub(crate) async fn serve_host(host: Host) -> Running {
    start(Server::new().host(host)).await
}

pub(crate) async fn start(server: Server) -> Running {
    start_on(2, server).await
}

pub(crate) async fn start_on(workers: usize, server: Server) -> Running {
    soon(try_start(server.workers(workers))).await.expect("the server starts")
}

/// Longer than anything takes on a busy machine: a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that is to come.
pub(crate) async fn soon<F: IntoFuture>(what: F) -> F::Output {
    tokio::time::timeout(PATIENCE, what).await.expect("it comes before patience ends")
}
