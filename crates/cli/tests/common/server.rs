//! The `aerys` binary: started, watched, and never left behind.

use std::{
    net::SocketAddr,
    process::{ExitStatus, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::soon;

/// A command that starts the binary. What it starts is killed when it is dropped, whatever happens
/// to the test.
pub(crate) fn aerys(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aerys"));
    command.args(arguments).env_remove("RUST_LOG").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// Runs the binary to its end.
pub(crate) async fn run(arguments: &[&str]) -> Output {
    soon("the end of the program", aerys(arguments).output()).await.unwrap()
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    scheme: String,
    address: SocketAddr,
}

impl Server {
    /// On any free port of this machine.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::spawn(&mut aerys(&[&["--listen", "127.0.0.1:0"], arguments].concat())).await
    }

    pub(crate) async fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the binary is there");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = soon("the first line", lines.next_line()).await.unwrap();
        let line = line.expect("the server says where it listens");
        let url = line.strip_prefix("Listening on ").and_then(|url| url.split_once("://"));
        let (scheme, address) = url.unwrap_or_else(|| panic!("no address in {line:?}"));
        let (scheme, address) = (scheme.to_owned(), address.parse().expect("it is an address"));
        Self { child, lines, scheme, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn page(&self) -> String {
        format!("{}://{}/", self.scheme, self.address)
    }

    /// The next line that it prints.
    pub(crate) async fn line(&mut self) -> String {
        let line = soon("another line", self.lines.next_line()).await.unwrap();
        line.expect("the server still runs")
    }

    /// Of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        kill_process(id.expect("it runs"), signal).unwrap();
    }

    /// Whether it has ended already.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it has ended by itself; it must have printed nothing more.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let line = soon("the end of the server", self.lines.next_line()).await.unwrap();
        assert_eq!(line, None, "a line too many");
        soon("the end of the server", self.child.wait()).await.unwrap()
    }

    /// Everything it wrote to its stderr, which has to be piped, until its end.
    pub(crate) async fn complaints(&mut self) -> String {
        let mut complaints = String::new();
        let stderr = self.child.stderr.as_mut().expect("it is piped");
        soon("the end of stderr", stderr.read_to_string(&mut complaints)).await.unwrap();
        complaints
    }

    /// Reads its stderr, which has to be piped, to the end of the next line with these words.
    pub(crate) async fn complains(&mut self, words: &str) -> String {
        let stderr = self.child.stderr.as_mut().expect("it is piped");
        let mut line = Vec::new();
        loop {
            match soon(words, stderr.read_u8()).await.expect("the server still runs") {
                b'\n' if String::from_utf8_lossy(&line).contains(words) => {
                    return String::from_utf8_lossy(&line).into_owned();
                }
                b'\n' => line.clear(),
                byte => line.push(byte),
            }
        }
    }

    /// Ends it at once, as a power cut would.
    pub(crate) async fn kill(mut self) {
        soon("the end of the server", self.child.kill()).await.unwrap();
    }
}
