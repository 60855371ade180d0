//! Many clients of one endpoint, all on this thread.

use std::{
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use mio::{Events, Interest, Poll, Token};
use rustls::ClientConfig;

use super::{
    client::Client,
    handshake::{Handshake, request},
    message::Message,
    stream::Stream,
};

/// How many handshakes are under way at once.
const AT_ONCE: usize = 64;

/// The longest sleep of a load that does not spin; it has to look at its clock.
const BLINK: Duration = Duration::from_millis(20);

/// Clients, the sockets' readiness, and the buffer that all are read into.
pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    pub(crate) clients: Vec<Client>,
    patience: Patience,
    pub(crate) clock: Clock,
}

/// Where to connect, and what to say there.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) address: SocketAddr,
    pub(crate) path: &'static str,
    /// Whether permessage-deflate is offered, and has to be agreed to.
    pub(crate) deflate: bool,
    /// How it is spoken to, if that is over TLS.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) patience: Patience,
}

/// How a load waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Whether it asks again and again instead of sleeping, so that the server never has to wake it.
    /// For a load that has a core to itself.
    pub(crate) spins: bool,
    /// After how long without any reply it gives up.
    pub(crate) limit: Duration,
}

/// Tells work from waiting.
#[derive(Debug)]
pub(crate) struct Clock {
    now: Instant,
    /// When something was last heard.
    pub(crate) heard: Instant,
    /// How long the load had nothing to do.
    pub(crate) idle: Duration,
}

impl Clock {
    /// Begins to count anew.
    pub(crate) fn restart(&mut self) -> Instant {
        self.now = Instant::now();
        self.idle = Duration::ZERO;
        self.now
    }
}

impl Crowd {
    /// Connects `count` clients and does their handshakes.
    ///
    /// # Errors
    ///
    /// If one of them fails, or the server takes too long.
    pub(crate) fn open(visit: &Visit, count: usize, message: &Rc<Message>) -> Result<Self> {
        let now = Instant::now();
        let mut crowd = Self {
            poll: Poll::new().context("epoll")?,
            events: Events::with_capacity(1024),
            buffer: vec![0; 256 * 1024],
            clients: Vec::with_capacity(count),
            patience: visit.patience,
            clock: Clock { now, heard: now, idle: Duration::ZERO },
        };
        crowd.join(visit, count, message).context("handshake")?;
        Ok(crowd)
    }

    /// Adds `count` clients.
    ///
    /// # Errors
    ///
    /// If one of them fails, or the server takes too long.
    pub(crate) fn join(
        &mut self,
        visit: &Visit,
        count: usize,
        message: &Rc<Message>,
    ) -> Result<()> {
        let first = self.clients.len();
        let request = request(visit.address, visit.path, visit.deflate);
        let mut opening: Vec<Option<(Stream, Handshake)>> = Vec::with_capacity(count);
        let mut open: Vec<Option<Client>> = (0..count).map(|_| None).collect();
        let mut done = 0;
        self.clock.heard = Instant::now();
        while done < count {
            while opening.len() < count && opening.len() - done < AT_ONCE {
                let mut stream = Stream::connect(visit)?;
                self.poll.registry().register(
                    stream.socket(),
                    Token(first + opening.len()),
                    Interest::READABLE | Interest::WRITABLE,
                )?;
                opening.push(Some((stream, Handshake::default())));
            }
            self.wait()?;
            for event in &self.events {
                let Some(index) = event.token().0.checked_sub(first) else { continue };
                let Some((mut stream, mut handshake)) = opening[index].take() else { continue };
                let Some(agreed) = handshake.advance(&mut stream, &request)? else {
                    opening[index] = Some((stream, handshake));
                    continue;
                };
                ensure!(
                    agreed.deflate || !visit.deflate,
                    "the server did not agree to compression"
                );
                stream.socket().set_nodelay(true)?;
                let mut client = Client::new(stream, Rc::clone(message));
                client.take(&agreed.rest)?;
                open[index] = Some(client);
                done += 1;
                self.clock.heard = self.clock.now;
            }
        }
        self.clients.extend(open.into_iter().flatten());
        Ok(())
    }

    /// Waits once, writes and reads what can be, and tells of each client that was answered: which,
    /// how many replies it got, and when.
    ///
    /// # Errors
    ///
    /// If a client failed, `answered` did, or nothing was answered for too long.
    pub(crate) fn turn(
        &mut self,
        mut answered: impl FnMut(usize, &mut Client, usize, Instant) -> Result<()>,
    ) -> Result<()> {
        self.wait()?;
        let Self { events, clients, buffer, clock, .. } = self;
        for event in &*events {
            let index = event.token().0;
            let Some(client) = clients.get_mut(index) else { continue };
            if event.is_writable() {
                client.flush()?;
            }
            let messages = client.hear(buffer)?;
            if messages > 0 {
                clock.heard = Instant::now();
                ensure!(
                    messages <= client.outstanding,
                    "{messages} replies came to {} messages",
                    client.outstanding
                );
                client.outstanding -= messages;
                answered(index, client, messages, clock.heard)?;
            }
        }
        Ok(())
    }

    /// Answers pings for a while, and nothing else.
    ///
    /// # Errors
    ///
    /// If a client failed or was sent a message.
    pub(crate) fn rest(&mut self, time: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.clock.heard = Instant::now();
            self.turn(|_, _, _, _| bail!("a message came unasked"))?;
        }
        Ok(())
    }

    /// Has every client say its message once, a few at a time, and waits for the replies.
    ///
    /// # Errors
    ///
    /// If a reply is wrong or missing, or a connection breaks.
    pub(crate) fn say_once(&mut self) -> Result<()> {
        let count = self.clients.len();
        let (mut said, mut left) = (0, count);
        self.clock.heard = Instant::now();
        while left > 0 {
            while said < count && said - (count - left) < AT_ONCE {
                self.clients[said].say(1, Instant::now())?;
                said += 1;
            }
            self.turn(|_, _, messages, _| {
                left -= messages;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Bytes that came to all clients.
    pub(crate) fn bytes(&self) -> u64 {
        self.clients.iter().map(|client| client.read).sum()
    }

    /// Waits once without reading, and tells of each client whose socket can be written to or broke.
    ///
    /// # Errors
    ///
    /// If the wait failed.
    pub(crate) fn turn_deaf(&mut self, mut ready: impl FnMut(usize, &mut Client)) -> Result<()> {
        self.clock.heard = Instant::now();
        self.wait()?;
        for event in &self.events {
            let index = event.token().0;
            if let Some(client) = self.clients.get_mut(index) {
                ready(index, client);
            }
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<()> {
        let timeout = if self.patience.spins { Duration::ZERO } else { BLINK };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            waited => waited.context("epoll")?,
        }
        let now = Instant::now();
        if self.events.is_empty() {
            self.clock.idle += now - self.clock.now;
            let silence = now.duration_since(self.clock.heard);
            if silence > self.patience.limit {
                bail!("no reply came for {silence:.1?}");
            }
        }
        self.clock.now = now;
        Ok(())
    }
}
