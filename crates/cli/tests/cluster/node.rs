//! A node: a process of the binary with a file, and what its metrics say.

use std::{fs, net::SocketAddr, path::PathBuf};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::common::{
    http,
    server::{Server, aerys},
};

/// How long a node counts as there without a sign of life.
pub(crate) const LEASE_SECONDS: u64 = 2;

pub(crate) struct Node {
    pub(crate) server: Server,
    metrics: SocketAddr,
    _folder: TempDir,
}

impl Node {
    /// On these servers of NATS.
    pub(crate) async fn start(nats: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("aerys.toml");
        fs::write(&file, text(nats)).unwrap();
        let file = file.to_str().expect("it is UTF-8");
        let mut server = Server::spawn(&mut aerys(&["-c", file])).await;
        let line = server.line().await;
        let metrics = line.rsplit('/').next().and_then(|address| address.parse().ok());
        let metrics = metrics.unwrap_or_else(|| panic!("no address in {line:?}"));
        Self { server, metrics, _folder: folder }
    }

    /// A metric that is there once.
    pub(crate) async fn figure(&self, name: &str) -> u64 {
        let metrics = http::get(self.metrics, "/metrics").await.body;
        let mut lines = metrics.lines().filter_map(|line| line.rsplit_once(' '));
        let value = lines.find(|(it, _)| *it == name).map(|(_, value)| value.parse().ok());
        value.flatten().unwrap_or_else(|| panic!("no {name} in {metrics}"))
    }

    pub(crate) async fn is_connected(&self) -> bool {
        self.figure("aerys_cluster_connected").await == 1
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.server.signal(signal);
    }

    /// What it has had of memory at most, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = PathBuf::from(format!("/proc/{}/status", self.server.id()));
        let status = fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|it| it.trim().strip_suffix(" kB"));
        kilobytes.and_then(|it| it.trim().parse::<u64>().ok()).expect("Linux says it") * 1024
    }
}

fn text(nats: &[String]) -> String {
    format!(
        "workers = 1
        [[listen]]
        address = '127.0.0.1:0'
        [[listen]]
        address = '127.0.0.1:0'
        metrics = true
        [drain]
        spread = '1 s'
        restart = true
        [cluster]
        nats = {nats:?}
        lease = '{LEASE_SECONDS} s'
        [[host]]
        name = 'localhost'
        [[host.websocket]]
        path = '/rooms/{{room}}'
        application = 'broadcast'
        [[host.websocket]]
        path = '/flood/{{room}}'
        application = 'broadcast'
        overflow = 'drop_newest'
        [[host.websocket]]
        path = '/chat/{{room}}'
        application = 'chat'
        "
    )
}
