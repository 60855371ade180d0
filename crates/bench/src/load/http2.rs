//! Clients whose websockets are streams of one connection of HTTP/2 (RFC 8441), by h2. They sleep while there is
//! nothing to do.

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use h2::{
    RecvStream, SendStream,
    client::{Builder, SendRequest},
    ext::Protocol,
};
use http::{Method, Request, StatusCode, Version};
use rustix::time::{ClockId, clock_gettime};
use tokio::{
    net::TcpStream,
    runtime::{self, Runtime},
    time::timeout,
};

use super::{
    Latency, Tally, Until, Visit,
    message::{Message, masked},
    replies::Replies,
};

const PONG: u8 = 0xa;

/// How much a stream may be sent before it is read, and all of them together, in bytes.
const STREAM_WINDOW: u32 = 1 << 20;

const CONNECTION_WINDOW: u32 = 1 << 30;

/// A closed loop: each client says something, waits for the echo, and says it again.
pub(crate) struct Http2Echo {
    runtime: Runtime,
    rounds: FuturesUnordered<Round>,
    /// After how long without any reply it gives up.
    patience: Duration,
}

/// A client's message on its way there and back.
type Round = Pin<Box<dyn Future<Output = Result<(Client, Heard)>>>>;

struct Heard {
    took: Duration,
    bytes: u64,
}

impl Http2Echo {
    /// Opens a stream for each client, and has each say its first.
    ///
    /// # Errors
    ///
    /// If one of them cannot.
    pub(crate) fn start(visit: &Visit, count: usize, message: Message) -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let message = Rc::new(message);
        let rounds = runtime.block_on(async {
            let requests = connect(visit.address).await?;
            let rounds = FuturesUnordered::new();
            for _ in 0..count {
                let client = Client::open(&requests, visit, Rc::clone(&message)).await?;
                rounds.push(client.round());
            }
            anyhow::Ok(rounds)
        })?;
        Ok(Self { runtime, rounds, patience: visit.patience.limit })
    }

    /// Goes on for a while; the loop stays closed between two calls.
    ///
    /// # Errors
    ///
    /// If a reply is wrong or missing, or the connection breaks.
    pub(crate) fn run(&mut self, until: Until) -> Result<Tally> {
        let Self { runtime, rounds, patience } = self;
        let (start, worked) = (Instant::now(), time_at_work());
        let (mut messages, mut bytes, mut latency) = (0, 0, Latency::new());
        runtime.block_on(async {
            while !until.is_reached(start, messages) {
                let round = timeout(*patience, rounds.next()).await.context("no reply came")?;
                let (client, heard) = round.context("there is no client")??;
                rounds.push(client.round());
                messages += 1;
                bytes += heard.bytes;
                latency.record(heard.took);
            }
            anyhow::Ok(())
        })?;
        let elapsed = start.elapsed();
        let idle = elapsed.saturating_sub(time_at_work() - worked);
        Ok(Tally { messages, bytes, elapsed, idle, latency })
    }
}

/// The only connection, once the server has said that it takes websockets.
async fn connect(address: SocketAddr) -> Result<SendRequest<Bytes>> {
    let stream = TcpStream::connect(address).await.context("connect")?;
    stream.set_nodelay(true)?;
    let (requests, connection) = Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(stream)
        .await?;
    tokio::spawn(connection);
    // The server's settings are the first that comes, so that its answer to anything is behind them.
    let ask = Request::head(format!("http://{address}/")).version(Version::HTTP_2).body(())?;
    let (answer, _) = requests.clone().ready().await?.send_request(ask, true)?;
    answer.await.context("an answer")?;
    ensure!(requests.is_extended_connect_protocol_enabled(), "the server knows no RFC 8441");
    Ok(requests)
}

/// What this thread has had of its core.
fn time_at_work() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// A stream whose handshake is done.
struct Client {
    sending: SendStream<Bytes>,
    receiving: RecvStream,
    message: Rc<Message>,
    replies: Replies,
}

impl Client {
    async fn open(
        requests: &SendRequest<Bytes>,
        visit: &Visit,
        message: Rc<Message>,
    ) -> Result<Self> {
        let request = Request::builder()
            .method(Method::CONNECT)
            .uri(format!("http://{}{}", visit.address, visit.path))
            .version(Version::HTTP_2)
            .extension(Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13")
            .body(())?;
        let (answer, sending) = requests.clone().ready().await?.send_request(request, false)?;
        let (head, receiving) = answer.await.context("an answer")?.into_parts();
        ensure!(head.status == StatusCode::OK, "the server answered {}", head.status);
        Ok(Self { sending, receiving, message, replies: Replies::default() })
    }

    /// Says the message, and waits for its reply.
    fn round(mut self) -> Round {
        let said = Instant::now();
        Box::pin(async move {
            let frame = Bytes::copy_from_slice(&self.message.frames()[..self.message.frame_len()]);
            self.say(frame).await?;
            let bytes = self.hear().await?;
            Ok((self, Heard { took: said.elapsed(), bytes }))
        })
    }

    async fn say(&mut self, mut frame: Bytes) -> Result<()> {
        while !frame.is_empty() {
            self.sending.reserve_capacity(frame.len());
            while self.sending.capacity() == 0 {
                let room = poll_fn(|cx| self.sending.poll_capacity(cx)).await;
                room.context("the server has ended a stream")??;
            }
            let size = self.sending.capacity().min(frame.len());
            self.sending.send_data(frame.split_to(size), false)?;
        }
        Ok(())
    }

    /// Reads until a reply is there, and answers how many bytes that were.
    async fn hear(&mut self) -> Result<u64> {
        let mut read = 0;
        loop {
            let bytes = self.receiving.data().await.context("the server hung up")??;
            self.receiving.flow_control().release_capacity(bytes.len())?;
            read += bytes.len() as u64;
            let heard = self.replies.feed(&bytes, &self.message)?;
            ensure!(!heard.close, "the server closed");
            ensure!(heard.messages <= 1, "{} replies came to one message", heard.messages);
            if let Some(payload) = heard.ping {
                self.say(masked(PONG, &payload).into()).await?;
            }
            if heard.messages == 1 {
                return Ok(read);
            }
        }
    }
}
