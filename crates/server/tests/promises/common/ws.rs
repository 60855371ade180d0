//! tokio-tungstenite as an independent client.

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        handshake::client::{Request, Response},
        protocol::CloseFrame,
    },
};

use super::{Running, Stream, soon};

pub(crate) struct Ws(pub(crate) WebSocketStream<Stream>);

/// A client at `/`.
pub(crate) async fn connect(server: &Running) -> Ws {
    connect_to(server, "/").await
}

pub(crate) async fn connect_to(server: &Running, path: &str) -> Ws {
    let request = format!("ws://localhost{path}").into_client_request().unwrap();
    open(server, request).await.expect("the server lets it in").0
}

/// A client with a request of its own; the error holds the answer if it was refused.
pub(crate) async fn open(
    server: &Running,
    request: Request,
) -> Result<(Ws, Response), tungstenite::Error> {
    let stream = soon(server.connect()).await?;
    let (stream, response) = soon(client_async(request, stream)).await?;
    Ok((Ws(stream), response))
}

impl Ws {
    pub(crate) async fn say(&mut self, message: impl Into<Message>) {
        soon(self.0.send(message.into())).await.expect("the server takes it");
    }

    /// The next data message; pings are answered on the way.
    pub(crate) async fn hear(&mut self) -> Message {
        loop {
            match self.next().await {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    pub(crate) async fn hear_text(&mut self) -> String {
        match self.hear().await {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("not a text: {other:?}"),
        }
    }

    /// The next message of any kind.
    pub(crate) async fn next(&mut self) -> Message {
        soon(self.0.next()).await.expect("the server is there").expect("the server is well")
    }

    /// The code and reason of the CLOSE that the server sends next, after which the socket ends.
    pub(crate) async fn hear_close(&mut self) -> (u16, String) {
        match self.hear().await {
            Message::Close(Some(CloseFrame { code, reason })) => {
                (code.into(), reason.as_str().to_owned())
            }
            other => panic!("not a close with a code: {other:?}"),
        }
    }

    /// Answers a CLOSE that was heard, and waits until the socket has ended.
    pub(crate) async fn ends(mut self) {
        while let Some(Ok(_)) = soon(self.0.next()).await {}
    }

    /// Starts the close handshake and waits until the socket has ended.
    pub(crate) async fn leave(mut self) {
        soon(self.0.close(None)).await.expect("the server hears it");
        self.ends().await;
    }
}
