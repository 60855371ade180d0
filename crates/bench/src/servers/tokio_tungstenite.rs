//! `tokio-tungstenite`, which axum uses too.

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::{
    accept_hdr_async_with_config,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        protocol::WebSocketConfig,
    },
};

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
    let config =
        WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
    let mut endpoint = None;
    // The type of its error is the library's.
    #[allow(clippy::result_large_err)]
    let look = |request: &Request, response: Response| {
        endpoint = Endpoint::on(request.uri().path());
        Ok(response)
    };
    let websocket = accept_hdr_async_with_config(stream, look, Some(config)).await?;
    match endpoint.context("no endpoint has this path")? {
        Endpoint::Echo => relay::echo(websocket).await,
        Endpoint::Broadcast => relay::broadcast(websocket, hub).await,
    }
}

impl relay::Message for Message {
    fn is_data(&self) -> bool {
        self.is_text() || self.is_binary()
    }
}
