//! `axum`, over TLS by way of `axum-server`, and over HTTP/2 by itself.

use anyhow::Result;
use axum::{
    Router,
    extract::{
        State,
        ws::{Message, WebSocketUpgrade},
    },
    response::Response,
    routing::any,
    serve::ListenerExt,
};
use axum_server::{
    accept::NoDelayAcceptor,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use futures_util::StreamExt;
use tokio::{net::TcpListener, runtime::Builder};

use super::{Files, LIMIT, Settings, hub::Hub, relay, socket};

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    let hub = Hub::new();
    let router = Router::new()
        .route("/echo", any(echo))
        .route("/broadcast", any(broadcast))
        .with_state(hub.clone());
    if let Some(files) = &settings.tls {
        return serve_over_tls(settings, files, router);
    }
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        if let Some(url) = &settings.nats {
            share(url, hub).await?;
        }
        let listener = TcpListener::from_std(socket::listen(settings)?)?;
        let listener = listener.tap_io(|stream| {
            // One that has gone already is noticed when it is read.
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, router).await?)
    })
}

fn serve_over_tls(settings: &Settings, files: &Files, router: Router) -> Result<()> {
    let config = RustlsConfig::from_config(files.config()?);
    let acceptor = RustlsAcceptor::new(config).acceptor(NoDelayAcceptor::new());
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let server = axum_server::from_tcp(socket::listen(settings)?)?.acceptor(acceptor);
        Ok(server.serve(router.into_make_service()).await?)
    })
}

/// Has what is broadcast go by way of a server of NATS, to all nodes, this one included.
async fn share(url: &str, hub: Hub<Message>) -> Result<()> {
    const SUBJECT: &str = "broadcast";
    let client = async_nats::connect(url).await?;
    let mut heard = client.subscribe(SUBJECT).await?;
    let publish = hub.publish_by();
    tokio::spawn(async move {
        while let Some(message) = heard.next().await {
            hub.tell(&Message::Binary(message.payload));
        }
    });
    tokio::spawn(async move {
        let mut publish = publish;
        while let Some(message) = publish.recv().await {
            if client.publish(SUBJECT, message.into_data()).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    // How a connection ends is its client's affair.
    limited(upgrade).on_upgrade(|websocket| async { drop(relay::echo(websocket).await) })
}

async fn broadcast(upgrade: WebSocketUpgrade, State(hub): State<Hub<Message>>) -> Response {
    limited(upgrade).on_upgrade(|websocket| async { drop(relay::broadcast(websocket, hub).await) })
}

fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.max_message_size(LIMIT).max_frame_size(LIMIT)
}

impl relay::Message for Message {
    fn is_data(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Binary(_))
    }
}
