//! A server of NATS, and nodes on it, as processes.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::run::{Cores, Launch, Server, Subject};

/// How long the server of NATS may take until it listens.
const START: Duration = Duration::from_secs(10);

/// A server of NATS; it is killed when this is dropped.
pub(super) struct Nats {
    child: Child,
    pub(super) url: String,
}

/// Which of this program's own servers the nodes are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Aerys,
    Axum,
}

/// Some nodes, of which the first is on a core of its own.
pub(super) struct Nodes(pub(super) Vec<Server>);

impl Nats {
    pub(super) fn start(program: &Path) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let child = Command::new(program)
            .args(["--addr", "127.0.0.1", "--port", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let nats = Self { child, url: format!("nats://{address}") };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            ensure!(started.elapsed() < START, "the server of NATS does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        Ok(nats)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Nodes {
    /// Starts so many; without a bus each is by itself.
    pub(super) fn start(
        kind: Kind,
        count: usize,
        nats: Option<&Nats>,
        cores: &Cores,
    ) -> Result<Self> {
        let name = match kind {
            Kind::Aerys => "aerys",
            Kind::Axum => "axum",
        };
        let subject =
            Subject::own().find(|it| it.name == name).context("there is no such server")?;
        let launch = Launch {
            subject: &subject,
            workers: 1,
            compression: false,
            tls: None,
            http2: false,
            nats: nats.map(|nats| &*nats.url),
        };
        let mut nodes = vec![Server::start(launch, cores)?];
        for _ in 1..count {
            nodes.push(Server::start_beside(launch)?);
        }
        Ok(Self(nodes))
    }

    pub(super) fn address(&self, node: usize) -> SocketAddr {
        self.0[node].address()
    }

    /// CPU time of the first so far, in nanoseconds.
    pub(super) fn usage(&self) -> Result<f64> {
        Ok(self.0[0].usage()?.total)
    }
}
