//! `tokio-websockets`.

use anyhow::{Context, Result};
use tokio::net::TcpStream;
use tokio_websockets::{Limits, Message, ServerBuilder};

use super::{LIMIT, Settings, endpoint::Endpoint, hub::Hub, relay, socket};

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    let hub = Hub::new();
    socket::serve(settings, |stream| serve_connection(stream, hub.clone()))
}

async fn serve_connection(stream: TcpStream, hub: Hub<Message>) -> Result<()> {
    let limits = Limits::default().max_payload_len(Some(LIMIT));
    let (request, websocket) = ServerBuilder::new().limits(limits).accept(stream).await?;
    match Endpoint::on(request.uri().path()).context("no endpoint has this path")? {
        Endpoint::Echo => relay::echo(websocket).await,
        Endpoint::Broadcast => relay::broadcast(websocket, hub).await,
    }
}

impl relay::Message for Message {
    fn is_data(&self) -> bool {
        self.is_text() || self.is_binary()
    }
}
