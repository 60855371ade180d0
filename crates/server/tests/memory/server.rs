//! A server in another process, this test program once more, so that its memory can be told from
//! the clients' and each has descriptors enough.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use aerys::{
    Accepted, Client, Compression, Failure, Handshake, Host, Message, Options, Refusal, Server,
    Websocket,
};

pub(crate) const HEARTBEAT: Duration = Duration::from_secs(3);

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(100);

/// What the server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it is by default.
    Usual,
    /// Each message is compressed in the context of those before it, both ways.
    Takeover,
    /// It never comes to an end with the first message.
    Stuck,
}

/// An echo server at `/`.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl ServerProcess {
    pub(crate) fn start(kind: Kind) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "server::serve", "--ignored", "--nocapture"])
            .env(KIND, format!("{kind:?}"))
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
    pub(crate) fn memory(&self) -> usize {
        self.status("VmRSS:")
    }

    /// The most there has been of it so far.
    pub(crate) fn peak_memory(&self) -> usize {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes sure that `count` connections can be open.
pub(crate) fn allow_descriptors(count: usize) {
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).expect("a limit of open files");
    assert!(
        descriptors > count as u64 + 100,
        "only {descriptors} open files are allowed: raise `ulimit -Hn` above {}",
        count + 100
    );
}

/// In the environment of the process that is to be the server.
const KIND: &str = "AERYS_MEMORY_SERVER";

/// What the server says before its address.
const READY: &str = "ready at ";

struct Echo {
    stuck: bool,
}

impl Websocket for Echo {
    async fn on_open(&self, handshake: Handshake) -> Result<Accepted, Refusal> {
        Ok(handshake.accept())
    }

    async fn on_data(&self, client: &Client, message: Message) -> Result<(), Failure> {
        if self.stuck {
            std::future::pending::<()>().await;
        }
        client.send(message).await?;
        Ok(())
    }
}

#[test]
#[ignore = "it is what the others start"]
fn serve() {
    let Ok(kind) = env::var(KIND) else { return };
    allow_descriptors(0);
    let mut options = Options::new().heartbeat_period(HEARTBEAT);
    if kind == format!("{:?}", Kind::Takeover) {
        let takeover =
            Compression::new().server_context_takeover(true).client_context_takeover(true);
        options = options.compression(takeover);
    }
    let echo = Echo { stuck: kind == format!("{:?}", Kind::Stuck) };
    let host = Host::new("localhost").websocket_with("/", echo, options);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::new().listen(([127, 0, 0, 1], 0)).host(host).workers(1);
        let running = server.start().await.expect("the server starts");
        println!("\n{READY}{}", running.address());
        running.until_signalled().await.expect("the server stops");
    });
}
