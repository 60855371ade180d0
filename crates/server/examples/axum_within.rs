//! An axum `Router` within a host: its pages, and a websocket of axum's own kind, which may stay as it is.
//!
//! ```text
//! cargo run --example axum_within
//! ```
//!
//! `/ours` is an endpoint, and `/theirs` a `WebSocketUpgrade`; both say what they are told in capitals.

mod common;

use std::process::ExitCode;

use aerys::{Accepted, Client, Failure, Handshake, Host, Message, Refusal, Websocket};
use axum::{
    Router,
    extract::ws::{self, WebSocketUpgrade},
    response::Response,
    routing::{any, get},
};

struct Loud;

impl Websocket for Loud {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        let text = message.as_text().unwrap_or_default();
        Ok(client.send(text.to_uppercase()).await?)
    }
}

async fn theirs(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            let ws::Message::Text(text) = message else { continue };
            if socket.send(text.to_uppercase().into()).await.is_err() {
                return;
            }
        }
    })
}

fn main() -> ExitCode {
    let router = Router::new()
        .route("/", get(async || "Speak to /ours or to /theirs.\n"))
        .route("/theirs", any(theirs));
    common::run(Host::new("localhost").websocket("/ours", Loud).service(router))
}
