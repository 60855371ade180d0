//! The future that pumps one client: socket → protocol → application, outbox → socket.
//!
//! A turn of it reads what is there, lets the application work it off, and writes what came of
//! that in as few system calls as it takes; then the next client has its turn.

mod batch;
mod cork;
mod direct;
mod reading;
mod writing;

use std::{
    collections::VecDeque,
    mem,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use aerys_proto::{Close, Connection, Event, Message};
use bytes::Bytes;
use tokio::{
    net::TcpStream,
    task::coop::unconstrained,
    time::{Sleep, sleep},
};

use self::cork::Cork;
use crate::{
    clock,
    line::Line,
    mount::Opening,
    outbox::{Notice, Owes},
    session::Session,
    stats::Tick,
};

/// One open connection. Resolves when the socket is closed and the application is done with it.
pub(crate) struct Driver {
    connection: Connection,
    line: Arc<Line>,
    /// `None` once the socket is closed.
    socket: Option<Socket>,
    /// `None` once the application is done.
    session: Option<Session>,
    alarm: Pin<Box<Sleep>>,
    close_period: Duration,
    /// Whether the last frame of the message last given to the connection is still to come.
    sending: bool,
    /// Messages taken from the outbox for a write that had no room for them.
    left_over: VecDeque<Message>,
    /// Whether anything has happened since there was last nothing to write.
    stirred: bool,
    /// Whether a socket that was full has taken anything since the alarm last rang.
    progress: bool,
    /// When a client that is to be closed is looked at: does it take what goes before the CLOSE?
    parting: Option<Instant>,
    /// Until when messages left behind by a client that has gone may still be worked off.
    patience: Option<Instant>,
    /// The time, as of the beginning of the turn.
    now: Instant,
    /// The same, as the meter notes it.
    tick: Tick,
}

/// What is left of one turn, in bytes each way; then the next client has its turn.
struct Budget {
    read: usize,
    write: usize,
}

struct Socket {
    stream: TcpStream,
    /// What a write left behind.
    unsent: VecDeque<Bytes>,
    /// How many messages end in `unsent`.
    ending: usize,
    /// What was read and not taken in yet: before the driver took over, or behind a message that
    /// was to be answered first.
    early: Bytes,
    /// Whether the end was put off once, so that it is not again.
    has_put_off: bool,
    /// Whether our side has been shut down.
    shut: bool,
    cork: Cork,
}

impl Driver {
    /// Takes over a socket that has become a websocket. `early` is what was read of it already.
    pub(crate) fn new(opening: Opening, stream: TcpStream, early: Bytes) -> Self {
        let socket = Socket {
            stream,
            early,
            has_put_off: false,
            unsent: VecDeque::new(),
            ending: 0,
            shut: false,
            cork: Cork::default(),
        };
        Self { socket: Some(socket), ..Self::without_socket(opening) }
    }

    /// For a peer that vanished before its answer: all there is to do is to let `on_open` end.
    pub(crate) fn vanished(opening: Opening) -> Self {
        let mut driver = Self::without_socket(opening);
        driver.hang_up();
        driver
    }

    fn without_socket(opening: Opening) -> Self {
        let now = clock::now();
        let tick = opening.line.meter.tick(now);
        Self {
            close_period: opening.config.close_period,
            connection: match opening.agreement {
                Some(agreement) => Connection::with_compression(opening.config, agreement, now),
                None => Connection::new(opening.config, now),
            },
            line: opening.line,
            socket: None,
            session: Some(opening.session),
            alarm: Box::pin(sleep(NEVER)),
            sending: false,
            left_over: VecDeque::new(),
            stirred: true,
            progress: false,
            parting: None,
            patience: None,
            now,
            tick,
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let driver = &mut *self;
        driver.now = clock::now();
        driver.tick = driver.line.meter.tick(driver.now);
        let mut budget = Budget { read: TURN, write: TURN };
        let mut wrote = false;
        loop {
            driver.attend();
            let deaf = driver.is_deaf();
            // While answers leave, what waits behind them comes before what is still to come.
            let catches_up = wrote && driver.has_backlog();
            let read = !catches_up && driver.read(cx, &mut budget.read);
            driver.converse(cx);
            wrote = driver.write(cx, &mut budget.write);
            driver.close_socket();
            if driver.session.is_none() && driver.socket.is_none() {
                return Poll::Ready(());
            }
            if budget.read == 0 || budget.write == 0 {
                driver.pull_cork();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            // Nothing wakes a driver for what it did not listen to: it has to look by itself.
            let listens_again = deaf && !driver.is_deaf() && driver.socket.is_some();
            if !read && !wrote && !catches_up && !listens_again && driver.rest(cx) {
                driver.pull_cork();
                return Poll::Pending;
            }
        }
    }
}

impl Driver {
    /// Looks at what cannot wait: the clock, and a client that is owed too much.
    fn attend(&mut self) {
        let notice = self.line.outbox.notice();
        if notice != Notice::Closing {
            self.parting = None;
        }
        match notice {
            Notice::Nothing => {}
            Notice::Closing => {
                if self.parting.is_none() {
                    self.now = clock::read();
                    self.parting = self.now.checked_add(self.close_period);
                }
            }
            Notice::Overflowed(close) => {
                self.now = clock::read();
                let event = self.connection.fail(close, self.now);
                self.report(event);
                self.stirred = true;
            }
        }
        if self.alarm.is_elapsed() {
            // The runtime's clock may be ahead of ours, and what rings is to be found due.
            self.now = clock::read();
            self.handle_timeout();
        }
    }

    fn handle_timeout(&mut self) {
        let now = self.now;
        self.stirred = true;
        // A peer that reads what it is owed is alive, though its pongs are behind all that. And
        // silence is not its fault while it is not listened to, unless it takes nothing.
        let progress = mem::take(&mut self.progress);
        if progress || (self.is_deaf() && self.line.outbox.queued_bytes() == 0) {
            self.connection.excuse_silence();
        }
        let event = self.connection.handle_timeout(now);
        self.report(event);
        self.line.meter.look(&self.connection);
        if self.parting.is_some_and(|parting| parting <= now) {
            self.parting = now.checked_add(self.close_period);
            if !progress {
                self.part(now);
            }
        }
        if self.patience.is_some_and(|patience| patience <= now) {
            self.patience = None;
            self.discard();
        }
    }

    /// Ends the wait for a client that takes nothing of what goes before its CLOSE: it will not
    /// take that either.
    fn part(&mut self, now: Instant) {
        if let Some(close) = self.line.outbox.take_close() {
            let event = self.connection.fail(close, now);
            self.report(event);
            self.socket = None;
        }
    }

    /// Lets the application work off what has come.
    fn converse(&mut self, cx: &mut Context<'_>) {
        if let Some(session) = &mut self.session
            && !session.inbox.leaves_waiting()
            && session.poll(cx).is_ready()
        {
            self.session = None;
        }
    }

    /// Waits for what comes next, unless it is there already.
    fn rest(&mut self, cx: &mut Context<'_>) -> bool {
        let unsent = self.socket.as_ref().is_some_and(|socket| !socket.unsent.is_empty());
        let owes = if unsent { Owes::Unsent } else { Owes::Nothing };
        self.set_alarm(cx) && self.line.outbox.rest(cx, owes)
    }

    /// What the kernel holds back does not wait for longer than this turn.
    fn pull_cork(&mut self) {
        if let Some(Socket { stream, cork, .. }) = &mut self.socket {
            cork.pull(stream);
        }
    }

    /// `false` if it has rung already. An alarm that rings too early is left alone: it is looked at
    /// then, so that nothing is done about it for each message.
    fn set_alarm(&mut self, cx: &mut Context<'_>) -> bool {
        let due = [self.connection.poll_timeout(), self.parting, self.patience]
            .into_iter()
            .flatten()
            .min();
        let Some(due) = due.map(tokio::time::Instant::from) else { return true };
        if self.alarm.is_elapsed() || due < self.alarm.deadline() {
            self.alarm.as_mut().reset(due);
            // Polled once for each setting: the runtime's budget must not keep it from being heard.
            return pin!(unconstrained(self.alarm.as_mut())).poll(cx).is_pending();
        }
        true
    }

    fn report(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Message(message)) => {
                if let Some(session) = &mut self.session {
                    session.inbox.push(message);
                }
            }
            Some(Event::Closed(close)) => self.depart(close),
            None => {}
        }
    }

    /// The connection is over for the application. Messages that came before are still its to
    /// take, for a while, unless it was itself that asked for the end.
    fn depart(&mut self, close: Close) {
        if !self.line.outbox.is_open() {
            self.discard();
        }
        if let Some(session) = &mut self.session {
            if session.inbox.has_backlog() {
                self.patience = clock::read().checked_add(self.close_period);
            }
            session.inbox.depart(close);
        }
        self.line.gone();
    }

    /// Whether there are messages that the application has not taken.
    fn has_backlog(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.inbox.has_backlog())
    }

    /// Drops the messages that the application has not taken.
    fn discard(&mut self) {
        if let Some(session) = &mut self.session {
            session.inbox.discard();
        }
    }

    /// The socket has ended, or there is none.
    fn hang_up(&mut self) {
        let event = self.connection.receive_end();
        self.report(event);
        self.stirred = true;
    }

    fn close_socket(&mut self) {
        if self.connection.is_over() {
            self.socket = None;
        }
    }
}

/// How much one client may read and write in one turn, in bytes.
const TURN: usize = 64 * 1024;

/// How far off an alarm is that was not set yet: thirty years.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
