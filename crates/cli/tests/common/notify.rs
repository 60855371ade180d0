//! What a server tells who has started it: sd_notify(3).

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::{net::UnixDatagram, process::Command};

use super::soon;

/// A socket that is told.
pub(crate) struct Notified {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Notified {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        Self { socket, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("notify")
    }

    /// Has a command tell this socket.
    pub(crate) fn by<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("NOTIFY_SOCKET", self.path())
    }

    /// The next that is said: lines of `NAME=VALUE`.
    pub(crate) async fn next(&self) -> String {
        let mut said = [0; 256];
        let len = soon("a notification", self.socket.recv(&mut said)).await.unwrap();
        String::from_utf8_lossy(&said[..len]).into_owned()
    }

    /// Waits until that is said, alone or among others.
    pub(crate) async fn until(&self, line: &str) {
        while !self.next().await.lines().any(|it| it == line) {}
    }
}
