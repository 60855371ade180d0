//! A server that a file describes: what the file says is what clients meet.

mod applications;
mod serving;
mod tls;

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use aerys::{Accepted, Client, Config, Failure, Handshake, Message, Refusal, Running, Websocket};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite};

/// For what should come at once.
const PATIENCE: Duration = Duration::from_secs(20);

struct Echo;

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        Ok(client.send(message).await?)
    }
}

/// A folder with a file, and what else that names.
struct Folder(TempDir);

impl Folder {
    fn new(text: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path("aerys.toml"), text).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn config(&self) -> Config {
        Config::load(self.path("aerys.toml")).unwrap().application_with("echo", || Echo)
    }

    async fn start(&self) -> Running {
        start(&self.config()).await
    }
}

async fn start(config: &Config) -> Running {
    let server = config.server().unwrap_or_else(|error| panic!("{error}"));
    soon(server.start()).await.expect("it starts")
}

async fn soon<F: IntoFuture>(what: F) -> F::Output {
    timeout(PATIENCE, what).await.expect("it comes in time")
}

/// Opens a websocket; `None` if it is refused.
async fn open(address: SocketAddr, path: &str) -> Option<WebSocketStream<TcpStream>> {
    let stream = soon(TcpStream::connect(address)).await.expect("it listens");
    match soon(client_async(format!("ws://localhost{path}"), stream)).await {
        Ok((socket, _)) => Some(socket),
        Err(tungstenite::Error::Http(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// All that is answered to a request with this head.
async fn ask(address: SocketAddr, head: &str) -> String {
    let mut stream = soon(TcpStream::connect(address)).await.expect("it listens");
    let request = format!("{head}Host: localhost\r\nConnection: close\r\n\r\n");
    soon(stream.write_all(request.as_bytes())).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}
