//! What an operator asks a server that runs: `aerys status`, `reload` and `stop`, over the socket that
//! `[admin]` of its file names.

mod ended;
mod request;
mod status;

use std::{
    io,
    path::{Path, PathBuf},
};

use aerys::{Config, ConfigError};
use serde::Deserialize;

use self::{
    ended::Process,
    request::{Answer, get, post},
    status::Status,
};
use crate::files::print;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Status,
    Reload,
    /// To see its clients off first, unless `now`.
    Stop {
        now: bool,
    },
}

/// Where the server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the socket that a file names.
    File(PathBuf),
    Socket(PathBuf),
}

/// Why it is not as it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperatorError {
    #[error("{} names no socket: write a section [admin] with a \"socket\"", .file.display())]
    NoSocket { file: PathBuf },
    #[error("no server can be asked at {}: {cause}", .socket.display())]
    Nobody { socket: PathBuf, cause: io::Error },
    #[error("the server at {} does not answer: {cause}", .socket.display())]
    NoAnswer { socket: PathBuf, cause: io::Error },
    #[error("what is at {} is no server of this kind", .socket.display())]
    NoServer { socket: PathBuf },
    #[error("the server refuses: {sentence}")]
    Refused { sentence: String },
}

/// How many endpoints a reload has left, made and ended.
#[derive(Deserialize)]
struct Changed {
    kept: usize,
    started: usize,
    ended: usize,
}

impl Place {
    fn socket(self) -> Result<Result<PathBuf, OperatorError>, ConfigError> {
        Ok(match self {
            Self::Socket(socket) => Ok(socket),
            Self::File(file) => {
                let socket = Config::load(&file)?.admin_socket();
                socket.ok_or(OperatorError::NoSocket { file })
            }
        })
    }
}

/// Asks it, and prints what it answers.
pub(crate) fn ask(order: Order, place: Place) -> Result<Result<(), OperatorError>, ConfigError> {
    let socket = match place.socket()? {
        Ok(socket) => socket,
        Err(error) => return Ok(Err(error)),
    };
    let said = match order {
        Order::Status => status(&socket),
        Order::Reload => reload(&socket),
        Order::Stop { now } => stop(&socket, now),
    };
    Ok(said.map(|said| print(&said)))
}

fn status(socket: &Path) -> Result<String, OperatorError> {
    Ok(get(socket, "/status")?.parse::<Status>(socket)?.to_string())
}

fn reload(socket: &Path) -> Result<String, OperatorError> {
    let Changed { kept, started, ended } = post(socket, "/reload")?.parse(socket)?;
    Ok(format!("Reloaded; endpoints: {kept} kept, {started} started, {ended} ended\n"))
}

/// Waits until its process has ended.
fn stop(socket: &Path, now: bool) -> Result<String, OperatorError> {
    let Status { process, .. } = get(socket, "/status")?.parse(socket)?;
    // Before it is told, so that the number is nobody else's.
    let process = Process::find(socket, process);
    let Answer { .. } = post(socket, if now { "/stop" } else { "/drain" })?;
    process.wait(socket);
    Ok("Stopped\n".to_owned())
}
