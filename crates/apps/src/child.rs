//! A process of an application: how it is started, and how it is ended.

use std::{
    io,
    os::fd::OwnedFd,
    os::unix::net::UnixStream,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::{
    command::{PROTOCOL, command},
    options::ProcessOptions,
    output,
    stream::Stream,
};

/// How long a process may take to end after a TERM.
const KILL_PERIOD: Duration = Duration::from_secs(5);

/// How long one that has closed its stream may take to end by itself.
const END_PERIOD: Duration = Duration::from_secs(1);

/// A process, in a group of its own, which ends with this.
pub(crate) struct Process(Child);

impl Process {
    /// Starts one. Its stream is that which is given back.
    pub(crate) fn start(options: &ProcessOptions, name: &Arc<str>) -> io::Result<(Self, Stream)> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = piped(options);
        command.env(PROTOCOL.0, PROTOCOL.1).stdin(OwnedFd::from(theirs)).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        // With it goes our copy of their end.
        drop(command);
        let id = child.id().unwrap_or_default();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(output::log(stdout, output::Stream::Out, Arc::clone(name), id));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(output::log(stderr, output::Stream::Err, Arc::clone(name), id));
        }
        Ok((Self(child), Stream::new(ours)?))
    }

    pub(crate) fn new(child: Child) -> Self {
        Self(child)
    }

    /// Its number, or 0 once it has ended.
    pub(crate) fn id(&self) -> u32 {
        self.0.id().unwrap_or_default()
    }

    /// Sends a signal to it and all that it has started, unless it has ended.
    fn signal(&self, signal: Signal) {
        let id = self.0.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(id) = id {
            // It may have ended a moment ago.
            let _ = kill_process_group(id, signal);
        }
    }

    /// Closes our side of its stream, and waits until it has ended; it gets a TERM if it takes longer, and then a KILL.
    pub(crate) async fn finish(mut self, stream: Stream, period: Duration) -> Option<ExitStatus> {
        let ended = async {
            stream.finish().await;
            self.0.wait().await.ok()
        };
        if let Ok(status) = timeout(period, ended).await {
            return status;
        }
        self.terminate().await
    }

    /// TERM, and then KILL.
    pub(crate) async fn terminate(mut self) -> Option<ExitStatus> {
        self.signal(Signal::TERM);
        if let Ok(status) = timeout(KILL_PERIOD, self.0.wait()).await {
            return status.ok();
        }
        tracing::warn!(id = self.id(), "a process has not ended on a TERM, and is killed");
        self.kill().await
    }

    /// Waits a moment for the end of one that is about to end, and kills it otherwise.
    pub(crate) async fn ended(mut self) -> Option<ExitStatus> {
        match timeout(END_PERIOD, self.0.wait()).await {
            Ok(status) => status.ok(),
            Err(_) => self.kill().await,
        }
    }

    pub(crate) async fn wait(&mut self) -> Option<ExitStatus> {
        self.0.wait().await.ok()
    }

    /// Kills it and all that it has started.
    pub(crate) async fn kill(mut self) -> Option<ExitStatus> {
        self.signal(Signal::KILL);
        self.0.wait().await.ok()
    }
}

/// Nobody is left behind.
impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// What starts a process of these options, with its standard error to be read, and ends it with its handle.
pub(crate) fn piped(options: &ProcessOptions) -> Command {
    let mut command = Command::from(command(options));
    command.stderr(Stdio::piped()).kill_on_drop(true);
    command
}
