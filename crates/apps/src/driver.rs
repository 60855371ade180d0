//! The task that reads and writes a process's stream: frames, commands and their results, and the heartbeat.
//!
//! What is to be written leaves in one write for as many frames as there are, and what is there is read at once.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use aerys::CloseCode;
use bytes::{Buf, Bytes};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::{
    error::End,
    execute::Doing,
    link::Link,
    options::ProcessOptions,
    outgoing::Batch,
    protocol::{
        Command, Decoder, Frame, FromProcess, Head, Hello, Outcome, Start, ToProcess, VERSION,
    },
    ration::{Allowed, Ration},
    stream::Stream,
};

/// How many parts are written at once.
const SLICES: usize = 64;

/// How often reading and writing take turns before others have theirs.
const TURNS: usize = 16;

/// How many awaited commands may be under way; then no others are read.
const MAX_AWAITED: usize = 64 << 10;

/// How many lines of the log there are about commands that make no sense, in how long.
const COMPLAINTS: (u32, Duration) = (10, Duration::from_secs(10));

type Awaited = Pin<Box<dyn Future<Output = (Head, Outcome)> + Send>>;

/// How far a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It has said nothing.
    New,
    /// It knows what is served.
    Starting,
    /// It takes clients.
    Ready,
    /// It takes no new ones.
    Stopping,
}

pub(crate) struct Driver {
    link: Arc<Link>,
    stream: Stream,
    decoder: Decoder,
    /// What is being written.
    parts: VecDeque<Bytes>,
    batch: Batch,
    awaited: FuturesUnordered<Awaited>,
    phase: Phase,
    start: Start,
    options: Arc<ProcessOptions>,
    heartbeat: Interval,
    /// The PING that was not answered; since when, [`Link`] knows.
    ping: Option<u32>,
    pings: u32,
    /// Until when the next thing has to have happened: HELLO, READY, or that all clients have gone.
    deadline: Pin<Box<Sleep>>,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Whom to tell that it is ready.
    on_ready: Option<Box<dyn FnOnce() + Send>>,
    complaints: Ration,
}

impl Driver {
    pub(crate) fn new(
        link: Arc<Link>,
        stream: Stream,
        start: Start,
        options: Arc<ProcessOptions>,
        stop: WaitForCancellationFutureOwned,
        on_ready: impl FnOnce() + Send + 'static,
    ) -> Self {
        let mut heartbeat =
            interval_at(Instant::now() + options.heartbeat_period, options.heartbeat_period);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            decoder: Decoder::new(options.max_frame),
            parts: VecDeque::new(),
            batch: Batch::default(),
            awaited: FuturesUnordered::new(),
            phase: Phase::New,
            heartbeat,
            ping: None,
            pings: 0,
            deadline: Box::pin(sleep(options.start_period)),
            stop: Box::pin(stop),
            on_ready: Some(Box::new(on_ready)),
            complaints: Ration::new(COMPLAINTS.0, COMPLAINTS.1),
            link,
            stream,
            start,
            options,
        }
    }

    /// Goes on until the process is to be spoken with no more, and says why.
    pub(crate) async fn run(&mut self) -> End {
        poll_fn(|cx| match self.poll(cx) {
            Poll::Ready(Err(end)) => Poll::Ready(end),
            _ => Poll::Pending,
        })
        .await
    }

    pub(crate) fn into_stream(self) -> Stream {
        self.stream
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        self.poll_stop(cx)?;
        self.poll_time(cx)?;
        for _ in 0..TURNS {
            let has_results = self.poll_awaited(cx);
            let has_written = self.poll_write(cx)?;
            let has_read = !self.is_clogged() && self.poll_read(cx)?;
            if !(has_results || has_written || has_read) {
                return self.look_for_the_end().into();
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether what the process says has to wait: it does not take what it is told.
    fn is_clogged(&self) -> bool {
        let unsent: usize = self.parts.iter().map(Bytes::len).sum();
        unsent + self.link.outgoing.bytes() > 2 * self.link.outgoing.max_bytes()
            || self.awaited.len() > MAX_AWAITED
    }

    /// Having stopped, it has ended when nobody is left of its clients, and nothing to be told.
    fn look_for_the_end(&self) -> Result<(), End> {
        let is_idle = self.parts.is_empty() && self.link.outgoing.bytes() == 0;
        if self.phase == Phase::Stopping && self.link.clients() == 0 && is_idle {
            return Err(End::Stopped);
        }
        Ok(())
    }

    fn poll_stop(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if self.phase == Phase::Stopping || self.stop.as_mut().poll(cx).is_pending() {
            return Ok(());
        }
        if self.phase != Phase::Ready {
            return Err(End::Stopped);
        }
        self.phase = Phase::Stopping;
        self.tell(&ToProcess::Stop);
        self.deadline.set(sleep(self.options.drain_period));
        Ok(())
    }

    fn poll_time(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if self.phase != Phase::Ready && self.deadline.as_mut().poll(cx).is_ready() {
            let period = self.options.start_period;
            match self.phase {
                Phase::New => return Err(End::NoHello(period)),
                Phase::Starting => return Err(End::NotReady(period)),
                Phase::Ready | Phase::Stopping => {
                    self.link.close_all(CloseCode::RESTART, "the application is restarted");
                    // Who does not go within that has a heartbeat, which ends him.
                    self.deadline.set(sleep(self.options.drain_period.max(Duration::from_secs(1))));
                    let _ = self.deadline.as_mut().poll(cx);
                }
            }
        }
        while self.heartbeat.poll_tick(cx).is_ready() {
            match self.ping {
                _ if self.phase == Phase::New => {}
                None => {
                    self.pings = self.pings.wrapping_add(1);
                    self.ping = Some(self.pings);
                    self.link.asked();
                    self.tell(&ToProcess::Ping(self.pings));
                }
                // What it answers waits behind what is not read now, through no fault of its own.
                Some(_) if self.awaited.len() > MAX_AWAITED => self.link.asked(),
                Some(_) if self.link.unanswered_for() >= self.options.stuck_period => {
                    return Err(End::Stuck(self.options.stuck_period));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn poll_awaited(&mut self, cx: &mut Context<'_>) -> bool {
        let mut has_results = false;
        while let Poll::Ready(Some((head, outcome))) = self.awaited.poll_next_unpin(cx) {
            self.answer(head, &outcome);
            has_results = true;
        }
        has_results
    }

    /// Writes as much as is taken, all that there is at once. Whether all of it was.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut has_written = false;
        loop {
            if self.parts.is_empty() {
                self.link.outgoing.written(std::mem::take(&mut self.batch));
                let Some(mut batch) = self.link.outgoing.take(cx) else { return Ok(has_written) };
                self.parts = std::mem::take(&mut batch.parts).into();
                self.batch = batch;
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            for (slice, part) in slices.iter_mut().zip(&self.parts) {
                *slice = IoSlice::new(part);
            }
            let slices = &slices[..self.parts.len().min(SLICES)];
            let written = match self.stream.poll_write(cx, slices) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Ok(written)) => written,
                Poll::Ready(Err(error)) => return Err(lost(error)),
            };
            self.advance(written);
            has_written = true;
        }
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(part) = self.parts.front_mut() {
            if part.len() > written {
                part.advance(written);
                return;
            }
            written -= part.len();
            self.parts.pop_front();
        }
    }

    /// Reads once, and does what it says. Whether anything had come.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        match self.stream.poll_read(cx, self.decoder.buffer()) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(0)) => return Err(End::Closed),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(error)) => return Err(lost(error)),
        }
        while let Some(frame) = self.decoder.poll_frame()? {
            self.heard(frame)?;
        }
        Ok(true)
    }

    fn heard(&mut self, frame: Frame) -> Result<(), End> {
        let head = frame.head;
        let said = FromProcess::try_from(frame)?;
        if self.phase == Phase::New && !matches!(said, FromProcess::Hello(_)) {
            return Err(End::Rule("what it says first is not HELLO"));
        }
        match said {
            FromProcess::Hello(hello) => self.heard_hello(&hello),
            FromProcess::Ready => {
                if self.phase == Phase::Starting {
                    self.phase = Phase::Ready;
                }
                let Some(on_ready) = self.on_ready.take() else {
                    return Err(End::Rule("it says READY a second time"));
                };
                on_ready();
                Ok(())
            }
            FromProcess::Ping => {
                self.tell(&ToProcess::Pong(head.seq));
                Ok(())
            }
            FromProcess::Pong => {
                if self.ping.take_if(|seq| *seq == head.seq).is_some() {
                    self.link.answered();
                }
                Ok(())
            }
            FromProcess::Done { has_failed } => self.link.done(head, has_failed),
            FromProcess::Header { name, value } => {
                match self.link.answerable(head) {
                    Some((conversation, handshake)) => {
                        let handshake = handshake.header(&*name, &value[..]);
                        conversation.give_back(Box::new(handshake));
                    }
                    None => self.complain(head, "a header comes after the answer to the handshake"),
                }
                Ok(())
            }
            FromProcess::Refuse { status, reason } => {
                match self.link.answerable(head) {
                    Some((conversation, handshake)) => {
                        let refusal = handshake.refuse(status);
                        let refusal =
                            if reason.is_empty() { refusal } else { refusal.reason(reason) };
                        conversation.answer(Err(refusal));
                    }
                    None => {
                        self.complain(head, "a refusal comes after the answer to the handshake");
                    }
                }
                Ok(())
            }
            FromProcess::Command(command) => self.begin(head, command),
        }
    }

    fn heard_hello(&mut self, hello: &Hello) -> Result<(), End> {
        if self.phase != Phase::New {
            return Err(End::Rule("it says HELLO a second time"));
        }
        if hello.version != VERSION {
            return Err(End::Version(hello.version));
        }
        self.phase = Phase::Starting;
        self.deadline.set(sleep(self.options.start_period));
        self.link.outgoing.put(&ToProcess::Start(&self.start), 0, 0, 0, None).wake();
        Ok(())
    }

    fn begin(&mut self, head: Head, command: Command) -> Result<(), End> {
        match self.link.execute(head, command)? {
            Doing::Did(outcome) => self.answer(head, &outcome),
            Doing::Does(mut does) => {
                // Before anything else that the process has said, which its order promises.
                match does.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(outcome) => self.answer(head, &outcome),
                    Poll::Pending => {
                        self.awaited.push(Box::pin(async move { (head, does.await) }));
                    }
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, head: Head, outcome: &Outcome) {
        let Head { endpoint, client, seq, .. } = head;
        if seq != 0 {
            let result = ToProcess::Result(outcome);
            // Nobody waits for it but who runs here.
            let _ = self.link.outgoing.put(&result, endpoint, client, seq, None);
        } else if let Outcome::Refused(why) = outcome {
            self.complain(head, &why.clone());
        }
    }

    fn tell(&self, frame: &ToProcess<'_>) {
        self.link.outgoing.put(frame, 0, 0, 0, None).wake();
    }

    /// Tells of what was said, and is not done.
    fn complain(&mut self, head: Head, why: &str) {
        if let Allowed::After(left_out) = self.complaints.take() {
            let Head { kind, client, .. } = head;
            let left_out = (left_out > 0).then_some(left_out);
            tracing::warn!(command = ?kind, client, left_out, "what an application has said is not done: {why}");
        }
    }
}

/// One that goes leaves a stream that is reset.
fn lost(error: io::Error) -> End {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => End::Closed,
        _ => End::Stream(error),
    }
}
