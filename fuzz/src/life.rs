//! A connection, and what it has to be like at any time and in the end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aerys_proto::{
    Close, CloseCode, Config, Connection, Event, Message, SendError, Traffic, deflate::Agreement,
};
use bytes::BufMut;

use crate::{
    inflater::Inflater,
    oracle::{self, End},
    peer::Peer,
};

/// Where a connection is; it only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    Closing,
    Draining,
    Over,
}

/// A connection, and what it has to be like.
pub(crate) struct Life {
    connection: Connection,
    config: Arc<Config>,
    agreement: Option<Agreement>,
    now: Instant,
    phase: Phase,
    /// While it is to stay the same.
    deadline: Option<Option<Instant>>,
    /// What was received while open.
    read: Vec<u8>,
    delivered: Vec<Message>,
    reported: Option<Close>,
    /// What ended the time in which messages are delivered, if it was no byte received.
    cut_short: bool,
    /// The first of `close` and `fail`, if it came before anything of the client's.
    ours: Option<Close>,
    accepted: Vec<Message>,
    peer: Peer,
    last_ping: Option<u32>,
    /// After `fail` there is nothing to say but CLOSE.
    is_given_up: bool,
    /// Frames heard when it was over.
    heard_at_end: Option<u64>,
}

impl Life {
    pub(crate) fn new(config: Config, agreement: Option<Agreement>) -> Self {
        let config = Arc::new(config);
        let now = Instant::now();
        let connection = match agreement {
            Some(agreement) => Connection::with_compression(Arc::clone(&config), agreement, now),
            None => Connection::new(Arc::clone(&config), now),
        };
        Self {
            connection,
            config,
            agreement,
            now,
            phase: Phase::Open,
            deadline: None,
            read: Vec::new(),
            delivered: Vec::new(),
            reported: None,
            cut_short: false,
            ours: None,
            accepted: Vec::new(),
            peer: Peer { may_compress: agreement.is_some(), ..Peer::default() },
            last_ping: None,
            is_given_up: false,
            heard_at_end: None,
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The number of the newest ping that was heard.
    pub(crate) fn last_ping(&self) -> Option<u32> {
        self.last_ping
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        if self.phase() == Phase::Open {
            self.read.extend(bytes);
        }
        let mut bytes = bytes.to_vec();
        let mut input = &mut bytes[..];
        loop {
            let plain = self.connection.receive_plain(&mut input, self.now);
            // A little at a time, which is not to make a difference.
            let mut work = 200;
            let event =
                plain.or_else(|| self.connection.receive_some(&mut input, self.now, &mut work));
            if event.is_none() && input.is_empty() && !self.connection.is_behind() {
                break;
            }
            self.take(event);
        }
        assert!(input.is_empty(), "all of the input is taken in");
    }

    /// The same, where bytes go where they belong as soon as there is room for them.
    pub(crate) fn receive_in_place(&mut self, mut bytes: &[u8]) {
        while self.connection.room() > 0 && !bytes.is_empty() {
            let most = self.connection.room().min(bytes.len());
            let (read, rest) = bytes.split_at(most);
            bytes = rest;
            if self.phase() == Phase::Open {
                self.read.extend(read);
            }
            let put = |room: &mut dyn BufMut| room.put_slice(read);
            let (_, event) = self.connection.receive_in_place(self.now, put).expect("room");
            self.take(event);
        }
        self.receive(bytes);
    }

    fn take(&mut self, event: Option<Event>) {
        let Some(event) = event else {
            return;
        };
        assert_eq!(self.reported, None, "nothing follows the end: {event:?}");
        match event {
            Event::Message(message) => {
                assert!(self.ours.is_none(), "nothing is delivered once we said CLOSE");
                assert!(message.len() <= self.config.max_msg_size);
                assert!(message.is_text() || !self.config.text_only);
                assert!(
                    !message.is_text() || !self.config.validate_utf8 || message.as_text().is_some()
                );
                self.delivered.push(message);
            }
            Event::Closed(close) => {
                if let Some(ours) = &self.ours {
                    assert_eq!(close, *ours, "what we said first is what is reported");
                }
                self.reported = Some(close);
            }
        }
    }

    pub(crate) fn send(&mut self, message: Message) {
        let was_sending = self.connection.is_sending();
        match self.connection.send(message.clone()) {
            Ok(()) => {
                assert!(self.phase == Phase::Open && !was_sending);
                assert!(self.connection.is_sending());
                self.accepted.push(message);
            }
            Err(SendError::Busy(returned)) => {
                assert!(self.phase == Phase::Open && was_sending);
                assert_eq!(returned, message);
            }
            Err(SendError::Closing(returned)) => {
                assert_ne!(self.phase, Phase::Open);
                assert_eq!(returned, message);
            }
        }
    }

    pub(crate) fn transmit(&mut self, most: usize) {
        for _ in 0..most {
            let Some(frame) = self.connection.poll_transmit() else {
                break;
            };
            self.peer.hear(&frame);
            assert!(!self.is_given_up || self.peer.close.is_some(), "CLOSE goes first");
        }
        for ping in self.peer.pings.drain(..) {
            let number = u32::from_be_bytes(ping[..].try_into().expect("four bytes"));
            assert!(self.last_ping.is_none_or(|last| last < number), "pings are numbered");
            self.last_ping = Some(number);
        }
        if let Some(before) = self.heard_at_end {
            let late = self.peer.frames - before;
            assert!(late == 0 || late == 1 && self.peer.close.is_some(), "only a CLOSE comes late");
        }
    }

    pub(crate) fn close(&mut self, close: Close) {
        self.say(&close);
        self.connection.close(close, self.now);
    }

    pub(crate) fn fail(&mut self, close: Close) {
        self.say(&close);
        let event = self.connection.fail(close, self.now);
        self.take(event);
        assert!(self.phase() >= Phase::Draining, "the client is given up");
        self.is_given_up = true;
    }

    fn say(&mut self, close: &Close) {
        if self.phase == Phase::Open {
            self.ours = Some(close.clone());
            self.cut_short = true;
        }
    }

    pub(crate) fn receive_end(&mut self) {
        self.cut_short |= self.phase == Phase::Open;
        let event = self.connection.receive_end();
        if let (Phase::Open, Some(Event::Closed(close))) = (self.phase, &event) {
            assert_eq!(*close, CloseCode::ABNORMAL.into());
        }
        self.take(event);
        assert_eq!(self.phase(), Phase::Over);
    }

    pub(crate) fn excuse_silence(&mut self) {
        self.connection.excuse_silence();
        assert_eq!(self.connection.pings_outstanding(), 0);
    }

    /// Lets time pass until something is due.
    pub(crate) fn wait(&mut self) {
        let due = self.connection.poll_timeout().unwrap_or(self.now);
        self.time_out(due.saturating_duration_since(self.now));
    }

    /// First too early, where there is such a time, then after `period`.
    pub(crate) fn time_out(&mut self, period: Duration) {
        if self.connection.poll_timeout().is_none_or(|due| due > self.now) {
            let before = self.visible();
            assert_eq!(self.connection.handle_timeout(self.now), None);
            assert_eq!(self.visible(), before, "being early is harmless");
        }
        let Some(later) = self.now.checked_add(period) else {
            return;
        };
        self.now = later;
        let is_due = self.connection.poll_timeout().is_some_and(|due| due <= self.now);
        let outstanding = self.connection.pings_outstanding();
        let event = self.connection.handle_timeout(self.now);
        if self.phase == Phase::Open {
            self.cut_short |= event.is_some();
            if let Some(Event::Closed(close)) = &event {
                assert_eq!(close.code, CloseCode::POLICY);
                assert_eq!(outstanding, self.config.queued_ping_limit);
            } else {
                assert_eq!(self.connection.pings_outstanding(), outstanding + u32::from(is_due));
            }
        } else if is_due {
            assert_eq!(self.phase(), Phase::Over, "a deadline ends it");
        }
        self.take(event);
        let next = self.connection.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "what was due is done");
    }

    /// What can be seen of what time may change.
    fn visible(&self) -> (Phase, Option<Instant>, u32, Traffic) {
        let it = &self.connection;
        (self.phase(), it.poll_timeout(), it.pings_outstanding(), it.traffic())
    }

    fn phase(&self) -> Phase {
        let it = &self.connection;
        match (it.is_open(), it.is_draining(), it.is_over()) {
            (true, false, false) => Phase::Open,
            (false, false, false) => Phase::Closing,
            (false, true, false) => Phase::Draining,
            (false, false, true) => Phase::Over,
            state => panic!("two phases at once: {state:?}"),
        }
    }

    /// What holds at any time.
    pub(crate) fn check(&mut self) {
        let phase = self.phase();
        assert!(phase >= self.phase, "{phase:?} after {:?}", self.phase);
        self.phase = phase;
        assert_eq!(self.reported.is_some(), phase >= Phase::Draining, "the end is reported once");
        assert!(self.connection.pings_outstanding() <= self.config.queued_ping_limit);

        let due = self.connection.poll_timeout();
        match phase {
            Phase::Open => {}
            Phase::Closing | Phase::Draining => {
                let deadline = *self.deadline.get_or_insert(due);
                assert_eq!(due, deadline, "a deadline stays");
                let latest = self.now.checked_add(self.config.close_period);
                assert!(due <= latest);
            }
            Phase::Over => {
                assert_eq!(due, None);
                let heard = self.peer.frames;
                self.heard_at_end.get_or_insert(heard);
            }
        }
        let traffic = self.connection.traffic();
        assert_eq!(traffic.sent.frames, self.peer.frames);
        assert_eq!(traffic.sent.messages, self.peer.messages.len() as u64);
        assert_eq!(traffic.read.messages, self.delivered.len() as u64);
    }

    /// Lets it come to its end, and looks back.
    pub(crate) fn end(mut self) {
        self.transmit(usize::MAX);
        self.check();
        self.compare_read();
        self.compare_sent();
        if self.phase < Phase::Draining {
            assert!(!self.connection.is_sending(), "all of it was sent");
            assert_eq!(self.peer.messages.len(), self.accepted.len());
        }
        for _ in 0..=self.config.queued_ping_limit + 2 {
            self.wait();
            self.check();
            self.transmit(usize::MAX);
        }
        self.check();
        assert_eq!(self.connection.poll_timeout(), None, "time runs out");
        let said = self.peer.close_code();
        match (&self.ours, &self.reported) {
            (_, None) => assert!(said.is_none() || self.phase == Phase::Closing),
            (Some(ours), Some(_)) => {
                let code = CloseCode::new(ours.code.as_u16()).map_or(1005, CloseCode::as_u16);
                assert_eq!(said, Some(code));
            }
            (None, Some(theirs)) if theirs.code == CloseCode::ABNORMAL => assert_eq!(said, None),
            (None, Some(theirs)) => assert_eq!(said, Some(theirs.code.as_u16())),
        }
    }

    /// What was delivered against what should have been.
    fn compare_read(&self) {
        let expected = oracle::expect(&self.read, &self.config, self.agreement.is_some());
        for (message, (is_text, payload)) in self.delivered.iter().zip(&expected.messages) {
            assert_eq!(message.is_text(), *is_text);
            assert!(payload.as_ref().is_none_or(|payload| message.as_bytes() == payload));
        }
        assert!(self.delivered.len() <= expected.messages.len());
        let next = expected.messages.get(self.delivered.len());
        let is_compressed = next.map_or(expected.ends_compressed, |(_, plain)| plain.is_none());
        let code = self.reported.as_ref().map(|close| close.code.as_u16());
        if is_compressed && matches!(code, Some(1007 | 1009)) {
            // What is in a compressed message was broken, which the oracle does not see.
            return;
        }
        assert_eq!(next, None, "all of it is delivered");
        let expected_code = match &expected.end {
            None => None,
            Some(End::Violated(code)) => Some(*code),
            Some(End::Closed(payload)) => {
                Some(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code)))
            }
        };
        if expected_code.is_some() {
            assert!(!self.cut_short && self.ours.is_none(), "the first end is the end");
            assert_eq!(code, expected_code);
        } else {
            assert!(self.phase == Phase::Open || self.cut_short);
        }
        if self.phase == Phase::Open && expected.pings.len() < 128 {
            assert_eq!(self.peer.pongs, expected.pings);
        }
    }

    /// What was heard against what was sent.
    fn compare_sent(&self) {
        let mut client = Inflater::new(15);
        let no_takeover = self.agreement.is_some_and(|agreement| {
            let answer = agreement.header_value();
            answer.to_str().is_ok_and(|answer| answer.contains("server_no_context_takeover"))
        });
        for (heard, message) in self.peer.messages.iter().zip(&self.accepted) {
            let as_text = message.is_text() || self.config.text_only;
            assert_eq!(heard.is_text, as_text);
            if heard.compressed {
                if no_takeover {
                    client.reset();
                }
                assert_eq!(client.inflate(&heard.payload), message.as_bytes());
            } else {
                assert_eq!(heard.payload, message.as_bytes());
            }
            let fragments = heard.payload.len().div_ceil(self.config.auto_frame_size.max(1));
            assert_eq!(heard.frames, fragments.max(1));
        }
        let next = self.accepted.get(self.peer.messages.len());
        match (&self.peer.unfinished, next) {
            (Some(heard), Some(message)) if !heard.compressed => {
                assert!(message.as_bytes().starts_with(&heard.payload));
            }
            (Some(_), None) => panic!("something was sent that nobody gave"),
            _ => {}
        }
    }
}
