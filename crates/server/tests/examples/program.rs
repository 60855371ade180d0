//! An example as a program: started, watched, ended, and never left behind.

use std::{env, net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr, ChildStdout, Command},
};

use crate::visitor::{Visitor, request};

pub(crate) struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Program {
    /// Starts the example of this name on any free port.
    pub(crate) async fn start(name: &str) -> Self {
        Self::spawn(&mut command(name)).await
    }

    /// As [`start`](Self::start); what it writes to its stderr comes from what is returned, which
    /// ends when nobody is left to write to it.
    pub(crate) async fn start_with_log(command: &mut Command) -> (Self, ChildStderr) {
        let mut program = Self::spawn(command.stderr(Stdio::piped())).await;
        let log = program.child.stderr.take().expect("it is piped");
        (program, log)
    }

    pub(crate) async fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the example can be run");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = soon(lines.next_line()).await.unwrap();
        let line = line.expect("the example says where it listens");
        let address = line.strip_prefix("Listening on http://").and_then(|it| it.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}"));
        Self { child, lines, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client that is let in at `/`.
    pub(crate) async fn visit(&self) -> Visitor {
        self.visit_at("/").await
    }

    pub(crate) async fn visit_at(&self, path: &str) -> Visitor {
        Visitor::enter(request(self.address, path)).await.expect("it is let in")
    }

    /// The next line that it prints.
    pub(crate) async fn line(&mut self) -> String {
        soon(self.lines.next_line()).await.unwrap().expect("it still runs")
    }

    /// Everything that is answered to `request` until the server hangs up.
    pub(crate) async fn ask(&self, request: &str) -> String {
        let mut stream = soon(TcpStream::connect(self.address)).await.expect("it listens");
        soon(stream.write_all(request.as_bytes())).await.unwrap();
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.unwrap();
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
            .await
    }

    /// Asks it to end, as a service manager would. It must end well, with nothing more to say.
    pub(crate) async fn end(self) {
        self.end_with(&[]).await;
    }

    /// As [`end`](Self::end), with these last words.
    pub(crate) async fn end_with(mut self, words: &[&str]) {
        let id = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        kill_process(id.expect("it runs"), Signal::TERM).unwrap();
        for word in words {
            assert_eq!(self.line().await, *word);
        }
        assert_eq!(soon(self.lines.next_line()).await.unwrap(), None, "a line too many");
        let status = soon(self.child.wait()).await.unwrap();
        assert_eq!(status.code(), Some(0), "{status}");
    }
}

/// What starts an example on any free port; what was started is killed when it is dropped.
pub(crate) fn command(name: &str) -> Command {
    let mut command = Command::new(path(name));
    command.arg("127.0.0.1:0").kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// Everything that was written until the end of a program.
pub(crate) async fn all_of(mut log: ChildStderr) -> String {
    let mut text = String::new();
    soon(log.read_to_string(&mut text)).await.unwrap();
    text
}

/// Beside the `deps` in which this test is, Cargo has `examples`.
fn path(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test is a program");
    let profile = test.ancestors().nth(2).expect("it is in `deps`");
    let path = profile.join("examples").join(name);
    assert!(path.exists(), "{} is not built: run `cargo build --examples` first", path.display());
    path
}

/// Waits for something that is to come, for longer than anything takes on a busy machine.
pub(crate) async fn soon<F: IntoFuture>(what: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it comes in time")
}
