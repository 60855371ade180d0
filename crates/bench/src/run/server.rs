//! A server that is measured, as a process of its own: this program once more, or a command.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use rustls::ClientConfig;
use socket2::{Domain, Socket, Type};

use super::{identity::Identity, machine::Cores, process, subject::Subject};
use crate::servers::Files;

/// How long a server may take until it listens, and under callgrind.
const START: Duration = Duration::from_secs(10);

const SLOW_START: Duration = Duration::from_secs(60);

/// How often a command's server is asked whether it listens.
const ASK: Duration = Duration::from_millis(10);

/// Counts instructions, of what the shell or another program becomes too.
const CALLGRIND: [&str; 4] =
    ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--trace-children=yes"];

/// Which server is started, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) workers: usize,
    pub(crate) compression: bool,
    /// What it shows to those who connect, if it speaks TLS.
    pub(crate) tls: Option<&'a Identity>,
    /// Whether it speaks HTTP/2 in clear text.
    pub(crate) http2: bool,
    /// The server of NATS by which it is one of several nodes.
    pub(crate) nats: Option<&'a str>,
}

/// A server that listens; it is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// How it is spoken to, if that is over TLS.
    tls: Option<Arc<ClientConfig>>,
}

impl Server {
    /// Starts a server on its core.
    ///
    /// # Errors
    ///
    /// If it cannot be started or does not listen in time.
    pub(crate) fn start(launch: Launch<'_>, cores: &Cores) -> Result<Self> {
        let spawn = || Self::spawn(launch, &[]);
        let server = cores.start_pinned(launch.workers, spawn)?;
        server.listening(launch.subject, START)
    }

    /// Starts a server where this program is, beside one that has a core of its own.
    ///
    /// # Errors
    ///
    /// If it cannot be started or does not listen in time.
    pub(crate) fn start_beside(launch: Launch<'_>) -> Result<Self> {
        Self::spawn(launch, &[])?.listening(launch.subject, START)
    }

    /// Starts a server under callgrind, on any core.
    ///
    /// # Errors
    ///
    /// If it cannot be started or does not listen in time.
    pub(crate) fn start_counted(launch: Launch<'_>) -> Result<Self> {
        Self::spawn(launch, &CALLGRIND)?.listening(launch.subject, SLOW_START)
    }

    /// Starts a server, by way of another program if one is given.
    fn spawn(launch: Launch<'_>, by: &[&str]) -> Result<Self> {
        let Launch { subject, workers, compression, tls, http2, nats } = launch;
        let this = env::current_exe()?;
        let mut address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut program;
        if let Some(command) = &subject.command {
            address = free_address()?;
            program = Command::new(this);
            program
                .arg("become")
                .arg([by, &[command]].concat().join(" "))
                .env("PORT", address.port().to_string())
                .stdout(Stdio::null());
        } else {
            let mut words = by.iter().map(Into::into).chain([this.into_os_string()]);
            program = Command::new(words.next().context("no program")?);
            program
                .args(words)
                .args(["serve", &subject.name, "--with-parent"])
                .args(["--address", &address.to_string()])
                .args(["--workers", &workers.to_string()])
                .args(compression.then_some("--compression"))
                .args(http2.then_some("--http2"))
                .args(nats.map(|url| format!("--nats={url}")))
                .stdout(Stdio::piped());
            if let Some(identity) = tls {
                let Files { certificate, key } = identity.files();
                program.arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key);
            }
        }
        program.stdin(Stdio::null());
        if !by.is_empty() {
            program.stderr(Stdio::piped());
        }
        let child = program.spawn().with_context(|| format!("cannot start {}", subject.name))?;
        Ok(Self { child, address, tls: tls.map(Identity::client) })
    }

    /// Waits until it listens.
    fn listening(mut self, subject: &Subject, limit: Duration) -> Result<Self> {
        match self.child.stdout.take() {
            Some(stdout) => self.address = told(stdout, limit)?,
            None => self.reached(subject, limit)?,
        }
        Ok(self)
    }

    /// Waits until somebody listens where a command was told to.
    fn reached(&mut self, subject: &Subject, limit: Duration) -> Result<()> {
        let Self { child, address, .. } = self;
        let name = &subject.name;
        let started = Instant::now();
        loop {
            let listens = is_reached(*address);
            if let Some(status) = child.try_wait()? {
                bail!("{name} ended before it listened on {address} ({status})");
            }
            if listens {
                return Ok(());
            }
            if started.elapsed() > limit {
                bail!("{name} does not listen on {address} within {limit:?}");
            }
            thread::sleep(ASK);
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it is spoken to, if that is over TLS.
    pub(crate) fn tls(&self) -> Option<Arc<ClientConfig>> {
        self.tls.clone()
    }

    /// CPU time so far.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub(crate) fn usage(&self) -> Result<process::Usage> {
        process::Usage::of(self.child.id())
    }

    /// CPU time so far of the processes that it has started, in nanoseconds.
    ///
    /// # Errors
    ///
    /// If one of them has ended meanwhile.
    pub(crate) fn usage_of_children(&self) -> Result<f64> {
        let children = process::children(self.child.id())?;
        children.into_iter().map(|child| Ok(process::Usage::of(child)?.total)).sum()
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
        // What it ran as a child process has lines of its own.
        let said = format!("=={}== Collected : ", self.child.id());
        let collected = log.lines().find_map(|line| line.strip_prefix(said.as_str()));
        Ok(collected.context("callgrind did not say what it collected")?.trim().parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Becomes what a command for the shell starts, which ends with the process that started this one.
///
/// # Errors
///
/// If there is no shell.
pub(crate) fn become_command(command: &str) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The shell is to be the server, whose process is measured and killed, and not its parent.
    let error = Command::new("sh").args(["-c", &format!("exec {command}")]).exec();
    Err(error).context("cannot run sh")
}

/// Whether servers can be run under callgrind here.
pub(crate) fn can_count_instructions() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|ran| ran.status.success())
}

/// Reads the line that tells where a server of this program listens.
fn told(stdout: ChildStdout, limit: Duration) -> Result<SocketAddr> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        sender.send(read.map(|_| line)).ok();
    });
    let line = receiver.recv_timeout(limit).context("the server is not ready")??;
    let address = line.trim_end().strip_prefix("ready ");
    Ok(address.with_context(|| format!("the server said {line:?}"))?.parse()?)
}

/// An address that nobody has now.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?)
}

/// Whether somebody listens there.
fn is_reached(address: SocketAddr) -> bool {
    let connect = || -> std::io::Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // From the same address it could be given the same port, and reach itself.
        socket.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into())?;
        socket.connect_timeout(&address.into(), ASK)
    };
    connect().is_ok()
}
