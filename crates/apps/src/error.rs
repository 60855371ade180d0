//! Why a process is not spoken with any more, and why an application does not start.

use std::{io, process::ExitStatus, time::Duration};

use crate::protocol::{FrameError, Malformed};

/// Why a process is spoken with no more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    /// It was told to stop, and has no clients.
    #[error("it was told to stop")]
    Stopped,
    #[error("it has ended")]
    Closed,
    #[error("its stream has failed: {0}")]
    Stream(#[source] io::Error),
    #[error("it breaks the protocol: {0}")]
    Frame(#[from] FrameError),
    #[error("it breaks the protocol: {0}")]
    Malformed(#[from] Malformed),
    #[error("it breaks the protocol: {0}")]
    Rule(&'static str),
    #[error(
        "its adapter speaks version {0} of the protocol, and this server version {known} alone: take the adapter that \
         came with this server, or a later server", known = crate::protocol::VERSION
    )]
    Version(u32),
    #[error("it has not said HELLO within {0:?} (start_period): is its adapter started at all?")]
    NoHello(Duration),
    #[error("it has not said READY within {0:?} (start_period) of its HELLO")]
    NotReady(Duration),
    #[error("it has not answered a PING for {0:?} (stuck_period)")]
    Stuck(Duration),
    #[error("it cannot be started: {0}")]
    Spawn(#[source] io::Error),
}

/// An application's process does not start.
#[derive(Debug, thiserror::Error)]
#[error("the process {command:?} did not get ready: {end}{}", shown(.status))]
pub struct StartError {
    pub(crate) command: String,
    #[source]
    pub(crate) end: End,
    pub(crate) status: Option<ExitStatus>,
}

/// How a process has ended, behind why.
pub(crate) fn shown(status: &Option<ExitStatus>) -> String {
    status.map(|status| format!(" ({status})")).unwrap_or_default()
}
