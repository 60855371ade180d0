//! An endpoint in a program that has axum: a feed of news, which a page of axum's publishes.
//!
//! ```text
//! cargo run --example axum_around
//! curl -d 'We are open.' http://127.0.0.1:1337/news
//! ```
//!
//! Whoever has a websocket at `/news` hears it.

use std::{env, error::Error};

use aerys::{Accepted, Endpoint, Handshake, Host, Refusal, Server, Websocket};
use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use tokio::{
    net::TcpListener,
    signal::{
        ctrl_c,
        unix::{SignalKind, signal},
    },
};

struct News;

impl Websocket for News {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        let client = handshake.accept();
        client.send("These are the news.").await?;
        Ok(client)
    }
}

async fn publish(State(news): State<Endpoint>, text: String) -> String {
    let tally = news.broadcast(text).await;
    format!("{} have heard it.\n", tally.delivered)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1337".to_owned());
    let mount = Server::new().host(Host::new("localhost").websocket("/news", News)).mount().await?;
    let router = Router::new()
        .route("/", get(async || "Say something to /news.\n"))
        .route("/news", post(publish).get_service(mount.service()))
        .with_state(mount.endpoint("/news")?);
    let mut terminate = signal(SignalKind::terminate())?;
    let stopped = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = ctrl_c() => {}
        }
    };
    let listener = TcpListener::bind(address).await?;
    println!("Listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).with_graceful_shutdown(stopped).await?;
    mount.stop().await;
    Ok(())
}
