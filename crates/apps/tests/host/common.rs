//! A server with an application in processes, its clients, and what it writes to the log.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    sync::{LazyLock, Mutex, Once, PoisonError},
    time::Duration,
};

use aerys::{Host, Options, Running, Server, Websocket};
use aerys_apps::{Application, ProcessOptions, Reloader};
use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, sync::Notify, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Error, Message, client::IntoClientRequest, http},
};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, event).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

fn programs() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs"))
}

/// The interpreter itself: what is called so on the PATH may be a script that looks for it, and takes its time.
fn python() -> &'static str {
    static PYTHON: LazyLock<String> = LazyLock::new(|| {
        let ask = ["-c", "import sys; print(sys.executable)"];
        let told = std::process::Command::new("python3").args(ask).output();
        let told = told.expect("there is Python 3").stdout;
        String::from_utf8(told).expect("it is a path").trim().to_owned()
    });
    &PYTHON
}

/// The program `app.py` in a mode; `mark` is by what its lines in the log are known.
pub(crate) fn app(mode: &str, mark: &str) -> ProcessOptions {
    log_is_kept();
    ProcessOptions::new([python(), "-BES", "app.py", mode, mark]).folder(programs())
}

/// A server.
pub(crate) struct Served {
    running: Running,
    address: SocketAddr,
    pub(crate) reloader: Option<Reloader>,
}

pub(crate) async fn serve(options: ProcessOptions) -> Served {
    serve_with(options, endpoint()).await
}

/// Options under which nobody waits long for a client that does not look.
pub(crate) fn endpoint() -> Options {
    Options::new().close_period(Duration::from_millis(200))
}

pub(crate) async fn serve_with(options: ProcessOptions, endpoint: Options) -> Served {
    let application = Application::processes(options);
    let reloader = application.reloader();
    serve_all(reloader, application, endpoint).await
}

/// The application on `/app/{room}`, and beside it an echo of the server's own.
pub(crate) async fn serve_all<S, W>(
    reloader: Option<Reloader>,
    application: W,
    endpoint: Options,
) -> Served
where
    S: Send + Sync + 'static,
    W: Websocket<S>,
{
    let host = Host::any()
        .websocket_with("/app/{room}", application, endpoint)
        .websocket("/native", Native);
    serve_by(Server::new().host(host), reloader).await
}

pub(crate) async fn serve_by(server: Server, reloader: Option<Reloader>) -> Served {
    let server = server.listen("127.0.0.1:0").workers(2);
    let running = soon("the start", server.start()).await.unwrap();
    let address = running.addresses()[0];
    Served { running, address, reloader }
}

struct Native;

impl Websocket for Native {
    async fn on_open(
        &self,
        handshake: aerys::Handshake,
    ) -> Result<aerys::Accepted, aerys::Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(
        &self,
        client: &aerys::Client,
        message: aerys::Message,
    ) -> Result<(), aerys::Failure> {
        Ok(client.send(message).await?)
    }
}

pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Served {
    /// The lines of its metrics in which this is.
    pub(crate) fn metrics_of(&self, name: &str) -> Vec<String> {
        let told = self.running.metrics().prometheus();
        told.lines().filter(|it| it.contains(name)).map(str::to_owned).collect()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn connect(&self, path: &str) -> Socket {
        match self.try_connect(path, &[]).await {
            Ok((socket, _)) => socket,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// To a path, or with a query to one that has a room.
    pub(crate) async fn try_connect(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> tungstenite::Result<(Socket, http::Response<Option<Vec<u8>>>)> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let room = if path.starts_with('/') { "" } else { "/app/lobby" };
        let mut request = format!("ws://{}{room}{path}", self.address).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, response) = soon("the handshake", client_async(request, stream)).await?;
        Ok((Socket(socket), response))
    }

    /// The answer to a handshake that is not let in.
    pub(crate) async fn refused(&self, path: &str) -> http::Response<Option<Vec<u8>>> {
        match self.try_connect(path, &[]).await {
            Err(Error::Http(response)) => *response,
            Err(error) => panic!("{path}: {error}"),
            Ok(_) => panic!("{path}: it was let in"),
        }
    }

    pub(crate) async fn stop(self) {
        soon("the stop", self.running.stop()).await;
    }
}

impl Socket {
    pub(crate) async fn say(&mut self, text: impl Into<String>) {
        soon("a message leaves", self.0.send(Message::text(text.into()))).await.unwrap();
    }

    pub(crate) async fn send(&mut self, message: Message) -> tungstenite::Result<()> {
        self.0.send(message).await
    }

    pub(crate) async fn next(&mut self) -> Message {
        soon("a message", self.0.next()).await.expect("there is one").unwrap()
    }

    pub(crate) async fn hear(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text.to_string(),
            other => panic!("a text, and not {other:?}"),
        }
    }

    pub(crate) async fn ask(&mut self, text: &str) -> String {
        self.say(text).await;
        self.hear().await
    }

    /// Whether nothing comes for so long.
    pub(crate) async fn is_silent_for(&mut self, period: Duration) -> bool {
        timeout(period, self.0.next()).await.is_err()
    }

    /// The code and the reason of the CLOSE that comes next; messages before it are passed over.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match soon("a CLOSE", self.0.next()).await {
                Some(Ok(Message::Close(close))) => {
                    let close = close.expect("it has a code");
                    return (close.code.into(), close.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("a CLOSE, and not {other:?}"),
            }
        }
    }
}

struct Log {
    lines: Mutex<Vec<String>>,
    more: Notify,
}

static LOG: Log = Log { lines: Mutex::new(Vec::new()), more: Notify::const_new() };

struct Line;

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes).into_owned();
        LOG.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        LOG.more.notify_waiters();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log_is_kept() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt().with_ansi(false).with_writer(|| Line).init();
    });
}

/// Lines of the log that have all of these in them.
pub(crate) fn lines(with: &[&str]) -> Vec<String> {
    let lines = LOG.lines.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().filter(|line| with.iter().all(|it| line.contains(it))).cloned().collect()
}

/// Waits for a line of the log that has all of these in it.
pub(crate) async fn logged(with: &[&str]) -> String {
    let found = async {
        loop {
            let more = LOG.more.notified();
            let mut more = std::pin::pin!(more);
            more.as_mut().enable();
            if let Some(line) = lines(with).into_iter().next() {
                return line;
            }
            more.await;
        }
    };
    match timeout(PATIENCE, found).await {
        Ok(line) => line,
        Err(_) => panic!("no line of the log has {with:?}: {:#?}", lines(&[])),
    }
}
