//! One client of the server under load: a socket, what is still to be written and what comes back.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    rc::Rc,
    time::Instant,
};

use anyhow::{Context as _, Result, bail};

use super::{
    message::{Message, masked},
    replies::Replies,
    stream::Stream,
};

const PONG: u8 = 0xa;

/// A connection whose handshake is done.
#[derive(Debug)]
pub(crate) struct Client {
    stream: Stream,
    message: Rc<Message>,
    replies: Replies,
    /// Bytes of frames that are still to be written, and where among the copies they begin.
    unwritten: usize,
    position: usize,
    /// Pongs that are still to be written.
    pongs: Vec<u8>,
    /// Messages that were said and whose replies have not come.
    pub(crate) outstanding: usize,
    /// When something was last said.
    pub(crate) said: Instant,
    /// Bytes that came in all.
    pub(crate) read: u64,
}

impl Client {
    pub(super) fn new(stream: Stream, message: Rc<Message>) -> Self {
        Self {
            stream,
            message,
            replies: Replies::default(),
            unwritten: 0,
            position: 0,
            pongs: Vec::new(),
            outstanding: 0,
            said: Instant::now(),
            read: 0,
        }
    }

    /// Says the message `count` times, in one write if the kernel takes it. Replies will be waited for.
    ///
    /// # Errors
    ///
    /// If the connection is broken.
    pub(crate) fn say(&mut self, count: usize, now: Instant) -> Result<()> {
        self.unwritten += count * self.message.frame_len();
        self.outstanding += count;
        self.said = now;
        self.flush()
    }

    /// Writes what is still to be written, until the kernel takes no more.
    ///
    /// # Errors
    ///
    /// If the connection is broken.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let frames = self.message.frames();
        // A pong may stand between two frames, not within one.
        while self.unwritten > 0 || !self.pongs.is_empty() {
            let between = self.position.is_multiple_of(self.message.frame_len());
            let is_pong = between && !self.pongs.is_empty();
            let bytes = if is_pong {
                &self.pongs[..]
            } else {
                let end = frames.len().min(self.position + self.unwritten);
                &frames[self.position..end]
            };
            match self.stream.write(bytes) {
                Ok(written) if is_pong => {
                    self.pongs.drain(..written);
                }
                Ok(written) => {
                    self.unwritten -= written;
                    self.position = (self.position + written) % frames.len();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("write"),
            }
        }
        match self.stream.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error).context("write"),
            _ => Ok(()),
        }
    }

    /// Reads until there is no more; answers how many replies came, all of them right.
    ///
    /// # Errors
    ///
    /// If the connection is broken, the server closed, or a reply is wrong.
    pub(crate) fn hear(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut messages = 0;
        loop {
            let read = match self.stream.read(buffer) {
                Ok(0) => bail!("the server hung up"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("read"),
            };
            messages += self.take(&buffer[..read])?;
            if read < buffer.len() {
                break;
            }
        }
        Ok(messages)
    }

    /// Takes in bytes that were read; answers how many replies they completed.
    ///
    /// # Errors
    ///
    /// If the server closed, or a reply is wrong.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        self.read += bytes.len() as u64;
        let heard = self.replies.feed(bytes, &self.message)?;
        if heard.close {
            bail!("the server closed");
        }
        if let Some(payload) = heard.ping {
            self.pongs.extend(masked(PONG, &payload));
            self.flush()?;
        }
        Ok(heard.messages)
    }
}
