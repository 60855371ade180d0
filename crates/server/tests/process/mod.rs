//! A server in another process, the test program once more, so that its memory can be told from the clients' and
//! each has descriptors enough.

#![allow(dead_code, reason = "each test program uses its own part of this")]

mod memory;

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// In the environment of the process that is to be the server.
const KIND: &str = "AERYS_TEST_SERVER";

/// What the server says before its address.
const READY: &str = "ready at ";

pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl ServerProcess {
    /// Runs a test of this program that is ignored else, and learns its `kind` by [`kind`].
    pub(crate) fn start(test: &str, kind: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(KIND, kind)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test can be run once more");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(READY).and_then(|it| it.parse().ok()))
            .expect("the server says where it listens");
        Self { child, address }
    }

    /// What it has in memory of its own, in bytes.
    pub(crate) fn memory(&self) -> usize {
        memory::memory(self.child.id()).expect("Linux says it")
    }

    /// The most that it has had resident so far, in bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        memory::field(&status, "VmHWM:").expect("Linux says it")
    }

    /// CPU time that it has had, in user mode and in the kernel, to hundredths of a second.
    pub(crate) fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // What is in parentheses may be anything. Of what follows these are the 12th and the 13th: proc_pid_stat(5).
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks = fields.split(' ').skip(11).take(2).map(|it| it.parse::<u64>().unwrap());
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    /// How many files are open, which connections are.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the server is to be; `None` if nobody has started it as one.
pub(crate) fn kind() -> Option<String> {
    env::var(KIND).ok()
}

/// Tells where the server listens.
pub(crate) fn tell(address: SocketAddr) {
    println!("\n{READY}{address}");
}

/// Makes sure that `count` connections can be open.
pub(crate) fn allow_descriptors(count: usize) {
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).expect("a limit of open files");
    assert!(
        descriptors > count as u64 + 100,
        "only {descriptors} open files are allowed: raise `ulimit -Hn` above {}",
        count + 100
    );
}
