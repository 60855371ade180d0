//! A client of a server under test: it behaves, until it is told not to.

use std::{fmt, mem, sync::Arc};

use aerys_proto::Message;
use http::Response;
use tokio::{
    sync::{Notify, mpsc},
    task::{AbortHandle, yield_now},
};

use super::frames::{self, BINARY, CLOSE, CONTINUATION, Frame, PING, PONG, TEXT};
use crate::{sync::Mutex, transport::memory::Peer};

/// How often the others have their turn before it is said that nothing has come.
const TURNS_OF_OTHERS: usize = 64;

/// A client that was let in.
///
/// It reads by itself, answers pings, and answers a CLOSE with its own. Dropped, it hangs up without a
/// word, as a program does that ends.
pub struct TestClient {
    peer: Arc<Peer>,
    response: Response<()>,
    events: mpsc::UnboundedReceiver<Event>,
    allowance: Arc<Allowance>,
    reading: AbortHandle,
}

/// What a client has heard.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A whole message.
    Message(Message),
    /// A ping, which was answered.
    Ping(Vec<u8>),
    /// An answer to a ping.
    Pong(Vec<u8>),
    /// A CLOSE with its code and reason; 1005 if it has none (RFC 6455 §7.1.5).
    Close(u16, String),
    /// The server has hung up.
    End,
}

/// How much a client reads.
#[derive(Default)]
struct Allowance {
    /// How many bytes it still may; `None` for any number.
    left: Mutex<Option<usize>>,
    changed: Notify,
}

impl TestClient {
    pub(super) fn new(peer: Peer, response: Response<()>, rest: Vec<u8>) -> Self {
        let peer = Arc::new(peer);
        let (sender, events) = mpsc::unbounded_channel();
        let allowance = Arc::new(Allowance::default());
        let reading = read(Arc::clone(&peer), sender, Arc::clone(&allowance), rest);
        let reading = tokio::spawn(reading).abort_handle();
        Self { peer, response, events, allowance, reading }
    }

    /// The 101, with its headers.
    pub fn response(&self) -> &Response<()> {
        &self.response
    }

    /// Sends a message in one frame.
    ///
    /// # Panics
    ///
    /// As [`send_raw`](Self::send_raw).
    pub async fn send(&self, message: impl Into<Message>) {
        let message = message.into();
        let opcode = if message.is_text() { TEXT } else { BINARY };
        self.send_raw(&frames::frame(true, opcode, message.as_bytes())).await;
    }

    /// Sends a message in fragments of so many bytes.
    ///
    /// # Panics
    ///
    /// If `size` is 0, or as [`send_raw`](Self::send_raw).
    pub async fn send_fragmented(&self, message: impl Into<Message>, size: usize) {
        let message = message.into();
        let mut opcode = if message.is_text() { TEXT } else { BINARY };
        let mut pieces = message.as_bytes().chunks(size).peekable();
        while let Some(piece) = pieces.next() {
            let is_last = pieces.peek().is_none();
            self.send_raw(&frames::frame(is_last, opcode, piece)).await;
            opcode = CONTINUATION;
        }
    }

    /// Sends a ping.
    ///
    /// # Panics
    ///
    /// As [`send_raw`](Self::send_raw).
    pub async fn ping(&self, payload: &[u8]) {
        self.send_raw(&frames::frame(true, PING, payload)).await;
    }

    /// Says CLOSE. What the server still says is heard.
    ///
    /// # Panics
    ///
    /// As [`send_raw`](Self::send_raw).
    pub async fn close(&self, code: u16, reason: &str) {
        self.send_raw(&frames::frame(true, CLOSE, &frames::close(code, reason))).await;
    }

    /// Sends bytes as they are, whatever they are.
    ///
    /// # Panics
    ///
    /// If the server has hung up.
    pub async fn send_raw(&self, bytes: &[u8]) {
        self.peer.write(bytes).await.expect("the server has not hung up");
    }

    /// The next thing that is heard.
    pub async fn next(&mut self) -> Event {
        self.events.recv().await.unwrap_or(Event::End)
    }

    /// What has been heard and not been asked for, if anything: it does not wait.
    pub async fn now(&mut self) -> Option<Event> {
        // So that whoever is at work has its turn.
        for _ in 0..TURNS_OF_OTHERS {
            yield_now().await;
        }
        self.events.try_recv().ok()
    }

    /// The next message; pings and pongs are passed over.
    ///
    /// # Panics
    ///
    /// If the server closes before.
    pub async fn message(&mut self) -> Message {
        loop {
            match self.next().await {
                Event::Message(message) => return message,
                Event::Ping(_) | Event::Pong(_) => {}
                end => panic!("no message comes: {end:?}"),
            }
        }
    }

    /// The next message, which is text.
    ///
    /// # Panics
    ///
    /// If it is none, or the server closes before.
    pub async fn hear(&mut self) -> String {
        self.message().await.as_text().expect("it is text").to_owned()
    }

    /// The code and the reason of the server's CLOSE; what comes before it is passed over. 1006 if it
    /// hangs up without one (RFC 6455 §7.1.5).
    pub async fn hear_close(&mut self) -> (u16, String) {
        loop {
            match self.next().await {
                Event::Close(code, reason) => return (code, reason),
                Event::End => return (1006, String::new()),
                _ => {}
            }
        }
    }

    /// Reads nothing from now on, neither messages nor pings.
    pub fn stop_reading(&self) {
        self.allowance.set(Some(0));
    }

    /// Reads so many bytes more, and then nothing.
    pub fn read_bytes(&self, count: usize) {
        self.allowance.set(Some(count));
    }

    /// Reads again.
    pub fn resume_reading(&self) {
        self.allowance.set(None);
    }

    /// Its network is gone: nothing comes of it any more, not even that it has gone.
    pub fn go_silent(&self) {
        self.peer.go_silent();
        self.allowance.set(Some(0));
    }

    /// Hangs up without a word.
    pub fn vanish(self) {}

    /// Sends nothing more, as a half-closed socket, and reads on.
    pub fn end(&self) {
        self.peer.end();
    }
}

impl Drop for TestClient {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient").finish_non_exhaustive()
    }
}

impl Allowance {
    fn set(&self, left: Option<usize>) {
        *self.left.lock() = left;
        self.changed.notify_one();
    }
}

/// Reads as far as it may, and answers what a client that behaves answers.
async fn read(
    peer: Arc<Peer>,
    events: mpsc::UnboundedSender<Event>,
    allowance: Arc<Allowance>,
    mut bytes: Vec<u8>,
) {
    let mut reader =
        Reader { peer: Arc::clone(&peer), events, unfinished: None, has_closed: false };
    loop {
        while let Some(frame) = frames::take(&mut bytes) {
            reader.hear(frame).await;
        }
        let most = *allowance.left.lock();
        if most == Some(0) {
            allowance.changed.notified().await;
            continue;
        }
        let more = tokio::select! {
            more = peer.read_at_most(most.unwrap_or(usize::MAX)) => more.unwrap_or_default(),
            () = allowance.changed.notified() => continue,
        };
        if more.is_empty() {
            reader.tell(Event::End);
            return;
        }
        if let Some(left) = &mut *allowance.left.lock() {
            *left = left.saturating_sub(more.len());
        }
        bytes.extend(more);
    }
}

struct Reader {
    peer: Arc<Peer>,
    events: mpsc::UnboundedSender<Event>,
    /// The opcode and what has come of a message in fragments.
    unfinished: Option<(u8, Vec<u8>)>,
    has_closed: bool,
}

impl Reader {
    async fn hear(&mut self, frame: Frame) {
        match frame.opcode {
            PING => {
                self.answer(PONG, &frame.payload).await;
                self.tell(Event::Ping(frame.payload));
            }
            PONG => self.tell(Event::Pong(frame.payload)),
            CLOSE => {
                if !mem::replace(&mut self.has_closed, true) {
                    self.answer(CLOSE, &frame.payload).await;
                }
                self.tell(closed(&frame.payload));
            }
            opcode => {
                let (opcode, mut payload) = self.unfinished.take().unwrap_or((opcode, Vec::new()));
                payload.extend(frame.payload);
                if frame.fin {
                    self.tell(Event::Message(message(opcode, payload)));
                } else {
                    self.unfinished = Some((opcode, payload));
                }
            }
        }
    }

    /// If it cannot be said, the server has hung up, which is heard next.
    async fn answer(&self, opcode: u8, payload: &[u8]) {
        let _ = self.peer.write(&frames::frame(true, opcode, payload)).await;
    }

    /// Unless nobody listens.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

/// # Panics
///
/// If it is text and no UTF-8: a server does not send that.
fn message(opcode: u8, payload: Vec<u8>) -> Message {
    match opcode {
        TEXT => Message::text(String::from_utf8(payload).expect("text is UTF-8")),
        _ => Message::binary(payload),
    }
}

fn closed(payload: &[u8]) -> Event {
    match payload.split_first_chunk() {
        Some((code, reason)) => {
            let reason = String::from_utf8_lossy(reason).into_owned();
            Event::Close(u16::from_be_bytes(*code), reason)
        }
        None => Event::Close(1005, String::new()),
    }
}
