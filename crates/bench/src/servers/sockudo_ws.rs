//! `sockudo-ws`: an echo that sends each message, and one that only feeds it.

use anyhow::{Context, Result, ensure};
use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use sockudo_ws::{
    CompressedWebSocketStream, Compression, Config, DeflateConfig, Error, Message, Role,
    WebSocketStream,
    deflate::{DeflateNegotiation, negotiate_server_deflate},
    handshake::{build_response, generate_accept_key, parse_request},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{LIMIT, Settings, endpoint::Endpoint, hub::Hub, relay, socket};

/// Runs the server whose echo flushes each message.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    run(settings, Flushing::Each)
}

/// Runs the server whose echo flushes once when it has answered all that was read.
pub(super) fn serve_feeding(settings: &Settings) -> Result<()> {
    run(settings, Flushing::Once)
}

/// When an echo is flushed.
#[derive(Clone, Copy)]
enum Flushing {
    Each,
    Once,
}

fn run(settings: &Settings, flushing: Flushing) -> Result<()> {
    let hub = Hub::new();
    let compression =
        if settings.compression { Compression::Dedicated } else { Compression::Disabled };
    let config = Config::builder().max_payload_length(LIMIT).compression(compression).build();
    socket::serve(settings, |stream| {
        serve_connection(stream, config.clone(), flushing, hub.clone())
    })
}

async fn serve_connection(
    mut stream: TcpStream,
    config: Config,
    flushing: Flushing,
    hub: Hub<Message>,
) -> Result<()> {
    let Opening { endpoint, deflate, early } = open(&mut stream, &config).await?;
    match deflate {
        None => {
            let role = Role::Server;
            let websocket = WebSocketStream::from_raw_with_leftover(stream, role, config, early);
            serve_endpoint(websocket, endpoint, flushing, hub).await
        }
        Some(deflate) => {
            let websocket =
                CompressedWebSocketStream::server_with_leftover(stream, config, deflate, early);
            serve_endpoint(websocket, endpoint, flushing, hub).await
        }
    }
}

/// What a handshake came to.
struct Opening {
    endpoint: Endpoint,
    deflate: Option<DeflateConfig>,
    /// What was read after it.
    early: Option<Bytes>,
}

/// The library's own handshake knows nothing of compression, so it is put together from its parts.
async fn open(stream: &mut TcpStream, config: &Config) -> Result<Opening> {
    let policy = config.compression.to_deflate_config();
    let mut buffer = BytesMut::with_capacity(4096);
    loop {
        ensure!(stream.read_buf(&mut buffer).await? > 0, "the client has gone");
        let Some((request, consumed)) = parse_request(&buffer)? else { continue };
        let endpoint = Endpoint::on(&request.path).context("no endpoint has this path")?;
        let offers = request.extensions.zip(policy.as_ref());
        let deflate = offers.and_then(|(offers, policy)| negotiate_server_deflate(offers, policy));
        let extension = deflate.as_ref().map(DeflateNegotiation::to_response_header);
        let key = generate_accept_key(request.key);
        stream.write_all(&build_response(&key, None, extension.as_deref())).await?;
        let early = buffer.split_off(consumed).freeze();
        return Ok(Opening {
            endpoint,
            deflate: deflate.map(|deflate| deflate.config),
            early: (!early.is_empty()).then_some(early),
        });
    }
}

async fn serve_endpoint<W>(
    websocket: W,
    endpoint: Endpoint,
    flushing: Flushing,
    hub: Hub<Message>,
) -> Result<()>
where
    W: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    match (endpoint, flushing) {
        (Endpoint::Echo, Flushing::Each) => relay::echo(websocket).await,
        (Endpoint::Echo, Flushing::Once) => echo_feeding(websocket).await,
        (Endpoint::Broadcast, _) => relay::broadcast(websocket, hub).await,
    }
}

/// The library flushes what was fed when it has nothing more to read.
async fn echo_feeding<W>(mut websocket: W) -> Result<()>
where
    W: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    while let Some(message) = websocket.next().await {
        let message = message?;
        if relay::Message::is_data(&message) {
            websocket.feed(message).await?;
        }
    }
    Ok(())
}

impl relay::Message for Message {
    fn is_data(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Binary(_))
    }
}
