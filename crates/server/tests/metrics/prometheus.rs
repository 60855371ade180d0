//! Those whom the metrics are for: promtool finds no fault with them, and Prometheus reads them, in the format that
//! it prefers, and answers the questions of the dashboard.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    time::Duration,
};

use aerys::{Host, Listener, Metrics, Options, Running, Server};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
    time::sleep,
};

use crate::{
    dashboard,
    stage::{CLOSE, Echo, Peer, TEXT, soon, start},
};

const MISSING: &str = "These tests need Prometheus: apt-get install prometheus";

/// A server with something to tell: one client has been and another is here.
async fn busy() -> (Running, Peer) {
    let options = Options::new().heartbeat_period(None);
    let host = Host::new("localhost").websocket_with("/second", Echo::Awaited, Options::new());
    let server = Server::new()
        .host(host.websocket_with("/", Echo::Awaited, options))
        .listen("127.0.0.1:0")
        .listen(Listener::from("127.0.0.1:0").metrics());
    let server = start(server.workers(2)).await;
    let mut gone = Peer::open(&server).await;
    gone.say(CLOSE, &1000_u16.to_be_bytes()).await;
    gone.ends().await;
    let mut here = Peer::open(&server).await;
    for _ in 0..200 {
        here.say(TEXT, b"hello").await;
        here.hear().await;
    }
    (server, here)
}

#[tokio::test]
async fn promtool_finds_no_fault() {
    let (server, _here) = busy().await;
    check(&server.metrics()).await;
    server.stop().await;
}

async fn check(metrics: &Metrics) {
    let mut promtool = program("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .spawn()
        .expect(MISSING);
    let mut input = promtool.stdin.take().expect("it is piped");
    let text = metrics.prometheus();
    input.write_all(text.as_bytes()).await.expect("it reads");
    drop(input);
    let output = soon(promtool.wait_with_output()).await.expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}

#[tokio::test]
async fn prometheus_reads_them_and_answers_what_the_dashboard_asks() {
    let (server, mut here) = busy().await;
    let prometheus = Prometheus::start(server.addresses()[1]).await;
    let target = prometheus.until_scraped().await;
    assert_eq!(target["lastError"], "", "{target}");
    // It says that a target is well a moment before it knows what that has said.
    let clients = "aerys_clients{endpoint=\"localhost/\"}";
    assert_eq!(prometheus.answer(clients).await, [1.0]);
    let direction = "aerys_messages_total{endpoint=\"localhost/\",direction=\"in\",kind=\"text\"}";
    assert_eq!(prometheus.ask(direction).await, [200.0]);
    // It is told of a type, which it has only where it could read the comments as well.
    let metadata = prometheus.get("/api/v1/metadata?metric=aerys_fan_out_duration_seconds").await;
    let metadata = &metadata["data"]["aerys_fan_out_duration_seconds"][0];
    assert_eq!(metadata["type"], "histogram", "{metadata}");
    for query in dashboard::queries() {
        let query = query.replace("$__rate_interval", "1m").replace("$endpoint", ".*");
        // Whatever there is to be answered: it is a question that can be asked.
        prometheus.ask(&query).await;
    }
    here.say(CLOSE, &[]).await;
    server.stop().await;
}

/// Prometheus, with nothing but this to look at. It is killed when dropped.
struct Prometheus {
    address: SocketAddr,
    _child: Child,
    _folder: TempDir,
    /// Keeps the port from being anybody else's.
    _reserved: Socket,
}

impl Prometheus {
    async fn start(target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let configuration = folder.path().join("prometheus.yml");
        let text = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n\
             - job_name: aerys\n  static_configs:\n  - targets: [\"{target}\"]\n"
        );
        fs::write(&configuration, text).unwrap();
        let (reserved, address) = reserve();
        let child = program("prometheus")
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .kill_on_drop(true)
            .spawn()
            .expect(MISSING);
        Self { address, _child: child, _folder: folder, _reserved: reserved }
    }

    /// Waits until it has looked at its target, and answers what it says of it.
    async fn until_scraped(&self) -> Value {
        soon(async {
            loop {
                if TcpStream::connect(self.address).await.is_ok() {
                    let targets = self.get("/api/v1/targets").await;
                    let target = &targets["data"]["activeTargets"][0];
                    if target["health"].as_str().is_some_and(|health| health != "unknown") {
                        return target.clone();
                    }
                }
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await
    }

    /// The same, once there is any.
    async fn answer(&self, query: &str) -> Vec<f64> {
        soon(async {
            loop {
                let answer = self.ask(query).await;
                if !answer.is_empty() {
                    return answer;
                }
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await
    }

    /// What it knows, as far as that is numbers.
    async fn ask(&self, query: &str) -> Vec<f64> {
        let encoded =
            percent_encoding::utf8_percent_encode(query, percent_encoding::NON_ALPHANUMERIC);
        let answer = self.get(&format!("/api/v1/query?query={encoded}")).await;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let samples = answer["data"]["result"].as_array().expect("there is a result");
        let value = |sample: &Value| sample["value"][1].as_str()?.parse().ok();
        samples.iter().filter_map(value).collect()
    }

    async fn get(&self, path: &str) -> Value {
        let mut stream = soon(TcpStream::connect(self.address)).await.expect("it listens");
        // Without chunks, which are HTTP/1.1's.
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        soon(stream.write_all(request.as_bytes())).await.expect("it reads");
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        serde_json::from_str(body).unwrap_or_default()
    }
}

fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    let path = env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/local/bin:/usr/sbin"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A port that the system gives to nobody else, and on which who asks for it by number can listen: both sockets
/// allow their address to be used again, and only one of them listens.
fn reserve() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().expect("it is one of IP");
    (socket, address)
}
