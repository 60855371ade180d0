//! A server that is looked at before and after, and its clients.

use std::{collections::BTreeMap, time::Duration};

use aerys::{
    Accepted, Client, Failure, Handshake, Host, Message, Metrics, Options, Refusal, Running,
    Server, Websocket,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

pub(crate) use crate::wire::{frame, handshake};

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;

/// Says everything back, as it is told to.
pub(crate) enum Echo {
    Awaited,
    NotAwaited,
    /// From no handler of the client's.
    FromElsewhere,
}

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        match self {
            Self::Awaited => client.send(message).await?,
            Self::NotAwaited => client.send(message).nowait(),
            Self::FromElsewhere => {
                let client = client.clone();
                tokio::task::spawn_blocking(move || client.send(message).nowait());
            }
        }
        Ok(())
    }
}

/// One application at `localhost/`, on one worker.
pub(crate) async fn serve<S, W>(app: W, options: Options) -> Running
where
    W: Websocket<S>,
    S: Send + Sync + 'static,
{
    let host = Host::new("localhost").websocket_with("/", app, options);
    start(Server::new().host(host).listen("127.0.0.1:0").workers(1)).await
}

pub(crate) async fn start(server: Server) -> Running {
    soon(server.start()).await.expect("the server starts")
}

/// Waits for something that is to come.
pub(crate) async fn soon<F: IntoFuture>(what: F) -> F::Output {
    timeout(PATIENCE, what).await.expect("it comes before patience ends")
}

/// Waits until something that announces itself to nobody is true.
pub(crate) async fn eventually(mut is_true: impl FnMut() -> bool) {
    soon(async {
        while !is_true() {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Samples by their names and labels, as they are written.
pub(crate) type Samples = BTreeMap<String, f64>;

/// What is there now.
pub(crate) fn samples(metrics: &Metrics) -> Samples {
    let text = metrics.prometheus();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a sample has a value");
        (name.to_owned(), value.parse().expect("it is a number"))
    };
    lines.map(sample).collect()
}

/// Looks at what has moved since it was made.
pub(crate) struct Watch {
    metrics: Metrics,
    before: Samples,
}

impl Watch {
    pub(crate) fn over(server: &Running) -> Self {
        let metrics = server.metrics();
        let before = samples(&metrics);
        Self { metrics, before }
    }

    /// What has moved of the families whose names begin so, and by how much.
    pub(crate) fn moved(&self, families: &[&str]) -> Samples {
        let now = samples(&self.metrics).into_iter();
        let by = |(name, value): (String, f64)| {
            let by = value - self.before.get(&name).copied().unwrap_or_default();
            (name, by)
        };
        now.map(by)
            .filter(|(name, by)| *by != 0.0 && families.iter().any(|it| name.starts_with(it)))
            .collect()
    }

    /// Waits until what has moved of some families is this, `(sample, by)`, and nothing else.
    pub(crate) async fn moves(&self, families: &[&str], expected: &[(&str, u64)]) {
        let expected: Samples =
            expected.iter().map(|(name, by)| ((*name).to_owned(), *by as f64)).collect();
        let waited = timeout(PATIENCE, async {
            while self.moved(families) != expected {
                sleep(Duration::from_millis(2)).await;
            }
        });
        if waited.await.is_err() {
            assert_eq!(self.moved(families), expected, "what has moved, and what should have");
        }
    }
}

/// A client by hand: it does what it is told to, and nothing by itself.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    /// Connects, and says nothing.
    pub(crate) async fn connect(server: &Running) -> Self {
        Self(soon(TcpStream::connect(server.address())).await.expect("the server listens"))
    }

    /// One at `/` that was let in.
    pub(crate) async fn open(server: &Running) -> Self {
        let mut peer = Self::connect(server).await;
        assert_eq!(peer.knock("/", "").await, 101);
        peer
    }

    /// Sends a handshake for `path` with these lines beside the usual, and answers the status.
    pub(crate) async fn knock(&mut self, path: &str, extra: &str) -> u16 {
        self.write(&handshake(path, extra)).await;
        let head = self.head().await;
        head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status line")
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.0.write_all(bytes.as_ref())).await.expect("the server takes it");
    }

    pub(crate) async fn say(&mut self, opcode: u8, payload: &[u8]) {
        self.write(frame(0x80 | opcode, payload)).await;
    }

    /// The head of the next response.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon(self.0.read_u8()).await.expect("the server answers"));
        }
        String::from_utf8(head).expect("a head is text")
    }

    /// The next frame: its first byte and its payload.
    pub(crate) async fn hear(&mut self) -> (u8, Vec<u8>) {
        soon(async {
            let mut start = [0; 2];
            self.0.read_exact(&mut start).await?;
            let len = match start[1] {
                127 => self.0.read_u64().await? as usize,
                126 => self.0.read_u16().await?.into(),
                len => len.into(),
            };
            let mut payload = vec![0; len];
            self.0.read_exact(&mut payload).await?;
            std::io::Result::Ok((start[0], payload))
        })
        .await
        .expect("the server is there")
    }

    /// Waits until the server has hung up, whatever it says before.
    pub(crate) async fn ends(mut self) {
        let mut rest = Vec::new();
        let _ = soon(self.0.read_to_end(&mut rest)).await;
    }
}
