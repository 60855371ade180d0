//! The floor of a broadcast: what was read at once is framed once, and written to each client by one
//! `send`.
//!
//! On every other path than `/broadcast` it is the floor of an echo, for an echo beside a broadcast. A
//! message has to come as one frame: fragments of several publishers would mix.

use std::{
    io::{ErrorKind, Read},
    mem,
};

use anyhow::{Result, ensure};
use mio::{event::Event, net::TcpStream};
use slab::Slab;

use super::{
    LIMIT, READ, Settings,
    endpoint::Endpoint,
    epoll::{self, Connection},
    frames::{CLOSE, CONTROL, Head, MARGIN, MASKED, OPCODE, unmask},
    session::{Progress, Session, accept, write},
};

/// Runs the server.
pub(super) fn serve(settings: &Settings) -> Result<()> {
    let mut buffer = vec![0; MARGIN + READ];
    let mut frames = Vec::new();
    epoll::serve(settings, |event, connections| {
        serve_ready(event, connections, &mut buffer, &mut frames);
    })
}

/// Serves one that is ready until it has no more. `frames` are what it says to all at once.
fn serve_ready(
    event: &Event,
    connections: &mut Slab<Connection<Role>>,
    buffer: &mut [u8],
    frames: &mut Vec<u8>,
) {
    let key = event.token().0;
    let stays = loop {
        let Some(Connection { stream, session }) = connections.get_mut(key) else { return };
        frames.clear();
        let progress = session.step(stream, buffer, frames);
        if !frames.is_empty() {
            connections.retain(|_, Connection { stream, session }| match session {
                Role::Member(member) => member.tell(stream, frames).is_ok(),
                _ => true,
            });
        }
        match progress {
            Ok(Progress::Full) => {}
            Ok(Progress::Short | Progress::Blocked) => break !event.is_read_closed(),
            Ok(Progress::Over) | Err(_) => break false,
        }
    };
    if !stays {
        // It may have gone with what it said last.
        connections.try_remove(key);
    }
}

/// What a connection is.
enum Role {
    /// One that waits for its handshake, with what there is of the request's head.
    Opening(Vec<u8>),
    Echo(Session),
    Member(Member),
}

impl Default for Role {
    fn default() -> Self {
        Self::Opening(Vec::new())
    }
}

impl Role {
    fn step(
        &mut self,
        stream: &mut TcpStream,
        buffer: &mut [u8],
        frames: &mut Vec<u8>,
    ) -> Result<Progress> {
        let head = match self {
            Self::Opening(head) => head,
            Self::Echo(session) => return session.step(stream, buffer),
            Self::Member(member) => return member.step(stream, buffer, frames),
        };
        let len = match read(stream, buffer)? {
            Input::Bytes(len) => len,
            Input::Blocked => return Ok(Progress::Blocked),
            Input::Over => return Ok(Progress::Over),
        };
        head.extend_from_slice(&buffer[..len]);
        if head.ends_with(b"\r\n\r\n") {
            let answer = accept(head)?;
            *self = match path(head).and_then(Endpoint::on) {
                Some(Endpoint::Broadcast) => Self::Member(Member::new(answer)),
                _ => Self::Echo(Session::accepting(answer)),
            };
        }
        // There is an answer to write, or the rest of a head to read.
        Ok(Progress::Full)
    }
}

/// One who hears what is said to all, and may say something itself.
struct Member {
    /// The beginning of a frame whose end has not come.
    unread: Vec<u8>,
    /// What the kernel did not take at once. Nothing is read meanwhile.
    unwritten: Vec<u8>,
    /// Whether a close frame has been answered: nothing may follow it.
    closed: bool,
}

impl Member {
    fn new(answer: Vec<u8>) -> Self {
        Self { unread: Vec::new(), unwritten: answer, closed: false }
    }

    /// Writes what is left, else reads once.
    fn step(
        &mut self,
        stream: &mut TcpStream,
        buffer: &mut [u8],
        frames: &mut Vec<u8>,
    ) -> Result<Progress> {
        if !self.flush(stream)? {
            return Ok(Progress::Blocked);
        }
        if self.closed {
            return Ok(Progress::Over);
        }
        let len = match read(stream, buffer)? {
            Input::Bytes(len) => len,
            Input::Blocked => return Ok(Progress::Blocked),
            Input::Over => return Ok(Progress::Over),
        };
        if self.unread.is_empty() {
            let taken = self.take(&mut buffer[..len], frames)?;
            self.unread.extend_from_slice(&buffer[taken..len]);
        } else {
            let mut bytes = mem::take(&mut self.unread);
            bytes.extend_from_slice(&buffer[..len]);
            let taken = self.take(&mut bytes, frames)?;
            bytes.drain(..taken);
            self.unread = bytes;
        }
        if self.closed || !self.unwritten.is_empty() || len == buffer.len() {
            // What is left to write comes first.
            return Ok(Progress::Full);
        }
        Ok(Progress::Short)
    }

    /// Frames anew what is whole: data for all, and the answers to control frames for itself. Tells how
    /// many bytes that was.
    fn take(&mut self, bytes: &mut [u8], frames: &mut Vec<u8>) -> Result<usize> {
        let mut taken = 0;
        while !self.closed {
            let Some(head) = Head::parse(&bytes[taken..]) else { break };
            ensure!(head.payload <= LIMIT as u64, "the message is too long");
            let start = taken + head.len;
            let end = start + head.payload as usize;
            let Some(payload) = bytes.get_mut(start..end) else { break };
            unmask(payload, head.mask);
            let is_control = head.reply & CONTROL != 0;
            let to = if is_control { &mut self.unwritten } else { &mut *frames };
            to.extend([head.reply, bytes[taken + 1] & !MASKED]);
            to.extend_from_slice(&bytes[taken + 2..start - head.mask.len()]);
            to.extend_from_slice(&bytes[start..end]);
            self.closed = head.reply & OPCODE == CLOSE;
            taken = end;
        }
        Ok(taken)
    }

    /// Hears frames.
    fn tell(&mut self, stream: &mut TcpStream, frames: &[u8]) -> Result<()> {
        if self.closed {
            return Ok(());
        }
        let written = if self.unwritten.is_empty() { write(stream, frames)? } else { 0 };
        self.unwritten.extend_from_slice(&frames[written..]);
        ensure!(self.unwritten.len() <= 2 * LIMIT, "the client does not read");
        Ok(())
    }

    /// Writes what is left; answers whether that was all of it.
    fn flush(&mut self, stream: &mut TcpStream) -> Result<bool> {
        if !self.unwritten.is_empty() {
            let written = write(stream, &self.unwritten)?;
            self.unwritten.drain(..written);
            if !self.unwritten.is_empty() {
                return Ok(false);
            }
            self.unwritten = Vec::new();
        }
        Ok(true)
    }
}

/// What a socket had.
enum Input {
    Bytes(usize),
    Blocked,
    Over,
}

fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<Input> {
    match stream.read(buffer) {
        Ok(0) => Ok(Input::Over),
        Ok(len) => Ok(Input::Bytes(len)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Input::Blocked),
        Err(error) => Err(error.into()),
    }
}

/// The path that a request asks for.
fn path(head: &[u8]) -> Option<&str> {
    str::from_utf8(head).ok()?.split(' ').nth(1)
}
