//! The least that an echo between two processes can be: one reads from a socket what the other writes, and writes it back.

use std::{
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::subjects::Language;
use crate::load::Latency;

/// As many bytes as a message of twenty is in a frame for a process.
const SIZE: usize = 40;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process that does nothing else, on the core of who starts it.
pub(super) struct Bare {
    language: Language,
    stream: UnixStream,
    process: Child,
}

impl Bare {
    pub(super) fn start(language: Language, adapters: &Path) -> Result<Self> {
        let (program, ending) = language.runs();
        let (stream, theirs) = UnixStream::pair()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let process = Command::new(program)
            .arg(adapters.join(format!("tests/programs/bare.{ending}")))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        Ok(Self { language, stream, process })
    }

    /// Asks for a while, and again whenever it has the answer.
    pub(super) fn run(&mut self, time: Duration) -> Result<Latency> {
        let (message, mut answer) = ([7; SIZE], [0; SIZE]);
        let (began, mut latency) = (Instant::now(), Latency::new());
        while began.elapsed() < time {
            let said = Instant::now();
            self.stream.write_all(&message)?;
            let answered = self.stream.read_exact(&mut answer);
            answered.with_context(|| format!("{} does not answer", self.language))?;
            latency.record(said.elapsed());
        }
        Ok(latency)
    }

    /// It ends when this end is closed.
    pub(super) fn finish(mut self) -> Result<()> {
        drop(self.stream);
        self.process.wait()?;
        Ok(())
    }
}
