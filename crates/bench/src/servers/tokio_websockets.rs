//! `tokio-websockets`.

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_websockets::{Limits, Message, ServerBuilder};

use super::{LIMIT, Settings, endpoint::Endpoint, hub::Hub, relay, socket, tls};

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    let hub = Hub::new();
    match &settings.tls {
        None => socket::serve(settings, |stream| serve_connection(stream, hub.clone())),
        Some(files) => {
            tls::serve(settings, files, move |stream| serve_connection(stream, hub.clone()))
        }
    }
}

async fn serve_connection<S>(stream: S, hub: Hub<Message>) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
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
