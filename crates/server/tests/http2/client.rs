//! H2 as a client, and tokio-tungstenite on its streams.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use h2::{
    RecvStream,
    client::{Builder, ResponseFuture, SendRequest},
    ext::Protocol,
};
use http::{Method, Request, Response, Version, request};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

use crate::{soon, tunnel::Tunnel};

/// A connection of a client.
pub(crate) struct Client {
    pub(crate) requests: SendRequest<Bytes>,
    /// Resolves when the connection has ended, and how.
    pub(crate) end: JoinHandle<Result<(), h2::Error>>,
}

impl Client {
    pub(crate) async fn on(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        // The connection has room for what no stream is read of.
        let window = 1 << 20;
        let mut builder = Builder::new();
        builder.initial_window_size(1 << 16).initial_connection_window_size(window);
        let (requests, connection) = soon(builder.handshake(io)).await.unwrap();
        let end = tokio::spawn(connection);
        let mut client = Self { requests, end };
        client.ready().await;
        client
    }

    /// Waits until the server has said what it can do.
    async fn ready(&mut self) {
        soon(async {
            while !self.requests.is_extended_connect_protocol_enabled() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Sends a request without a body.
    pub(crate) async fn send(&mut self, request: Request<()>) -> ResponseFuture {
        let mut requests = soon(self.requests.clone().ready()).await.unwrap();
        requests.send_request(request, true).unwrap().0
    }

    /// What comes back for a path.
    pub(crate) async fn get(&mut self, path: &str) -> (Response<()>, Bytes) {
        let request = Request::get(format!("http://localhost{path}")).version(Version::HTTP_2);
        self.ask(request.body(()).unwrap()).await
    }

    pub(crate) async fn ask(&mut self, request: Request<()>) -> (Response<()>, Bytes) {
        let response = soon(self.send(request).await).await.unwrap();
        let (head, body) = response.into_parts();
        (Response::from_parts(head, ()), read(body).await)
    }

    /// Asks for a websocket, and answers what comes back, and the stream.
    pub(crate) async fn try_open(&mut self, request: Request<()>) -> (Response<()>, Tunnel) {
        let mut requests = soon(self.requests.clone().ready()).await.unwrap();
        let (response, sending) = requests.send_request(request, false).unwrap();
        let (head, receiving) = soon(response).await.unwrap().into_parts();
        (Response::from_parts(head, ()), Tunnel::new(sending, receiving))
    }

    /// A websocket at a path.
    pub(crate) async fn open(&mut self, path: &str) -> Ws {
        let (response, tunnel) = self.try_open(handshake(path).body(()).unwrap()).await;
        assert_eq!(response.status(), 200);
        Ws::on(tunnel).await
    }
}

/// A handshake as a browser sends one, but for its origin.
pub(crate) fn handshake(path: &str) -> request::Builder {
    extended("websocket", path).header("sec-websocket-version", "13")
}

pub(crate) fn extended(protocol: &'static str, path: &str) -> request::Builder {
    Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://localhost{path}"))
        .version(Version::HTTP_2)
        .extension(Protocol::from_static(protocol))
}

/// All of a body.
pub(crate) async fn read(mut body: RecvStream) -> Bytes {
    let mut whole = Vec::new();
    while let Some(bytes) = soon(body.data()).await {
        let bytes = bytes.unwrap();
        body.flow_control().release_capacity(bytes.len()).unwrap();
        whole.extend_from_slice(&bytes);
    }
    whole.into()
}

/// A websocket on a stream.
pub(crate) struct Ws(pub(crate) WebSocketStream<Tunnel>);

impl Ws {
    pub(crate) async fn on(tunnel: Tunnel) -> Self {
        let config = WebSocketConfig::default().max_frame_size(None).max_message_size(None);
        Self(WebSocketStream::from_raw_socket(tunnel, Role::Client, Some(config)).await)
    }

    pub(crate) async fn say(&mut self, message: impl Into<Message>) {
        soon(self.0.send(message.into())).await.expect("the server takes it");
    }

    /// The next message; pings are answered on the way.
    pub(crate) async fn hear(&mut self) -> Message {
        loop {
            match soon(self.0.next()).await.expect("it is open").expect("it is well") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    pub(crate) async fn hear_text(&mut self) -> String {
        self.hear().await.into_text().expect("it is text").as_str().to_owned()
    }

    /// The code and reason of the CLOSE that comes next.
    pub(crate) async fn hear_close(&mut self) -> (u16, String) {
        match self.hear().await {
            Message::Close(Some(CloseFrame { code, reason })) => {
                (code.into(), reason.as_str().to_owned())
            }
            other => panic!("not a close with a code: {other:?}"),
        }
    }

    /// Waits until the server has ended the stream, and no otherwise than by END_STREAM.
    pub(crate) async fn ends(mut self) {
        while let Some(message) = soon(self.0.next()).await {
            message.expect("it ends well");
        }
    }
}
