//! A connection that has become a service's, and a server that stops.

use std::time::Duration;

use aerys::Host;
use axum::{Router, extract::ws::WebSocketUpgrade, routing::any};
use tokio::{io::AsyncReadExt, sync::mpsc, time::timeout};

use crate::common::{Raw, serve_host, soon};

#[tokio::test]
async fn a_service_that_holds_on_to_a_connection_does_not_hold_up_the_stop() {
    let (held, mut holds) = mpsc::unbounded_channel();
    let hold = async move |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async move |mut socket| {
            held.send(()).expect("the test waits");
            while let Some(Ok(_)) = socket.recv().await {}
        })
    };
    let router = Router::new().route("/ws", any(hold));
    let server = serve_host(Host::new("localhost").service(router)).await;
    let mut raw = Raw::open_at(&server, "/ws").await;
    soon(holds.recv()).await.expect("it is held");
    timeout(Duration::from_secs(5), server.stop()).await.expect("it stops before its period ends");
    let mut rest = Vec::new();
    let _ = soon(raw.stream.read_to_end(&mut rest)).await;
    assert_eq!(rest, b"");
}
