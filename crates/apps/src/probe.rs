//! Starts a program to hear what it says first, and ends it: for one that says what is to be served.

use std::{
    io::{self, Read},
    net::Shutdown,
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use bytes::BufMut;

use crate::{
    command::{PROTOCOL, command},
    options::{OptionsError, ProcessOptions},
    protocol::{Decoder, FrameError, FromProcess, Hello, Malformed, VERSION},
};

/// How long it may take to end once it has said what it had to.
const PROBE_END_PERIOD: Duration = Duration::from_secs(2);
const LOOK_PERIOD: Duration = Duration::from_millis(5);

/// Why a program has not said what is to be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// It could never be started in this way.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// It cannot be started.
    #[error("{0:?} cannot be started: {1}")]
    Spawn(String, #[source] io::Error),
    /// It has ended, and its standard error may say why.
    #[error("{0:?} has ended before it said what is to be served")]
    Ended(String),
    /// It says nothing.
    #[error("{0:?} has not said what is to be served within {1:?}")]
    Silent(String, Duration),
    /// What it says is not the protocol.
    #[error("{0:?} breaks the protocol: {1}")]
    Frame(String, #[source] FrameError),
    /// What it says makes no sense.
    #[error("{0:?} breaks the protocol: {1}")]
    Malformed(String, #[source] Malformed),
    /// It says something else first.
    #[error("{0:?} does not say HELLO first")]
    NoHello(String),
    /// It speaks another version.
    #[error("{0:?} speaks version {1} of the protocol, and this server version {VERSION} alone")]
    Version(String, u32),
}

/// Hears the HELLO of a program, which is started for that alone: its stream is closed then, and it ends. What it writes
/// to its standard error goes to the server's.
///
/// It blocks for as long as that takes: `start_period` at most.
///
/// # Errors
///
/// [`ProbeError`].
pub fn probe(options: &ProcessOptions) -> Result<Hello, ProbeError> {
    options.check()?;
    let name = options.name();
    let spawned = |error| ProbeError::Spawn(name.clone(), error);
    let (mut ours, theirs) = UnixStream::pair().map_err(spawned)?;
    let mut command = command(options);
    command.env(PROTOCOL.0, PROTOCOL.1).stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
    let child = command.spawn().map_err(spawned)?;
    drop(command);
    let child = Ending(child);
    let hello = hear(&mut ours, options, &name);
    let _ = ours.shutdown(Shutdown::Both);
    child.wait();
    hello
}

fn hear(
    stream: &mut UnixStream,
    options: &ProcessOptions,
    name: &str,
) -> Result<Hello, ProbeError> {
    let end = Instant::now() + options.start_period;
    let mut decoder = Decoder::new(options.max_frame);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let name = || name.to_owned();
        if let Some(frame) =
            decoder.poll_frame().map_err(|error| ProbeError::Frame(name(), error))?
        {
            let said = FromProcess::try_from(frame);
            return match said.map_err(|error| ProbeError::Malformed(name(), error))? {
                FromProcess::Hello(hello) if hello.version == VERSION => Ok(hello),
                FromProcess::Hello(hello) => Err(ProbeError::Version(name(), hello.version)),
                _ => Err(ProbeError::NoHello(name())),
            };
        }
        let silent = || ProbeError::Silent(name(), options.start_period);
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return Err(silent());
        }
        match stream.read(&mut buffer) {
            Ok(0) => return Err(ProbeError::Ended(name())),
            Ok(read) => decoder.buffer().put_slice(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return Err(ProbeError::Ended(name()));
            }
            Err(_) => return Err(silent()),
        }
    }
}

/// A process that is about to end.
struct Ending(Child);

impl Ending {
    fn wait(mut self) {
        let end = Instant::now() + PROBE_END_PERIOD;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < end {
            thread::sleep(LOOK_PERIOD);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}
