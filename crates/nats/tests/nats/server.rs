//! A server of NATS, for a test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

/// How long it may take on a busy machine until it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// Killed when dropped, as if its machine had lost its power.
pub(crate) struct NatsServer {
    process: Child,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

impl NatsServer {
    /// On a port that is free.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_on(None, arguments)
    }

    /// On this port.
    pub(crate) fn start_on(port: Option<u16>, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = port.map_or("-1".to_owned(), |port| port.to_string());
        let mut process = Command::new(program())
            .args(["--addr", "127.0.0.1", "--port", &port])
            .arg("--ports_file_dir")
            .arg(folder.path())
            .args(arguments)
            .stderr(Stdio::null())
            .spawn()
            .expect("the server is installed");
        let began = Instant::now();
        let port = loop {
            if let Some(port) = read_port(folder.path()) {
                break port;
            }
            assert_eq!(process.try_wait().unwrap(), None, "nats-server has ended");
            assert!(began.elapsed() < PATIENCE, "nats-server does not listen");
            thread::sleep(Duration::from_millis(10));
        };
        Self { process, port, _folder: folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Has it stand still, and go on.
    #[allow(dead_code, reason = "not all who have a server do that")]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, signal).unwrap();
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What it has written about itself when it listens: `{"nats":["nats://127.0.0.1:4222"],…}`.
fn read_port(folder: &Path) -> Option<u16> {
    let file = fs::read_dir(folder).ok()?.flatten().map(|it| it.path());
    let file = file.into_iter().find(|it| it.extension().is_some_and(|it| it == "ports"))?;
    let ports = fs::read_to_string(file).ok()?;
    let (_, address) = ports.split_once("nats://127.0.0.1:")?;
    address.split_once('"')?.0.parse().ok()
}

/// Where it is, once it is installed.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let setup = concat!(env!("CARGO_MANIFEST_DIR"), "/../nats/tests/setup.sh");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("nats");
        let setup = Command::new("bash").arg(setup).arg(&folder).output();
        let setup = setup.expect("there is a bash");
        assert!(setup.status.success(), "{}", String::from_utf8_lossy(&setup.stderr));
        folder.join("bin/nats-server")
    })
}
