//! A server that is measured: this program once more, as a process of its own.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::{machine::Cores, process};

/// Which server is started, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) name: &'a str,
    pub(crate) workers: usize,
    pub(crate) compression: bool,
}

/// A server that listens; it is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts a server on its core.
    ///
    /// # Errors
    ///
    /// If it cannot be started or does not listen in time.
    pub(crate) fn start(launch: Launch<'_>, cores: &Cores) -> Result<Self> {
        let program = Command::new(env::current_exe()?);
        let mut server = cores.start_pinned(launch.workers, || Self::spawn(program, launch))?;
        server.listen(Duration::from_secs(10))?;
        Ok(server)
    }

    /// Starts a server under callgrind, on any core.
    ///
    /// # Errors
    ///
    /// If it cannot be started or does not listen in time.
    pub(crate) fn start_counted(launch: Launch<'_>) -> Result<Self> {
        let mut program = Command::new("valgrind");
        program
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(env::current_exe()?)
            .stderr(Stdio::piped());
        let mut server = Self::spawn(program, launch)?;
        server.listen(Duration::from_secs(60))?;
        Ok(server)
    }

    fn spawn(mut program: Command, launch: Launch<'_>) -> Result<Self> {
        program
            .args(["serve", launch.name, "--address", "127.0.0.1:0", "--with-parent"])
            .args(["--workers", &launch.workers.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if launch.compression {
            program.arg("--compression");
        }
        let child = program.spawn().with_context(|| format!("cannot start {}", launch.name))?;
        Ok(Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) })
    }

    /// Waits for the line that tells where it listens.
    fn listen(&mut self, limit: Duration) -> Result<()> {
        let stdout = self.child.stdout.take().context("the server's stdout was taken")?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            sender.send(read.map(|_| line)).ok();
        });
        let line = receiver.recv_timeout(limit).context("the server is not ready")??;
        let address = line.trim_end().strip_prefix("ready ");
        self.address = address.with_context(|| format!("the server said {line:?}"))?.parse()?;
        Ok(())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU time so far.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub(crate) fn usage(&self) -> Result<process::Usage> {
        process::Usage::of(self.child.id())
    }

    /// Anonymous memory now, in bytes.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub(crate) fn memory(&self) -> Result<f64> {
        process::memory(self.child.id())
    }

    /// Ends a server that was started under callgrind; answers how many instructions it ran.
    ///
    /// # Errors
    ///
    /// If it does not end in time, or callgrind does not say.
    pub(crate) fn instructions(mut self) -> Result<f64> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("no such process")?, Signal::TERM)?;
        let asked = Instant::now();
        while self.child.try_wait()?.is_none() {
            if asked.elapsed() > Duration::from_secs(20) {
                bail!("the server does not end");
            }
            thread::sleep(Duration::from_millis(10));
        }
        let mut log = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut log)?;
        }
        let collected = log.lines().find_map(|line| line.split_once("Collected : "));
        Ok(collected.context("callgrind did not say what it collected")?.1.trim().parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Whether servers can be run under callgrind here.
pub(crate) fn can_count_instructions() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|ran| ran.status.success())
}
