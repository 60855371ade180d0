//! The least that an echo between two processes can be: one reads from a socket what the other writes, and writes it back.

use std::{
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::subjects::Language;
use crate::{load::Latency, run::Cores};

/// As many bytes as a message of twenty is in a frame for a process.
const SIZE: usize = 40;

/// How many echoes do not count, and how many do.
const WARM: u32 = 2000;

const COUNTED: u32 = 20_000;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Until the echo is back from a process that does nothing else, which shares the core of who asks, p50 in nanoseconds.
pub(super) fn latency(language: Language, adapters: &Path, cores: &Cores) -> Result<f64> {
    let (program, ending) = language.runs();
    let file = adapters.join(format!("tests/programs/bare.{ending}"));
    let measure = || -> Result<f64> {
        let (mut ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(PATIENCE))?;
        // It ends when this end is closed.
        let mut process = Command::new(program)
            .arg(&file)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let (message, mut answer) = ([7; SIZE], [0; SIZE]);
        let mut latency = Latency::new();
        for number in 0..WARM + COUNTED {
            let said = Instant::now();
            ours.write_all(&message)?;
            ours.read_exact(&mut answer).with_context(|| format!("{language} does not answer"))?;
            if number >= WARM {
                latency.record(said.elapsed());
            }
        }
        drop(ours);
        process.wait()?;
        Ok(latency.quantile(0.5) as f64)
    };
    cores.start_pinned(1, measure)
}
