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
    /// Where other servers of its cluster find it, if it is of one.
    route: Option<String>,
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
        let (port, route) = loop {
            if let Some(ports) = read_ports(folder.path()) {
                break ports;
            }
            assert_eq!(process.try_wait().unwrap(), None, "nats-server has ended");
            assert!(began.elapsed() < PATIENCE, "nats-server does not listen");
            thread::sleep(Duration::from_millis(10));
        };
        Self { process, port, route, _folder: folder }
    }

    /// One of a cluster of servers: the first, or one that finds the others by another.
    #[allow(dead_code, reason = "not all who have a server have several")]
    pub(crate) fn start_clustered(other: Option<&Self>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nats.conf");
        let routes = other.map(|it| it.route.clone().expect("it is of a cluster"));
        let routes: Vec<_> = routes.into_iter().collect();
        let cluster =
            format!("cluster {{ name: test, listen: \"127.0.0.1:-1\", routes: {routes:?} }}");
        fs::write(&file, cluster).unwrap();
        Self::start(&["-c", file.to_str().expect("it is UTF-8")])
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

/// What it has written about itself when it listens: `{"nats":["nats://127.0.0.1:4222"],"cluster":[…],…}`.
fn read_ports(folder: &Path) -> Option<(u16, Option<String>)> {
    let file = fs::read_dir(folder).ok()?.flatten().map(|it| it.path());
    let file = file.into_iter().find(|it| it.extension().is_some_and(|it| it == "ports"))?;
    let ports = fs::read_to_string(file).ok()?;
    let urls =
        |name: &str| Some(ports.split_once(&format!("\"{name}\":[\""))?.1.split_once('"')?.0);
    let port = urls("nats")?.rsplit_once(':')?.1.parse().ok()?;
    Some((port, urls("cluster").map(str::to_owned)))
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
