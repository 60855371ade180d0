//! A server with an admin page, and who looks at it.

use std::{net::SocketAddr, time::Duration};

use aerys::{
    Accepted, AdminPage, Client, Failure, Handshake, Host, Message, Refusal, Running, Server,
    Websocket,
};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, client::IntoClientRequest, http::Request},
};

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const TOKEN: &str = "a-token-of-this-test";

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Says everything back.
pub(crate) struct Echo;

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).nowait();
        Ok(())
    }
}

/// On any free ports, with the page's token known.
pub(crate) fn server(host: Host) -> Server {
    bare(host).admin_page(AdminPage::on("127.0.0.1:0").token(TOKEN))
}

/// Without a page.
pub(crate) fn bare(host: Host) -> Server {
    Server::new().listen("127.0.0.1:0").host(host).workers(2)
}

pub(crate) fn echo() -> Host {
    Host::new("localhost").websocket("/echo", Echo)
}

pub(crate) async fn start(server: Server) -> Running {
    soon(server.start()).await.expect("the server starts")
}

/// Waits for something that is to come.
pub(crate) async fn soon<F: IntoFuture>(what: F) -> F::Output {
    timeout(PATIENCE, what).await.expect("it comes before patience ends")
}

/// Where the page is.
pub(crate) fn page(running: &Running) -> SocketAddr {
    let url = running.admin_page_url().expect("there is a page");
    let (address, _) =
        url.strip_prefix("http://").and_then(|it| it.split_once('/')).expect("a URL");
    address.parse().expect("an address")
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{}: {error}", self.body))
    }
}

/// Asks by what is on the first line but the version, with header lines, each ended by `\r\n`.
pub(crate) async fn ask_with(page: SocketAddr, request: &str, headers: &str) -> Answer {
    let mut stream = soon(TcpStream::connect(page)).await.expect("the page is there");
    let head = format!("{request} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    soon(stream.write_all(head.as_bytes())).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.expect("an answer, and no more");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// With the token.
pub(crate) async fn ask(page: SocketAddr, request: &str) -> Answer {
    ask_with(page, request, &format!("Host: {page}\r\nAuthorization: Bearer {TOKEN}\r\n")).await
}

/// The handshake of a page at this address, as a browser makes it.
pub(crate) fn handshake(page: SocketAddr, protocols: &str) -> Request<()> {
    let mut request = format!("ws://{page}/feed").into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("origin", format!("http://{page}").parse().unwrap());
    if !protocols.is_empty() {
        headers.insert("sec-websocket-protocol", protocols.parse().unwrap());
    }
    request
}

/// Opens the feed; the status and challenge if it is refused.
pub(crate) async fn knock(
    page: SocketAddr,
    request: Request<()>,
) -> Result<Socket, (u16, Option<String>)> {
    let stream = soon(TcpStream::connect(page)).await.expect("the page is there");
    match soon(client_async(request, stream)).await {
        Ok((socket, answer)) => {
            assert_eq!(answer.headers()["sec-websocket-protocol"], "aerys.admin");
            Ok(socket)
        }
        Err(tungstenite::Error::Http(answer)) => {
            let challenge = answer.headers().get("www-authenticate");
            Err((answer.status().as_u16(), challenge.map(|it| it.to_str().unwrap().to_owned())))
        }
        Err(error) => panic!("{error}"),
    }
}

/// Opens the feed with the token.
pub(crate) async fn watch(page: SocketAddr) -> Socket {
    let protocols = format!("aerys.admin, bearer, {TOKEN}");
    knock(page, handshake(page, &protocols)).await.expect("it is let in")
}

/// The next message of a kind; those of others are passed over.
pub(crate) async fn told(feed: &mut Socket, kind: &str) -> Value {
    loop {
        match soon(feed.next()).await.expect("the feed goes on").expect("it is well") {
            tungstenite::Message::Text(text) => {
                let message: Value = serde_json::from_str(&text).expect("it is JSON");
                if message["type"] == kind {
                    return message;
                }
            }
            tungstenite::Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// What is made of the first message of a kind of which something is.
pub(crate) async fn until<T>(
    feed: &mut Socket,
    kind: &str,
    mut make: impl FnMut(&Value) -> Option<T>,
) -> T {
    soon(async {
        loop {
            if let Some(made) = make(&told(feed, kind).await) {
                return made;
            }
        }
    })
    .await
}

/// The code with which a websocket is closed, and the reason, whatever is said before.
pub(crate) async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        match soon(socket.next()).await.expect("a close").expect("it is well") {
            tungstenite::Message::Close(Some(close)) => {
                return (close.code.into(), close.reason.to_string());
            }
            tungstenite::Message::Close(None) => panic!("a close without a code"),
            _ => {}
        }
    }
}

/// A client of the server itself.
pub(crate) async fn visit(running: &Running, path: &str) -> Socket {
    let address = running.address();
    let stream = soon(TcpStream::connect(address)).await.expect("the server is there");
    soon(client_async(format!("ws://localhost{path}"), stream)).await.expect("it is let in").0
}
