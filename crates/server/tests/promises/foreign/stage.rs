//! One client of a server that has one worker.

use std::time::Duration;

use aerys::{Client, Host, Options, Overflow, Server, Websocket, bytes::Bytes};
use tokio::sync::oneshot;

use super::ROOM;
use crate::common::{Guests, Lobby, Raw, Running, start_on};

pub(super) struct Stage {
    server: Running,
    guests: Guests,
    /// `None` once it has hung up.
    raw: Option<Raw>,
    pub(super) client: Client,
}

impl Stage {
    /// One that reads, and may be owed little.
    pub(super) async fn with(overflow: Overflow) -> Self {
        Self::opened(Options::new().overflow(overflow).max_queued_bytes(ROOM)).await
    }

    /// One that is owed more than its kernel takes: of what follows nothing leaves.
    pub(super) async fn stuck() -> Self {
        let stage = Self::opened(Options::new()).await;
        stage.client.send(Bytes::from_static(&MUCH)).nowait();
        stage
    }

    async fn opened(options: Options) -> Self {
        let (lobby, mut guests) = Lobby::new();
        let options = options.close_period(Duration::from_millis(100)).heartbeat_period(None);
        let server = serve_alone(lobby, options).await;
        let raw = Raw::open_narrow(&server).await;
        let client = guests.next().await;
        Self { server, guests, raw: Some(raw), client }
    }

    /// Does something on the worker, which gets to nothing else meanwhile.
    pub(super) async fn at_work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Client) -> T + Send + 'static,
    ) -> T {
        at_work(&self.client, work).await
    }

    /// The client hangs up, and what is left for it is lost.
    pub(super) fn hang_up(&mut self) {
        self.raw = None;
    }

    /// Waits until the client has gone.
    pub(super) async fn gone(&self) {
        self.guests.journal.until(1).await;
    }

    /// Stops the server, and answers what the client was sent.
    pub(super) async fn stop(self) -> Vec<u8> {
        let heard = async {
            match self.raw {
                Some(raw) => raw.rest().await,
                None => Vec::new(),
            }
        };
        tokio::join!(heard, self.server.stop()).0
    }
}

/// A server that has one worker, with one application at `/`.
pub(super) async fn serve_alone<S, W>(app: W, options: Options) -> Running
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    let host = Host::new("localhost").websocket_with("/", app, options);
    start_on(1, Server::new().host(host)).await
}

/// Does something on the worker of such a server, which gets to nothing else meanwhile.
pub(super) async fn at_work<S, T>(
    client: &Client<S>,
    work: impl FnOnce(&Client<S>) -> T + Send + 'static,
) -> T
where
    S: Send + Sync + 'static,
    T: Send + 'static,
{
    let (worker, (sender, outcome)) = (client.clone(), oneshot::channel());
    client.endpoint().spawn(async move {
        let _ = sender.send(work(&worker));
        Ok(())
    });
    outcome.await.expect("the worker does it")
}

/// More than the kernels on the way take, by far.
static MUCH: [u8; 2 << 20] = [0; 2 << 20];
