//! Somebody who visits an example: tokio-tungstenite as an independent client.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message, client::IntoClientRequest, handshake::client::Request, protocol::CloseFrame,
    },
};

use crate::program::soon;

pub(crate) struct Visitor(WebSocketStream<MaybeTlsStream<TcpStream>>);

pub(crate) fn request(address: SocketAddr, path: &str) -> Request {
    format!("ws://{address}{path}").into_client_request().unwrap()
}

impl Visitor {
    /// With a request of its own; if it is refused, the error holds the answer.
    pub(crate) async fn enter(request: Request) -> Result<Self, Error> {
        soon(connect_async(request)).await.map(|(stream, _)| Self(stream))
    }

    pub(crate) async fn say(&mut self, message: impl Into<Message>) {
        soon(self.0.send(message.into())).await.expect("the server takes it");
    }

    /// The next text; pings are answered on the way.
    pub(crate) async fn hear(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("not a text: {other:?}"),
        }
    }

    /// The next text that begins so.
    pub(crate) async fn hear_of(&mut self, beginning: &str) -> String {
        loop {
            let text = self.hear().await;
            if text.starts_with(beginning) {
                return text;
            }
        }
    }

    /// The code and reason of the close that comes next. It is answered, and the socket ends.
    pub(crate) async fn hear_close(mut self) -> (u16, String) {
        match self.next().await {
            Message::Close(Some(CloseFrame { code, reason })) => {
                while let Some(Ok(_)) = soon(self.0.next()).await {}
                (code.into(), reason.as_str().to_owned())
            }
            other => panic!("not a close with a code: {other:?}"),
        }
    }

    /// Takes its leave, and waits until the server has said goodbye too.
    pub(crate) async fn leave(mut self) {
        soon(self.0.close(None)).await.expect("the server hears it");
        while let Some(Ok(_)) = soon(self.0.next()).await {}
    }

    async fn next(&mut self) -> Message {
        loop {
            let message = soon(self.0.next()).await.expect("the server is there");
            match message.expect("the server is well") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }
}
