//! Clients that open, shake hands, close and go, a few at a time.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use mio::{Events, Interest, Poll, Token};

use super::{
    Latency, Tally, Visit,
    handshake::{Handshake, request},
    message::masked,
    stream::Stream,
};

const FIN: u8 = 0x80;

const CLOSE: u8 = 0x8;

const MASK: usize = 4;

/// How many are there at once.
const AT_ONCE: usize = 64;

/// The longest sleep of a load that does not spin.
const BLINK: Duration = Duration::from_millis(20);

/// Lets `count` clients come and go; the latency is from connecting to the 101.
///
/// # Errors
///
/// If one of them fails, or the server takes too long.
pub(crate) fn connects(visit: &Visit, count: usize) -> Result<Tally> {
    let request = request(visit.address, visit.path, false);
    let goodbye = masked(CLOSE, &1000_u16.to_be_bytes());
    let mut poll = Poll::new().context("epoll")?;
    let mut events = Events::with_capacity(AT_ONCE);
    let mut visitors: Vec<Option<Visitor>> = (0..AT_ONCE).map(|_| None).collect();
    let (mut begun, mut gone) = (0, 0);
    let start = Instant::now();
    let (mut idle, mut latency) = (Duration::ZERO, Latency::new());
    let (mut now, mut heard) = (start, start);
    while gone < count {
        for (index, seat) in visitors.iter_mut().enumerate() {
            if seat.is_none() && begun < count {
                *seat = Some(Visitor::connect(visit, &poll, Token(index), now)?);
                begun += 1;
            }
        }
        let timeout = if visit.patience.spins { Duration::ZERO } else { BLINK };
        poll.poll(&mut events, Some(timeout)).context("epoll")?;
        let before = std::mem::replace(&mut now, Instant::now());
        if events.is_empty() {
            idle += now - before;
            if now - heard > visit.patience.limit {
                bail!("no handshake ended for {:.1?}", now - heard);
            }
        }
        for event in &events {
            let seat = &mut visitors[event.token().0];
            let Some(visitor) = seat else { continue };
            if visitor.advance(&request, &goodbye, &mut latency)? {
                *seat = None;
                gone += 1;
                heard = now;
            }
        }
    }
    Ok(Tally { messages: count as u64, bytes: 0, elapsed: start.elapsed(), idle, latency })
}

struct Visitor {
    stream: Stream,
    came: Instant,
    stage: Stage,
}

enum Stage {
    Opening(Handshake),
    /// The CLOSE has been sent; so many bytes of the answer have come.
    Leaving(usize),
}

impl Visitor {
    fn connect(visit: &Visit, poll: &Poll, token: Token, came: Instant) -> Result<Self> {
        let mut stream = Stream::connect(visit)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(stream.socket(), token, interest)?;
        Ok(Self { stream, came, stage: Stage::Opening(Handshake::default()) })
    }

    /// Goes on as far as the socket lets it; answers whether that was to the end.
    fn advance(&mut self, request: &[u8], goodbye: &[u8], latency: &mut Latency) -> Result<bool> {
        if let Stage::Opening(handshake) = &mut self.stage {
            if handshake.advance(&mut self.stream, request)?.is_none() {
                return Ok(false);
            }
            latency.record(self.came.elapsed());
            self.stream.write_all(goodbye).context("write a CLOSE")?;
            self.stage = Stage::Leaving(0);
        }
        let Stage::Leaving(heard) = &mut self.stage else { return Ok(false) };
        let mut buffer = [0; 256];
        loop {
            let is_answered = *heard >= goodbye.len() - MASK;
            match self.stream.read(&mut buffer) {
                Ok(0) if !is_answered => bail!("a CLOSE was not answered"),
                Ok(0) => return Ok(true),
                Ok(read) => {
                    if *heard == 0 && buffer[0] != FIN | CLOSE {
                        bail!("a CLOSE was answered with {:#04x}", buffer[0]);
                    }
                    *heard += read;
                    // Some servers wait for the client to hang up first.
                    self.stream.shutdown().ok();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                // Who has answered may be gone before it hears that we go: over TLS that is said.
                Err(error) if error.kind() == ErrorKind::ConnectionReset && is_answered => {
                    return Ok(true);
                }
                Err(error) => return Err(error).context("read a CLOSE"),
            }
        }
    }
}
