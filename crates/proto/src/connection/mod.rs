//! One open connection: the server's side of RFC 6455 from the 101 to the end of the socket.
//!
//! `input` takes the socket's bytes in, `reading` makes frames of them, `writing` decides what goes
//! out next, `closing` is how far the connection is from its end, `heartbeat` watches for silence.
//! This file passes what the one learns on to the others; it parses nothing itself.

mod closing;
mod encoding;
mod heartbeat;
mod input;
mod pongs;
mod reading;
mod stash;
mod writing;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub use self::{closing::Ending, encoding::Encoding};
use self::{
    closing::{Open, PeerEnd, Phase, Wait},
    heartbeat::{Beat, Heartbeat},
    reading::Reader,
    writing::Writer,
};
use crate::{
    Close, CloseCode, Config, Event, Frame, Message, SendError, Traffic,
    deflate::{Agreement, Inflated},
    error::PeerError,
};

/// The state machine of one websocket connection, after the upgrade.
///
/// It is told what happens (`receive*`, [`handle_timeout`](Self::handle_timeout)) and what to do
/// ([`send`](Self::send), [`close`](Self::close), [`fail`](Self::fail)), and asked what is due
/// (`poll_*`, `is_*`). **After telling it anything, ask**: write what
/// [`poll_transmit`](Self::poll_transmit) gives until it gives nothing, and wake up again at
/// [`poll_timeout`](Self::poll_timeout). All of it may be asked for at any time, in any state.
///
/// The instants that it is told should not go backwards, but may be coarse.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    phase: Phase,
    reader: Reader,
    writer: Writer,
    heartbeat: Heartbeat,
    /// Since when the message that is arriving, if one is, has brought nothing new.
    unfinished: Option<Box<Instant>>,
    ending: Option<Ending>,
}

impl Connection {
    /// A connection whose 101 has been sent, or is about to be.
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        Self {
            config,
            phase: Phase::Open(Open::default()),
            reader: Reader::default(),
            writer: Writer::default(),
            heartbeat: Heartbeat::new(now),
            unfinished: None,
            ending: None,
        }
    }

    /// A connection whose 101 has told the client of this agreement.
    pub fn with_compression(config: Arc<Config>, agreement: Agreement, now: Instant) -> Self {
        let mut connection = Self::new(config, now);
        connection.reader.decompress(&agreement);
        connection.writer.compress(&agreement);
        connection
    }

    /// Holds the peer's end when it comes, its CLOSE or its violation, until it is
    /// [released](Self::release_end): so that what came before it can be answered first.
    ///
    /// ```
    /// use std::{sync::Arc, time::Instant};
    /// use aerys_proto::{CloseCode, Config, Connection, Event, Message};
    ///
    /// let now = Instant::now();
    /// let mut connection = Connection::new(Arc::new(Config::default()), now).holding_ends();
    /// let mut bytes = *b"\x81\x82\0\0\0\0hi\x88\x80\0\0\0\0";
    /// let mut input = &mut bytes[..];
    /// let event = connection.receive(&mut input, now);
    /// assert_eq!(event, Some(Event::Message(Message::text("hi"))));
    /// assert_eq!(connection.receive(&mut input, now), None);
    /// assert!(connection.holds_end());
    ///
    /// connection.send(Message::text("bye"))?;
    /// assert_eq!(&connection.poll_transmit().unwrap().payload()[..], b"bye");
    /// let event = connection.release_end(now);
    /// assert_eq!(event, Some(Event::Closed(CloseCode::NO_STATUS.into())));
    /// # Ok::<(), aerys_proto::SendError>(())
    /// ```
    #[must_use]
    pub fn holding_ends(mut self) -> Self {
        self.phase.hold_ends();
        self
    }

    /// Whether the peer has ended the connection, and that is [held](Self::holding_ends). What it may
    /// have sent after that is of no interest: it need not be read.
    pub fn holds_end(&self) -> bool {
        self.phase.holds_end()
    }

    /// Takes notice of the peer's end, if it is [held](Self::holding_ends): answers it, and reports
    /// it.
    pub fn release_end(&mut self, now: Instant) -> Option<Event> {
        let held = self.phase.take_held()?;
        self.answer_end(held, now)
    }

    /// The socket has nothing more to read: it has ended, or failed.
    pub fn receive_end(&mut self) -> Option<Event> {
        self.end()
    }

    /// The next message to send. Its frames come out of [`poll_transmit`](Self::poll_transmit).
    ///
    /// # Errors
    ///
    /// [`SendError::Busy`] while an earlier message has frames left, [`SendError::Closing`] once
    /// the connection is no longer [open](Self::is_open). Both give the message back.
    pub fn send(&mut self, message: Message) -> Result<(), SendError> {
        match self.phase {
            Phase::Open(_) => self.writer.send(message, &self.config).map_err(SendError::Busy),
            _ => Err(SendError::Closing(message)),
        }
    }

    /// The next message to send, and its frame: [`send`](Self::send) and
    /// [`poll_transmit`](Self::poll_transmit) in one, if nothing is due before it and it goes out in
    /// one frame that is not compressed. It saves no more than time.
    ///
    /// # Errors
    ///
    /// If not, gives the message back: it is for `send`.
    #[inline(always)]
    pub fn transmit(&mut self, message: Message) -> Result<Frame, Message> {
        match self.phase {
            Phase::Open(_) => self.writer.transmit(message, &self.config),
            _ => Err(message),
        }
    }

    /// Starts the close handshake (RFC 6455 §7.1.2): a CLOSE frame follows what was given to
    /// [`send`](Self::send) before. From now on nothing that arrives is delivered.
    ///
    /// Harmless if the connection is closing already.
    pub fn close(&mut self, close: Close, now: Instant) {
        let deadline = self.deadline(now);
        if self.phase.close(&close, deadline) {
            self.ending = Some(Ending::Local);
            self.reader.skip_data();
            self.writer.close(close);
        }
    }

    /// Gives the peer up (RFC 6455 §7.1.7): drops what is left of the message that is being sent,
    /// sends the CLOSE next and takes no notice of what still arrives.
    ///
    /// Answers [`Event::Closed`] if that has not been reported before. If
    /// [`close`](Self::close) came first, then what it said is what is sent and reported, and if the
    /// peer's end is held, then that.
    pub fn fail(&mut self, close: Close, now: Instant) -> Option<Event> {
        self.writer.drop_pongs();
        if self.is_open() && self.holds_end() {
            return self.release_end(now);
        }
        self.ending.get_or_insert(Ending::Local);
        self.conclude(close.clone(), close, Wait::Fixed, now)
    }

    /// Time has passed. To be called at or after [`poll_timeout`](Self::poll_timeout); harmless
    /// when early.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Event> {
        if self.phase.has_expired(now) {
            return self.end();
        }
        if self.is_open() && !self.holds_end() {
            if self.unfinished_due().is_some_and(|due| due <= now) {
                let close = Close::new(CloseCode::POLICY, "a message was begun and not finished");
                return self.fail(close, now);
            }
            match self.heartbeat.handle_timeout(now, &self.config) {
                Beat::Fine => {}
                Beat::Ping(number) => self.writer.ping(number),
                Beat::Lost => {
                    return self.fail(Close::new(CloseCode::POLICY, "no answer to pings"), now);
                }
            }
        }
        None
    }

    /// The peer has not been listened to, so that it does not count against it that pings were not
    /// answered until now. They are sent on: where nobody is there any more, the socket fails.
    pub fn excuse_silence(&mut self) {
        self.heartbeat.excuse();
    }

    /// The peer has not been listened to, so that it does not count against it that a message was not
    /// finished until now.
    pub fn excuse_unfinished(&mut self, now: Instant) {
        if let Some(since) = &mut self.unfinished {
            **since = now;
        }
    }

    /// The peer is still taking what it is sent: it is alive, though its pongs are behind all that. The
    /// time for its silence begins anew, and so does, while we wait for its part in closing, the time
    /// for that, unless it was given up.
    pub fn handle_progress(&mut self, now: Instant) {
        self.heartbeat.excuse();
        self.heartbeat.heard(now);
        let deadline = self.deadline(now);
        self.phase.postpone(deadline);
    }

    /// The next frame to write: control frames first, between the fragments of a message too, then
    /// the message's next fragment.
    #[inline]
    pub fn poll_transmit(&mut self) -> Option<Frame> {
        if self.writer.is_idle() { None } else { self.writer.poll(self.config.auto_frame_size) }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing happens before. It moves
    /// with every byte received, but a timer need not: being called early is harmless, and the
    /// timer is then set again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open(_) if self.holds_end() => None,
            Phase::Open(_) => {
                let due = [self.heartbeat.due(&self.config), self.unfinished_due()];
                due.into_iter().flatten().min()
            }
            _ => self.phase.deadline(),
        }
    }

    /// What it goes by.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the message last given to [`send`](Self::send) has frames left.
    pub fn is_sending(&self) -> bool {
        self.writer.is_sending()
    }

    /// Whether messages may be compressed, as the 101 has agreed.
    pub fn compresses(&self) -> bool {
        self.reader.decompresses()
    }

    /// Whether that message is compressed as it is sent: then frames of it cost
    /// [work](Self::take_compressed).
    pub fn is_compressing(&self) -> bool {
        self.writer.is_compressing()
    }

    /// How many bytes have been compressed since this was last asked. A message of more than 64 KiB
    /// is compressed in pieces of 32 KiB, each when its frames are asked for.
    pub fn take_compressed(&mut self) -> usize {
        self.writer.take_compressed()
    }

    /// Whether the message last given to [`send`](Self::send) is sent compressed, and no frame of it has been
    /// given out.
    pub fn has_compressed(&self) -> bool {
        self.writer.has_compressed()
    }

    /// What has been decompressed since this was last asked.
    pub fn take_inflated(&mut self) -> Inflated {
        self.reader.take_inflated()
    }

    /// How it encodes messages, if it encodes each in the same way whatever it has sent before: then a
    /// frame that was [made](Encoding::frame) once can be written to many. `None` if it compresses
    /// each message in the context of those before it.
    ///
    /// Such a frame may be written while the connection [is open](Self::is_open) and has nothing to
    /// [transmit](Self::poll_transmit). It does not count in the [traffic](Self::traffic).
    pub fn encoding(&self) -> Option<Encoding> {
        self.writer.encoding()
    }

    /// Whether a control frame is due: a pong, a ping or a CLOSE.
    #[inline]
    pub fn has_control(&self) -> bool {
        self.writer.has_control()
    }

    /// Whether messages can be sent.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    /// Whether both sides have said CLOSE, or the peer was given up. **Write what
    /// [`poll_transmit`](Self::poll_transmit) still has, shut the socket down for writing, and
    /// read on until it ends**: a socket that is dropped with unread bytes is reset, and the peer
    /// may lose the CLOSE.
    pub fn is_draining(&self) -> bool {
        matches!(self.phase, Phase::Draining(_))
    }

    /// Whether nothing remains to wait for: the socket can be dropped. If the peer ended it right
    /// after its CLOSE, [`poll_transmit`](Self::poll_transmit) may still have our answer.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Who began its end, once somebody has.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// How long the last ping that was answered took to be.
    pub fn round_trip(&self) -> Option<Duration> {
        self.heartbeat.round_trip()
    }

    /// How many pings the peer has not answered.
    pub fn pings_outstanding(&self) -> u32 {
        self.heartbeat.unanswered()
    }

    /// What has been read and sent so far.
    pub fn traffic(&self) -> Traffic {
        Traffic { read: self.reader.count(), sent: self.writer.count() }
    }

    fn unfinished_due(&self) -> Option<Instant> {
        self.unfinished.as_ref()?.checked_add(self.config.message_period?)
    }

    /// What the peer says from now on does not matter any more.
    fn peer_ends(&mut self, end: PeerEnd, now: Instant) -> Option<Event> {
        self.reader.clear();
        let end = self.phase.hold(end)?;
        self.answer_end(end, now)
    }

    fn answer_end(&mut self, end: PeerEnd, now: Instant) -> Option<Event> {
        match end {
            PeerEnd::Closed(close) => {
                self.ending.get_or_insert(Ending::Peer);
                self.peer_closed(close, now)
            }
            PeerEnd::Erred(error) => {
                self.ending.get_or_insert(Ending::Violation);
                self.peer_erred(error, now)
            }
        }
    }

    fn peer_closed(&mut self, theirs: Close, now: Instant) -> Option<Event> {
        // RFC 6455 §5.5.1: "If an endpoint receives a Close frame and did not previously send a
        // Close frame, the endpoint MUST send a Close frame in response."
        self.conclude(theirs.echo(), theirs, Wait::WhileItReads, now)
    }

    fn peer_erred(&mut self, error: PeerError, now: Instant) -> Option<Event> {
        let close = Close::from(error);
        self.conclude(close.clone(), close, Wait::Fixed, now)
    }

    /// Nothing more is read; `answer` is sent and `close` reported, unless a CLOSE of ours came
    /// first.
    fn conclude(&mut self, answer: Close, close: Close, wait: Wait, now: Instant) -> Option<Event> {
        self.reader.clear();
        self.writer.close_at_once(answer);
        let deadline = self.deadline(now);
        self.phase.drain(close, deadline, wait).map(Event::Closed)
    }

    /// Nothing more is read or waited for.
    fn end(&mut self) -> Option<Event> {
        self.ending.get_or_insert(Ending::Lost);
        self.reader.clear();
        self.writer.end();
        self.phase.end().map(Event::Closed)
    }

    fn deadline(&self, now: Instant) -> Option<Instant> {
        now.checked_add(self.config.close_period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_small() {
        assert!(size_of::<Connection>() <= 224, "{}", size_of::<Connection>());
    }

    #[test]
    fn what_has_half_arrived_is_freed_with_the_close() {
        let now = Instant::now();
        for give_up in [true, false] {
            let mut connection = Connection::new(Arc::default(), now);
            // Half of a text of ten bytes.
            let mut bytes = [0x81, 0x8a, 0, 0, 0, 0, b'h', b'a', b'l', b'f'];
            assert_eq!(connection.receive(&mut &mut bytes[..], now), None);
            if give_up {
                connection.fail(CloseCode::POLICY.into(), now);
            } else {
                connection.receive_end();
            }
            assert!(connection.reader.is_idle(), "{:?}", connection.reader);
            assert_eq!(connection.traffic().read.frames, 1);
        }
    }

    type Way<'w> = (&'w dyn Fn(&mut Connection), Ending);

    #[test]
    fn who_began_the_end_is_known_whatever_comes_of_it() {
        let now = Instant::now();
        let close = || Close::from(CloseCode::NORMAL);
        // A CLOSE, and a frame that is not masked.
        let receive = |connection: &mut Connection, mut bytes: Vec<u8>| {
            connection.receive(&mut &mut bytes[..], now);
        };
        let peer = |it: &mut Connection| receive(it, vec![0x88, 0x80, 0, 0, 0, 0]);
        let violation = |it: &mut Connection| receive(it, vec![0x81, 0]);
        let local = |it: &mut Connection| it.close(close(), now);
        let given_up = |it: &mut Connection| drop(it.fail(close(), now));
        let lost = |it: &mut Connection| drop(it.receive_end());
        let ways: [Way<'_>; 5] = [
            (&peer, Ending::Peer),
            (&violation, Ending::Violation),
            (&local, Ending::Local),
            (&given_up, Ending::Local),
            (&lost, Ending::Lost),
        ];
        for (first, ending) in ways {
            for (second, _) in ways {
                let mut connection = Connection::new(Arc::default(), now);
                assert_eq!(connection.ending(), None);
                first(&mut connection);
                second(&mut connection);
                assert_eq!(connection.ending(), Some(ending));
            }
        }
    }
}
