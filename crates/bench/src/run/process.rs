//! What the kernel says about a process: its CPU time and its memory (`proc(5)`).

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

/// CPU time that a process has used, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// All of it, to the nanosecond where the kernel keeps `schedstat`.
    pub(crate) total: f64,
    /// How it divides, as sampled by the kernel at each timer tick.
    user: f64,
    system: f64,
}

/// What was used between two moments, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) total: f64,
    pub(crate) user: f64,
    pub(crate) system: f64,
}

impl Usage {
    /// What a process has used so far, all its threads together.
    ///
    /// # Errors
    ///
    /// If there is no such process.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let tick = 1e9 / rustix::param::clock_ticks_per_second() as f64;
        let stat = read(pid, "stat")?;
        // The name may hold anything; the fields after its closing parenthesis are numbers.
        let (_, fields) = stat.rsplit_once(')').context("a stat without a name")?;
        let mut fields = fields.split_ascii_whitespace().skip(11).map(str::parse::<f64>);
        let mut ticks = || fields.next().context("a short stat")?.context("a stat of no numbers");
        let (user, system) = (ticks()? * tick, ticks()? * tick);
        let total = running_time(pid).unwrap_or(user + system);
        Ok(Self { total, user, system })
    }

    /// What was used since an earlier moment.
    pub(crate) fn since(self, earlier: Self) -> Spent {
        let total = self.total - earlier.total;
        let (user, system) = (self.user - earlier.user, self.system - earlier.system);
        // Both are samples: only their proportion is taken from them.
        let share = if user + system > 0.0 { user / (user + system) } else { 0.0 };
        Spent { total, user: total * share, system: total * (1.0 - share) }
    }
}

/// The first field of each thread's `schedstat`, added up.
fn running_time(pid: u32) -> Option<f64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let time = |task: PathBuf| -> Option<f64> {
        let text = fs::read_to_string(task.join("schedstat")).ok()?;
        text.split_ascii_whitespace().next()?.parse().ok()
    };
    tasks.map(|task| time(task.ok()?.path())).sum()
}

/// The processes that one has started and that have not ended.
///
/// # Errors
///
/// If there is no such process, or the kernel does not tell.
pub(crate) fn children(pid: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("no such process")? {
        let text = fs::read_to_string(task?.path().join("children"));
        let text = text.context("the kernel does not tell a process's children")?;
        for child in text.split_ascii_whitespace() {
            children.push(child.parse()?);
        }
    }
    Ok(children)
}

/// The anonymous memory of a process in bytes: its heap and stacks, neither its code nor what the
/// kernel keeps for its sockets.
///
/// # Errors
///
/// If there is no such process.
pub(crate) fn memory(pid: u32) -> Result<f64> {
    let rollup = read(pid, "smaps_rollup")?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next());
    Ok(kib.context("no anonymous memory in smaps_rollup")?.parse::<f64>()? * 1024.0)
}

/// How many segments with data this machine's TCP has sent, all connections together; `None` where
/// the kernel does not count them. On the loopback each small write is one.
pub(crate) fn segments_sent() -> Option<f64> {
    let netstat = fs::read_to_string("/proc/self/net/netstat").ok()?;
    let mut lines = netstat.lines().filter_map(|line| line.strip_prefix("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let index = names.split_ascii_whitespace().position(|name| name == "TCPOrigDataSent")?;
    values.split_ascii_whitespace().nth(index)?.parse().ok()
}

fn read(pid: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_time_and_memory() {
        let before = Usage::of(std::process::id()).unwrap();
        let mut sum = 0_u64;
        while Usage::of(std::process::id()).unwrap().since(before).total < 1e6 {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(memory(std::process::id()).unwrap() > 4096.0);
    }

    #[test]
    fn a_process_that_was_started_is_a_child() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(children(std::process::id()).unwrap().contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!children(std::process::id()).unwrap().contains(&child.id()));
    }
}
