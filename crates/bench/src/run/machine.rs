//! The machine that is measured on: its cores, its limits, and what it is called.

use std::{fs, process::Command};

use anyhow::{Context as _, Result};
use rustix::{
    process::{Resource, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use serde::{Deserialize, Serialize};

/// What a reader has to know of the machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: f64,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    pub(crate) date: String,
    /// Whether server and load had a core each.
    pub(crate) pinned: bool,
    /// Whether the servers were compiled to be fast.
    pub(crate) optimized: bool,
}

/// Who runs where. Without two cores nothing is pinned, and the load sleeps while it waits.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    all: Vec<usize>,
}

impl Machine {
    /// Asks the machine.
    pub(crate) fn describe(cores: &Cores) -> Self {
        let unknown = || String::from("unknown");
        let field = |file: &str, name: &str| -> Option<String> {
            let text = fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let answer = |program: &str, arguments: &[&str]| -> Option<String> {
            let output = Command::new(program).args(arguments).output().ok()?;
            Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let kib = field("/proc/meminfo", "MemTotal")
            .and_then(|total| total.split_ascii_whitespace().next()?.parse::<f64>().ok());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: cores.count(),
            memory_gib: kib.unwrap_or(0.0) / f64::from(1 << 20),
            kernel: kernel.map_or_else(unknown, |kernel| kernel.trim().to_owned()),
            rustc: answer("rustc", &["--version"]).unwrap_or_else(unknown),
            date: answer("date", &["-u", "+%F"]).unwrap_or_else(unknown),
            pinned: cores.are_enough(),
            optimized: !cfg!(debug_assertions),
        }
    }
}

impl Cores {
    /// The cores that this process may use.
    ///
    /// # Errors
    ///
    /// If the kernel does not tell.
    pub(crate) fn find() -> Result<Self> {
        let set = sched_getaffinity(None).context("sched_getaffinity")?;
        Ok(Self { all: (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect() })
    }

    /// Whether a server and a load can have one each.
    pub(crate) fn are_enough(&self) -> bool {
        self.all.len() >= 2
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// Runs `start` on the cores of a server with so many workers, which what it starts will keep,
    /// then goes on to the load's core.
    ///
    /// # Errors
    ///
    /// If `start` fails, or the kernel refuses.
    pub(crate) fn start_pinned<T>(
        &self,
        workers: usize,
        start: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        if !self.are_enough() {
            return start();
        }
        let (servers, loads) = self.all.split_at(workers.min(self.all.len() - 1));
        pin(servers)?;
        let started = start();
        pin(&loads[..1])?;
        started
    }

    /// Pins this thread as one of several loads beside a server with so many workers.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub(crate) fn pin_load(&self, workers: usize, load: usize) -> Result<()> {
        match self.all.get(workers + load) {
            Some(core) => pin(&[*core]),
            None => Ok(()),
        }
    }

    /// Lets this thread run anywhere again.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub(crate) fn unpin(&self) -> Result<()> {
        pin(&self.all)
    }
}

/// Lets this process open as many files as it may; answers how many that is.
///
/// # Errors
///
/// If the kernel refuses.
pub(crate) fn raise_file_limit() -> Result<usize> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("setrlimit")?;
    Ok(limit.current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX))
}

fn pin(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    sched_setaffinity(None, &set).context("sched_setaffinity")
}
