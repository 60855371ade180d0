//! Ten thousand clients that say nothing: they stay, and cost little.
//!
//! The server runs in a process of its own, this test once more, so that its memory can be told
//! from the clients' and each has descriptors enough.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use aerys::{Client, Failure, Handshake, Host, Message, Options, Refusal, Server, Websocket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
    time::timeout,
};

const CLIENTS: usize = 10_000;
const HEARTBEAT: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(100);

#[test]
fn ten_thousand_idle_clients_stay_open_through_two_heartbeats() {
    if env::var_os(SERVER).is_some() {
        return serve();
    }
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).expect("a limit of open files");
    assert!(
        descriptors > CLIENTS as u64 + 100,
        "only {descriptors} open files are allowed: raise `ulimit -Hn` above {}",
        CLIENTS + 100
    );
    let server = ServerProcess::start();
    let before = server.memory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let memory = runtime.block_on(async {
        timeout(PATIENCE, visit(&server)).await.expect("all clients come, stay and are heard")
    });
    let each = memory.saturating_sub(before) / CLIENTS;
    println!("{CLIENTS} idle clients: {each} bytes of server memory each");
    assert!(each < 4 * 1024, "{each} bytes for each idle client");
}

/// Connects all clients, holds them through two heartbeats and has each echoed a message; answers
/// with the server's memory while they were idle.
async fn visit(server: &ServerProcess) -> usize {
    // Connecting is not what is tested: not more at a time than any kernel queues.
    let door = Arc::new(Semaphore::new(200));
    let (speak, spoken) = watch::channel(false);
    let (settled, mut settling) = mpsc::channel(CLIENTS);
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (door, address) = (Arc::clone(&door), server.address);
        let (settled, spoken) = (settled.clone(), spoken.clone());
        clients.spawn(async move {
            let turn = door.acquire().await;
            let stream = open(address).await;
            drop(turn);
            stay(stream, settled, spoken).await;
        });
    }
    for _ in 0..CLIENTS {
        tokio::select! {
            Some(()) = settling.recv() => {}
            Some(ended) = clients.join_next() => panic!("a client did not stay: {ended:?}"),
        }
    }
    let memory = server.memory();
    speak.send_replace(true);
    while let Some(client) = clients.join_next().await {
        client.expect("each client is heard");
    }
    memory
}

/// Answers pings, reports when two were, says "hi" when told to and goes when it hears it.
async fn stay(mut stream: TcpStream, settled: mpsc::Sender<()>, mut spoken: watch::Receiver<bool>) {
    let (mut pings, mut byte) = (0, [0]);
    loop {
        tokio::select! {
            peeked = stream.peek(&mut byte) => assert_ne!(peeked.unwrap(), 0, "the server hung up"),
            _ = spoken.wait_for(|speak| *speak), if pings >= 2 => break,
        }
        answer_ping(&mut stream).await;
        pings += 1;
        if pings == 2 {
            settled.send(()).await.unwrap();
        }
    }
    echo(&mut stream).await;
}

async fn open(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                   Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("an answer"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

/// Waits for a ping and answers it, as RFC 6455 §5.5.3 asks.
async fn answer_ping(stream: &mut TcpStream) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.expect("the server is there");
    let [0x89, len @ 0..=125] = head else { panic!("no ping: {head:02x?}") };
    let mut payload = vec![0; len.into()];
    stream.read_exact(&mut payload).await.unwrap();
    // Masked with zeros, which leaves the payload as it is.
    let mut pong = vec![0x8A, 0x80 | len, 0, 0, 0, 0];
    pong.extend(payload);
    stream.write_all(&pong).await.unwrap();
}

/// Says "hi" and hears it; a ping that came in between was not waited for.
async fn echo(stream: &mut TcpStream) {
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.unwrap();
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head).await.expect("the server is there");
        let mut payload = vec![0; (head[1] & 0x7F).into()];
        stream.read_exact(&mut payload).await.unwrap();
        if head[0] == 0x81 {
            assert_eq!(payload, b"hi");
            return;
        }
    }
}

struct ServerProcess {
    child: Child,
    address: SocketAddr,
}

impl ServerProcess {
    fn start() -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "ten_thousand_idle_clients_stay_open_through_two_heartbeats"])
            .arg("--nocapture")
            .env(SERVER, "1")
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test can be run once more");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(READY).and_then(|it| it.parse().ok()))
            .expect("the server says where it listens");
        Self { child, address }
    }

    /// Resident memory, in bytes.
    fn memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the environment of the process that is to be the server.
const SERVER: &str = "AERYS_IDLE_SERVER";

/// What the server says before its address.
const READY: &str = "ready at ";

struct Echo;

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Client, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        client.send(message).await?;
        Ok(())
    }
}

fn serve() {
    rlimit::increase_nofile_limit(u64::MAX).expect("a limit of open files");
    let options = Options::new().heartbeat_period(HEARTBEAT);
    let host = Host::new("localhost").websocket_with("/", Echo, options);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::new().listen(([127, 0, 0, 1], 0)).host(host).workers(1);
        let running = server.start().await.expect("the server starts");
        println!("\n{READY}{}", running.address());
        running.until_signalled().await.expect("the server stops");
    });
}
