//! What the floors of an echo do when a socket is ready: one read, one write.

use std::io::{self, ErrorKind, Read, Write};

use anyhow::{Context, Result};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::frames::{Frames, MARGIN};

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The socket filled the buffer, and may have more.
    Full,
    /// The socket had less than the buffer holds, so it has no more now.
    Short,
    /// The socket would block.
    Blocked,
    /// The connection has come to its end.
    Over,
}

/// One connection, without its socket. A new one waits for its handshake.
#[derive(Default)]
pub(super) struct Session {
    phase: Phase,
    /// What the kernel did not take at once. Nothing is read meanwhile.
    unwritten: Vec<u8>,
}

enum Phase {
    /// What there is of the request's head.
    Opening(Vec<u8>),
    Open(Frames),
}

impl Default for Phase {
    fn default() -> Self {
        Self::Opening(Vec::new())
    }
}

impl Session {
    /// One whose handshake is answered with this, which is still to be written.
    pub(super) fn accepting(answer: Vec<u8>) -> Self {
        Self { phase: Phase::Open(Frames::default()), unwritten: answer }
    }

    /// Writes what is left, else reads once and writes the answer to it.
    pub(super) fn step<S: Read + Write>(
        &mut self,
        socket: &mut S,
        buffer: &mut [u8],
    ) -> Result<Progress> {
        if !self.unwritten.is_empty() {
            let written = write(socket, &self.unwritten)?;
            self.unwritten.drain(..written);
            if !self.unwritten.is_empty() {
                return Ok(Progress::Blocked);
            }
            self.unwritten = Vec::new();
        }
        if self.is_over() {
            return Ok(Progress::Over);
        }
        let len = match socket.read(&mut buffer[MARGIN..]) {
            Ok(0) => return Ok(Progress::Over),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Blocked),
            Err(error) => return Err(error.into()),
        };
        self.answer(socket, buffer, MARGIN + len)?;
        if self.is_over() && self.unwritten.is_empty() {
            return Ok(Progress::Over);
        }
        let full = MARGIN + len == buffer.len();
        Ok(if full { Progress::Full } else { Progress::Short })
    }

    fn answer<S: Write>(&mut self, socket: &mut S, buffer: &mut [u8], end: usize) -> Result<()> {
        match &mut self.phase {
            Phase::Open(frames) => {
                let reply = frames.echo(buffer, end);
                let reply = &buffer[reply];
                let written = write(socket, reply)?;
                self.unwritten.extend_from_slice(&reply[written..]);
            }
            Phase::Opening(head) => {
                head.extend_from_slice(&buffer[MARGIN..end]);
                // RFC 6455 §4.1: a client sends nothing more until it is answered.
                if head.ends_with(b"\r\n\r\n") {
                    self.unwritten = accept(head)?;
                    self.phase = Phase::Open(Frames::default());
                    let written = write(socket, &self.unwritten)?;
                    self.unwritten.drain(..written);
                }
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        matches!(&self.phase, Phase::Open(frames) if frames.is_over())
    }
}

/// How much the socket took.
pub(super) fn write<S: Write>(socket: &mut S, bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        return Ok(0);
    }
    match socket.write(bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        outcome => outcome,
    }
}

/// The answer to a handshake (RFC 6455 §4.2.2), whatever its path.
pub(super) fn accept(head: &[u8]) -> Result<Vec<u8>> {
    let key = str::from_utf8(head)?
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
        .map(|(_, value)| value.trim())
        .context("the handshake has no key")?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    Ok(answer.into_bytes())
}
