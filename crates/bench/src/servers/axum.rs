//! `axum`.

use anyhow::Result;
use axum::{
    Router,
    extract::{
        State,
        ws::{Message, WebSocketUpgrade},
    },
    response::Response,
    routing::get,
    serve::ListenerExt,
};
use tokio::{net::TcpListener, runtime::Builder};

use super::{LIMIT, Settings, hub::Hub, relay, socket};

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    let router = Router::new()
        .route("/echo", get(echo))
        .route("/broadcast", get(broadcast))
        .with_state(Hub::new());
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::from_std(socket::listen(settings)?)?;
        let listener = listener.tap_io(|stream| {
            // One that has gone already is noticed when it is read.
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, router).await?)
    })
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
