//! The binary with a file: what it serves of it, and what it says of one that makes no sense.

mod admin;
mod cluster;
#[path = "../common/mod.rs"]
mod common;
mod contrib;
mod defaults;
mod documented;
mod log;
mod programs;
mod reload;
mod restart;
mod sentences;
mod serving;
mod sharing;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use common::{
    server::{Server, aerys, run},
    soon,
};
use futures_util::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

type Socket = WebSocketStream<TcpStream>;

/// A file in a folder of its own, called `aerys.toml`.
struct File(TempDir);

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("aerys.toml"), text).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("aerys.toml")
    }

    /// Runs a command that is given the file.
    async fn run(&self, arguments: &[&str]) -> Output {
        let path = self.path();
        run(&[arguments, &[utf8(&path)]].concat()).await
    }

    async fn serve(&self, arguments: &[&str]) -> Server {
        let path = self.path();
        Server::spawn(&mut aerys(&[arguments, &["-c", utf8(&path)]].concat())).await
    }
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("it is UTF-8")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it is UTF-8")
}

/// A client of a host at a path.
async fn connect(server: &Server, host: &str, path: &str) -> Socket {
    let stream = soon("the connection", TcpStream::connect(server.address())).await.unwrap();
    let url = format!("ws://{host}{path}");
    soon("the handshake", client_async(url, stream)).await.expect("it is let in").0
}

async fn say(socket: &mut Socket, text: &str) {
    soon("the send", socket.send(Message::text(text))).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Message {
    loop {
        match soon("a message", socket.next()).await.expect("the connection stays").unwrap() {
            Message::Ping(_) => {}
            message => return message,
        }
    }
}
