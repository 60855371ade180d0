//! Who comes to the server that is looked at.

use std::net::SocketAddr;

use futures_util::SinkExt;
use tokio::{net::TcpStream, task::JoinHandle};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::common::soon;

pub(super) type Socket = WebSocketStream<TcpStream>;

pub(super) async fn visit(server: SocketAddr, path: &str) -> Socket {
    let stream = soon("the connection", TcpStream::connect(server)).await.unwrap();
    let url = format!("ws://localhost{path}");
    soon("the handshake", client_async(url, stream)).await.expect("it is let in").0
}

/// One that says much and reads nothing of what it is owed for that.
pub(super) async fn owe(server: SocketAddr) -> JoinHandle<()> {
    let mut client = visit(server, "/echo").await;
    tokio::spawn(
        async move { while client.send(Message::binary(vec![7; 1 << 20])).await.is_ok() {} },
    )
}
