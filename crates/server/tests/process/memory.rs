//! What a process has in memory of its own.
//!
//! Pages of files are left out: the program's are there or not as whatever else runs on the machine leaves room
//! for them, and may be megabytes.

use std::fs;

/// In bytes, whether it is in use or swapped out, by proc_pid_status(5); `None` where that is not to be known.
pub(crate) fn memory(id: u32) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    Some(field(&status, "RssAnon:")? + field(&status, "VmSwap:")?)
}

/// What a line says in KiB, in bytes.
pub(crate) fn field(status: &str, name: &str) -> Option<usize> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? * 1024)
}
