//! One request over a Unix socket, and its answer: HTTP/1.1 (RFC 9112) as far as it is spoken there.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::de::DeserializeOwned;

use super::OperatorError;

/// How long an answer may take that needs no work.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long a reload may take: each `on_start` of it takes what it takes.
const DEADLINE_OF_WORK: Duration = Duration::from_secs(600);

/// The most that is read of an answer, in bytes.
const MAX_ANSWER: u64 = 16 << 20;

/// What was answered, and not refused.
pub(super) struct Answer {
    body: String,
}

impl Answer {
    pub(super) fn parse<T: DeserializeOwned>(&self, socket: &Path) -> Result<T, OperatorError> {
        let other = |_| OperatorError::NoServer { socket: socket.to_owned() };
        serde_json::from_str(&self.body).map_err(other)
    }
}

pub(super) fn get(socket: &Path, path: &str) -> Result<Answer, OperatorError> {
    ask(socket, "GET", path, DEADLINE)
}

pub(super) fn post(socket: &Path, path: &str) -> Result<Answer, OperatorError> {
    ask(socket, "POST", path, DEADLINE_OF_WORK)
}

fn ask(
    socket: &Path,
    method: &str,
    path: &str,
    deadline: Duration,
) -> Result<Answer, OperatorError> {
    let at = || PathBuf::from(socket);
    let stream = UnixStream::connect(socket)
        .map_err(|cause| OperatorError::Nobody { socket: at(), cause })?;
    let answer = exchange(stream, method, path, deadline)
        .map_err(|cause| OperatorError::NoAnswer { socket: at(), cause })?;
    let (status, body) = parse(&answer).ok_or_else(|| OperatorError::NoServer { socket: at() })?;
    match status {
        200 | 202 => Ok(Answer { body: body.to_owned() }),
        409 => Err(OperatorError::Refused { sentence: body.trim_end().to_owned() }),
        _ => Err(OperatorError::NoServer { socket: at() }),
    }
}

fn exchange(
    mut stream: UnixStream,
    method: &str,
    path: &str,
    deadline: Duration,
) -> io::Result<String> {
    stream.set_write_timeout(Some(deadline))?;
    stream.set_read_timeout(Some(deadline))?;
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer)?;
    if answer.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
}

/// Its status and its body, which the end of the connection ends.
fn parse(answer: &str) -> Option<(u16, &str)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    Some((status, body))
}
