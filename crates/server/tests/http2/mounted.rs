//! Endpoints within another server that speaks HTTP/2.

use std::net::Ipv4Addr;

use aerys::{Host, Server};
use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc::unbounded_channel,
};

use crate::{
    App, Way,
    client::{Client, handshake},
    soon,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_opened_by_an_extended_connect_to_axum() {
    let ((enter, _guests), (leave, mut departures)) = (unbounded_channel(), unbounded_channel());
    let host = Host::new("localhost").websocket("/echo", App { way: Way::Echo, enter, leave });
    let mount = Server::new().host(host).workers(1).mount().await.unwrap();
    let router = Router::new().route_service("/echo", mount.service());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let around = tokio::spawn(async move { axum::serve(listener, router).await });

    let mut client = Client::on(soon(TcpStream::connect(address)).await.unwrap()).await;
    let mut first = client.open("/echo").await;
    let mut second = client.open("/echo").await;
    for size in [5, 100_000] {
        for socket in [&mut first, &mut second] {
            let text = "a".repeat(size);
            socket.say(text.clone()).await;
            assert!(socket.hear_text().await == text, "{size} bytes");
        }
    }
    let foreign = handshake("/echo").header("origin", "https://evil.example").body(()).unwrap();
    assert_eq!(client.try_open(foreign).await.0.status(), 403);
    drop((first, second));
    soon(departures.recv()).await.unwrap();
    soon(mount.stop()).await;
    around.abort();
}
