//! Each line about one client says as fields of their own which endpoint that is about, which client, and where that is:
//! in text and in JSON.

use std::{
    future::pending,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use aerys::{
    Accepted, Client, Departure, Failure, Handshake, Host, Message, Options, Refusal, Running,
    Server, Status, Websocket,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tracing_subscriber::{Layer, filter::LevelFilter, fmt, layer::SubscriberExt, registry};

#[path = "wire/mod.rs"]
mod wire;

use wire::{frame, handshake};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the proxy in front says that the client is.
const CLIENT_IP: &str = "203.0.113.7";

const FORWARDED: &str = "X-Forwarded-For: 203.0.113.7\r\n";

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).expect("a log is text")
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails where and how its query says.
struct Faulty;

impl Faulty {
    fn obey(client: &Client<String>, here: &str) -> Result<(), Failure> {
        match client.state().strip_prefix(here) {
            Some("-panics") => panic!("a fault"),
            Some("-fails") => Err(Failure::new("a fault")),
            _ => Ok(()),
        }
    }
}

impl Websocket<String> for Faulty {
    async fn on_open(&self, handshake: Handshake<String>) -> Result<Accepted<String>, Refusal> {
        let order = handshake.request().uri.query().unwrap_or_default().to_owned();
        match &*order {
            "refused" => Err(handshake.refuse(Status::FORBIDDEN)),
            "decision-fails" => Err(Failure::new("a fault").into()),
            "decision-panics" => panic!("a fault"),
            "waits" => pending().await,
            "misused" => Ok(handshake.header("x", "a\nb").accept_with(order)),
            _ => {
                let client = handshake.accept_with(order);
                Self::obey(&client, "open")?;
                Ok(client)
            }
        }
    }

    async fn on_data(&self, client: &Client<String>, _: Message) -> Result<(), Failure> {
        if client.state() == "task-fails" {
            client.spawn(async { Err(Failure::new("a fault")) });
        }
        Self::obey(client, "data")
    }

    async fn on_close(&self, gone: &Departure<String>) {
        if gone.state() == "close-panics" {
            panic!("a fault");
        }
    }
}

async fn serve() -> Running {
    let options = Options::new().close_period(Duration::from_millis(100));
    let host = Host::new("mysite.example")
        .websocket_with("/faulty", Faulty, options.clone())
        .websocket_with("/full", Faulty, options.max_clients(1));
    let server = Server::new().listen("127.0.0.1:0").host(host).workers(1);
    let server = server.trusted_proxies(["127.0.0.1"]).handshakes_per_ip(1, 100);
    server.start().await.expect("it starts")
}

/// Has a client ask for what it says, say something if it is let in, and go.
async fn visit(server: &Running, path: &str, extra: &str) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = handshake(path, &format!("{FORWARDED}{extra}"));
    let request = request.replacen("localhost", "mysite.example", 1);
    stream.write_all(request.as_bytes()).await.unwrap();
    if path.ends_with("?waits") {
        return;
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("an answer"));
    }
    if head.starts_with(b"HTTP/1.1 101 ") {
        // It may have been closed already.
        let _ = stream.write_all(&frame(0x81, b"hello")).await;
        let _ = stream.write_all(&frame(0x88, &[])).await;
        let _ = stream.read_to_end(&mut head).await;
    }
}

/// The line in JSON of a message about a client of this endpoint, with these words in it, once there is one.
async fn line(log: &Log, endpoint: &str, message: &str, words: &str) -> Value {
    let find = || {
        let text = log.text();
        let mut lines = text.lines().filter_map(|it| serde_json::from_str::<Value>(it).ok());
        lines.find(|it| {
            let is_it = |said: &str| said.starts_with(message);
            it["message"].as_str().is_some_and(is_it)
                && it["endpoint"] == endpoint
                && it.to_string().contains(words)
        })
    };
    let found = timeout(PATIENCE, async {
        loop {
            match find() {
                Some(line) => return line,
                None => sleep(Duration::from_millis(2)).await,
            }
        }
    });
    found.await.unwrap_or_else(|_| panic!("no {message:?} of {endpoint} in\n{}", log.text()))
}

#[tokio::test]
async fn a_line_about_a_client_says_where_which_and_from_where() {
    let (text, json) = (Log::default(), Log::default());
    let (text_writer, json_writer) = (text.clone(), json.clone());
    let layers = registry()
        .with(
            fmt::layer()
                .with_ansi(false)
                .with_writer(move || text_writer.clone())
                .with_filter(LevelFilter::DEBUG),
        )
        .with(
            fmt::layer()
                .json()
                .flatten_event(true)
                .with_writer(move || json_writer.clone())
                .with_filter(LevelFilter::DEBUG),
        );
    tracing::subscriber::set_global_default(layers).expect("nobody else listens");
    let server = serve().await;
    let foreign = "Origin: http://elsewhere.example\r\n";
    let old = "Sec-WebSocket-Version: 8\r\n";
    let faulty = "mysite.example/faulty";
    for (query, extra, message, words, has_client) in [
        ("", "", "a handshake was accepted", "", true),
        ("", "", "a client has gone", "\"code\"", true),
        ("?refused", "", "a handshake was refused", "403", false),
        ("?old", old, "a handshake was refused", "426", false),
        ("?foreign", foreign, "a page of another origin was refused", "elsewhere", false),
        ("?waits", "", "a client has gone before it was answered", "", false),
        ("?decision-fails", "", "on_open failed", "", false),
        ("?decision-panics", "", "on_open panicked", "", false),
        ("?misused", "", "on_open accepted with what cannot be answered", "", false),
        ("?open-fails", "", "a handler failed", "on_open", true),
        ("?open-panics", "", "a handler panicked", "on_open", true),
        ("?data-fails", "", "a handler failed", "on_data", true),
        ("?data-panics", "", "a handler panicked", "on_data", true),
        ("?task-fails", "", "a handler failed", "watcher", true),
        ("?close-panics", "", "a handler panicked", "on_close", true),
    ] {
        let message = &message;
        // Lines of a kind are rationed: a fresh second has one.
        let found = async {
            loop {
                visit(&server, &format!("/faulty{query}"), extra).await;
                let told = timeout(Duration::from_millis(500), line(&json, faulty, message, words));
                if let Ok(line) = told.await {
                    return line;
                }
            }
        };
        let found = timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no {message:?}"));
        check(&found, faulty, has_client);
    }
    // One is there, and does not go.
    let full = "mysite.example/full";
    let mut first = TcpStream::connect(server.address()).await.unwrap();
    let request = handshake("/full", "").replacen("localhost", "mysite.example", 1);
    first.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(first.read_u8().await.unwrap(), b'H');
    visit(&server, "/full", "").await;
    check(&line(&json, full, "a handshake was refused: there are", "").await, full, false);
    server.stop().await;
    // The same in text.
    let text = text.text();
    let told = text.lines().find(|it| it.contains("a handler panicked")).expect("it is told");
    for field in ["endpoint=\"mysite.example/faulty\"", "client=", "client_ip=203.0.113.7"] {
        assert!(told.contains(field), "{told}");
    }
}

fn check(line: &Value, endpoint: &str, has_client: bool) {
    assert_eq!(
        (&line["endpoint"], &line["client_ip"]),
        (&endpoint.into(), &CLIENT_IP.into()),
        "{line}"
    );
    assert_eq!(line["client"].is_u64(), has_client, "{line}");
    let via = format!("{CLIENT_IP} via 127.0.0.1:");
    assert!(line["address"].as_str().is_some_and(|it| it.starts_with(&via)), "{line}");
}
