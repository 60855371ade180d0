//! A program that somebody else has written: run to its end, bounded in time, and never left behind.

use std::{io, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::stage::soon;

/// A program that runs. When it is dropped, it is killed with all that it has started.
pub(crate) struct Program {
    name: String,
    child: Child,
    output: BufReader<ChildStdout>,
}

/// How a program ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Program {
    /// Starts a program; `missing` is said if there is none of this name.
    pub(crate) fn start(command: &mut Command, missing: &str) -> Self {
        // A group of its own, so that what it starts can be ended with it.
        command.process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = format!("{:?}", command.as_std());
        let mut child = match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => panic!("{missing}"),
            spawned => spawned.unwrap_or_else(|error| panic!("{name}: {error}")),
        };
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { name, child, output }
    }

    /// The next line that it prints, without its end.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        let length = soon(self.output.read_line(&mut line)).await.unwrap();
        assert!(length > 0, "{} has nothing more to say", self.name);
        line.trim_end().to_owned()
    }

    /// Waits for the end of a program that is not to end, and answers what it wrote to stderr.
    pub(crate) async fn early_end(&mut self) -> String {
        let mut errors = Vec::new();
        all(self.child.stderr.as_mut().expect("it is piped"), &mut errors).await;
        String::from_utf8_lossy(&errors).into_owned()
    }

    /// Waits until it ends, but no longer than `most`: then it is killed, and what it has printed is
    /// shown.
    pub(crate) async fn end(mut self, most: Duration) -> Ended {
        let mut errors = self.child.stderr.take().expect("it is piped");
        let (mut said, mut complained) = (Vec::new(), Vec::new());
        let ends = async {
            tokio::join!(all(&mut self.output, &mut said), all(&mut errors, &mut complained));
            self.child.wait().await.expect("it can be waited for")
        };
        let status = timeout(most, ends).await;
        let output = String::from_utf8_lossy(&said).into_owned();
        let errors = String::from_utf8_lossy(&complained).into_owned();
        match status {
            Ok(status) => Ended { code: status.code(), output, errors },
            Err(_) => panic!("{} hangs after {most:?}:\n{output}\n{errors}", self.name),
        }
    }

    /// As [`end`](Self::end), for a program that has a minute and must succeed. What it printed.
    pub(crate) async fn success(self) -> String {
        let name = self.name.clone();
        let Ended { code, output, errors } = self.end(MINUTE).await;
        assert_eq!(code, Some(0), "{name}:\n{output}\n{errors}");
        output
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let group = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(group) = group {
            // The whole group may have ended already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

async fn all(from: &mut (impl AsyncRead + Unpin), to: &mut Vec<u8>) {
    from.read_to_end(to).await.expect("it can be read from");
}
