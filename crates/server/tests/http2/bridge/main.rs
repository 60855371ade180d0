//! An echo server that speaks HTTP/2 alone, behind a bridge for clients that know HTTP/1.1 alone: what
//! conformance suites of websockets test it through.
//!
//! ```text
//! cargo run --release -p aerys --features http2 --example http2_bridge -- 127.0.0.1:9001
//! ```
//!
//! The bridge answers the upgrade of RFC 6455 when the server has answered the extended CONNECT of RFC 8441. From
//! then on bytes are copied, as they are, between a connection of the client's and a stream of the one
//! connection that the bridge has to the server.

#[path = "../tunnel.rs"]
mod tunnel;

use std::{io, net::SocketAddr, time::Duration};

use aerys::{
    Accepted, Client, Compression, Failure, Handshake, Host, Listener, Message, Options, Refusal,
    Server, Websocket,
};
use aerys_proto::upgrade;
use anyhow::{Context, Result, bail};
use bytes::{Bytes, BytesMut};
use clap::Parser;
use h2::{client::SendRequest, ext::Protocol};
use http::{HeaderMap, Method, Request, StatusCode, Version};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, split},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use self::tunnel::Tunnel;

/// Echoes every message at `/`, over HTTP/2, to clients of HTTP/1.1.
#[derive(Parser)]
struct Arguments {
    /// Where to listen for clients: an address and a port.
    address: SocketAddr,
    /// Compress each message in the context of those before it, both ways.
    #[arg(long)]
    takeover: bool,
}

struct Echo;

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        assert_eq!(handshake.request().version, Version::HTTP_2, "nobody else comes here");
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).nowait();
        Ok(())
    }
}

/// How long the head of a request may take.
const HEAD_PERIOD: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let limit = 64 << 20;
    let compression = Compression::new()
        .threshold(0)
        .server_context_takeover(arguments.takeover)
        .client_context_takeover(arguments.takeover);
    let options = Options::new()
        .max_frame_size(limit)
        .max_msg_size(limit)
        .max_queued_bytes(2 * limit)
        .compression(compression);
    let server = Server::new()
        .listen(Listener::from(([127, 0, 0, 1], 0)).http2_prior_knowledge())
        .host(Host::new("localhost").websocket_with("/", Echo, options))
        .start()
        .await?;
    let requests = connect(server.address()).await?;
    let listener = TcpListener::bind(arguments.address).await?;
    let signalled = server.until_signalled();
    println!("Listening on http://{}", listener.local_addr()?);
    let bridging = async {
        loop {
            let (client, _) = listener.accept().await?;
            let requests = requests.clone();
            tokio::spawn(async move {
                if let Err(error) = bridge(client, requests).await {
                    eprintln!("{error:#}");
                }
            });
        }
    };
    tokio::select! {
        outcome = signalled => Ok(outcome?),
        outcome = bridging => outcome,
    }
}

/// The only connection to the server.
async fn connect(server: SocketAddr) -> Result<SendRequest<Bytes>> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let window = 1 << 16;
    let (requests, connection) = h2::client::Builder::new()
        .initial_window_size(window)
        .initial_connection_window_size(window * 200)
        .handshake(stream)
        .await?;
    tokio::spawn(connection);
    while !requests.is_extended_connect_protocol_enabled() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(requests)
}

/// Has one client be served.
async fn bridge(mut client: TcpStream, requests: SendRequest<Bytes>) -> Result<()> {
    client.set_nodelay(true)?;
    let (head, early) = timeout(HEAD_PERIOD, read_head(&mut client)).await??;
    let accept = upgrade::check(head.method(), head.version(), head.headers())?;
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://localhost{}", head.uri()))
        .version(Version::HTTP_2)
        .extension(Protocol::from_static("websocket"))
        .body(())?;
    // RFC 8441 §5: neither the upgrade nor the key has a place there.
    let is_of_upgrade = |name: &str| {
        matches!(name, "host" | "connection" | "upgrade" | "sec-websocket-key")
            || matches!(name, "pragma" | "cache-control")
    };
    let fields = head.headers().iter().filter(|(name, _)| !is_of_upgrade(name.as_str()));
    request.headers_mut().extend(fields.map(|(name, value)| (name.clone(), value.clone())));
    let mut requests = requests.ready().await?;
    let (response, sending) = requests.send_request(request, false)?;
    let (response, receiving) = response.await?.into_parts();
    if response.status != StatusCode::OK {
        bail!("the server answers {}", response.status);
    }
    client.write_all(&switching(&response.headers, accept.as_bytes())).await?;
    copy_both(client, Tunnel::new(sending, receiving), &early).await;
    Ok(())
}

/// The head of a request, and what was read behind it.
async fn read_head(client: &mut TcpStream) -> Result<(Request<()>, Bytes)> {
    let mut read = BytesMut::new();
    loop {
        if client.read_buf(&mut read).await? == 0 {
            bail!("a client has hung up");
        }
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Request::new(&mut fields);
        let httparse::Status::Complete(length) = head.parse(&read)? else { continue };
        let mut request = Request::builder()
            .method(head.method.context("a method")?)
            .uri(head.path.context("a path")?);
        for field in head.headers.iter() {
            request = request.header(field.name, field.value);
        }
        let request = request.body(())?;
        return Ok((request, read.split_off(length).freeze()));
    }
}

fn switching(headers: &HeaderMap, accept: &[u8]) -> Vec<u8> {
    let mut head = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
        connection: Upgrade\r\nsec-websocket-accept: "
        .to_vec();
    head.extend_from_slice(accept);
    for (name, value) in headers {
        for part in [&b"\r\n"[..], name.as_str().as_bytes(), b": ", value.as_bytes()] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n\r\n");
    head
}

/// Copies both ways until both have ended. RFC 8441 §5: FIN is END_STREAM, and RST is RST_STREAM.
async fn copy_both(client: TcpStream, tunnel: Tunnel, early: &[u8]) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = split(tunnel);
    let upwards = async {
        to_server.write_all(early).await?;
        copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let downwards = async {
        copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    let outcome: io::Result<_> = async { tokio::try_join!(upwards, downwards) }.await;
    if outcome.is_err() {
        let client = to_client.reunite(from_client).expect("they are halves of one");
        // What it has not read it does not need.
        let _ = socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO));
        from_server.unsplit(to_server).reset();
    }
}
