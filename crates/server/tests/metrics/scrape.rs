//! What it costs to ask.

use std::{sync::Arc, time::Duration};

use aerys::{Accepted, Handshake, Host, Listener, Options, Refusal, Server, Websocket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    sync::Semaphore,
    task::JoinSet,
};

use crate::{
    process::{self, ServerProcess, allow_descriptors},
    stage::{handshake, soon},
};

const CLIENTS: usize = 10_000;

const SCRAPES: u32 = 200;

/// What one may cost the server's process, in CPU time. What is not optimized takes several times as long.
const COST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 20 } else { 5 });

struct Idle;

impl Websocket for Idle {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }
}

#[test]
#[ignore = "it is what the other starts"]
fn serve() {
    let Some(socket) = process::kind() else { return };
    allow_descriptors(CLIENTS);
    let options = || Options::new().heartbeat_period(None);
    // As many endpoints as a server of some size has.
    let host = (0..10)
        .fold(Host::new("localhost").websocket_with("/", Idle, options()), |it, n| {
            it.websocket_with(format!("/{n}"), Idle, options())
        });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::new()
            .listen("127.0.0.1:0")
            .listen(Listener::unix(socket).metrics())
            .host(host)
            .workers(4);
        let running = server.start().await.expect("the server starts");
        process::tell(running.address());
        running.until_signalled().await.expect("the server stops");
    });
}

#[test]
#[ignore = "it takes long"]
fn ten_thousand_clients_make_a_scrape_no_dearer() {
    allow_descriptors(CLIENTS);
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("metrics.sock");
    let server = ServerProcess::start("scrape::serve", socket.to_str().expect("it is text"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (cost, size) = runtime.block_on(async {
        let clients = open(&server).await;
        let mut scraper = UnixStream::connect(&socket).await.expect("it listens");
        // It is not the first one that is measured.
        let first = scrape(&mut scraper).await;
        assert!(first.contains(&format!("aerys_clients{{endpoint=\"localhost/\"}} {CLIENTS}\n")));
        let before = server.cpu_time();
        for _ in 0..SCRAPES {
            scrape(&mut scraper).await;
        }
        let cost = (server.cpu_time() - before) / SCRAPES;
        drop(clients);
        (cost, first.len())
    });
    println!("{CLIENTS} clients: a scrape of {size} bytes takes {cost:?} of CPU");
    assert!(cost <= COST, "a scrape takes {cost:?} of CPU");
}

async fn open(server: &ServerProcess) -> Vec<TcpStream> {
    // Connecting is not what is tested: not more at a time than any kernel queues.
    let door = Arc::new(Semaphore::new(200));
    let mut opening = JoinSet::new();
    for _ in 0..CLIENTS {
        let (door, address) = (Arc::clone(&door), server.address);
        opening.spawn(async move {
            let _turn = door.acquire().await;
            let mut stream = TcpStream::connect(address).await.expect("the server listens");
            stream.write_all(handshake("/", "").as_bytes()).await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("an answer"));
            }
            stream
        });
    }
    opening.join_all().await
}

async fn scrape(stream: &mut UnixStream) -> String {
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    soon(stream.write_all(request.as_bytes())).await.expect("it reads");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(soon(stream.read_u8()).await.expect("it answers"));
    }
    let head = String::from_utf8(answer).expect("a head is text").to_ascii_lowercase();
    let (_, length) = head.split_once("content-length: ").expect("it says how long it is");
    let length = length.split("\r\n").next().and_then(|it| it.parse().ok()).expect("a number");
    let mut body = vec![0; length];
    soon(stream.read_exact(&mut body)).await.expect("all of it comes");
    String::from_utf8(body).expect("it is text")
}
