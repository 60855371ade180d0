//! What a connection is told of the socket's bytes: RFC 6455 §5, at once or a little at a time.

use std::time::Instant;

use bytes::BufMut;

use super::{Connection, closing::PeerEnd, reading::Incoming};
use crate::Event;

impl Connection {
    /// Takes in bytes from the socket, up to and including the next event, from the front of
    /// `input`, which is left as what follows them.
    ///
    /// **Call it until it answers `None`**: then all of `input` has been taken in. Payloads are
    /// unmasked in place, so `input` holds nothing of use afterwards.
    pub fn receive(&mut self, input: &mut &mut [u8], now: Instant) -> Option<Event> {
        let mut unlimited = usize::MAX;
        self.receive_some(input, now, &mut unlimited)
    }

    /// As [`receive`](Self::receive), but stops when it has done as much as `work` allows, which is
    /// left as what remains of it. Each frame counts 64, and each byte that is decompressed one, as a
    /// few bytes may become millions.
    ///
    /// When it answers `None` and no work is left, then not all of `input` need have been taken in.
    /// The rest of it, even if that is nothing, is what to go on with if the connection
    /// [is behind](Self::is_behind).
    pub fn receive_some(
        &mut self,
        input: &mut &mut [u8],
        now: Instant,
        work: &mut usize,
    ) -> Option<Event> {
        if input.is_empty() && !self.is_behind() {
            return None;
        }
        self.heartbeat.heard(now);
        let before = self.reader.progress();
        while self.phase.is_reading() {
            let incoming = self.reader.read(input, &self.config, work);
            self.note_unfinished(before, now);
            match incoming {
                Ok(Some(Incoming::Message(message))) => return Some(Event::Message(message)),
                Ok(Some(Incoming::Ping(payload))) => self.writer.pong(&payload),
                Ok(Some(Incoming::Pong(payload))) => self.heartbeat.answered(&payload, now),
                Ok(Some(Incoming::Close(close))) => {
                    *input = &mut [];
                    return self.peer_ends(PeerEnd::Closed(close), now);
                }
                Ok(None) => return None,
                Err(error) => {
                    *input = &mut [];
                    return self.peer_ends(PeerEnd::Erred(error), now);
                }
            }
        }
        *input = &mut [];
        None
    }

    /// Whether something that was taken in is still to be decompressed, for which the `work` that
    /// [`receive_some`](Self::receive_some) was allowed did not suffice.
    pub fn is_behind(&self) -> bool {
        self.phase.is_reading() && self.reader.is_behind()
    }

    /// Takes in the next frame from the front of `input`, as [`receive`](Self::receive) does, if it is
    /// as most are: a message of at most 64 KiB, there whole, in one frame that is not compressed.
    ///
    /// `None` if it is not: then nothing has been taken in, and `receive` is what takes in the next
    /// bytes. It saves no more than time. `now` may be as coarse as a heartbeat allows.
    ///
    /// ```
    /// use std::{sync::Arc, time::Instant};
    /// use aerys_proto::{Config, Connection, Event, Message};
    ///
    /// let mut connection = Connection::new(Arc::new(Config::default()), Instant::now());
    /// let mut bytes = *b"\x81\x85\0\0\0\0plain\x89\x80\0\0\0\0";
    /// let (mut input, now) = (&mut bytes[..], Instant::now());
    /// let plain = connection.receive_plain(&mut input, now);
    /// assert_eq!(plain, Some(Event::Message(Message::text("plain"))));
    /// // A ping is not.
    /// assert_eq!(connection.receive_plain(&mut input, now), None);
    /// assert_eq!(connection.receive(&mut input, now), None);
    /// assert_eq!(connection.poll_transmit().unwrap().header(), b"\x8a\0");
    /// ```
    #[inline]
    pub fn receive_plain(&mut self, input: &mut &mut [u8], now: Instant) -> Option<Event> {
        if !self.is_open() || self.holds_end() {
            return None;
        }
        let message = self.reader.read_plain(input, &self.config)?;
        self.heartbeat.heard(now);
        match message {
            Ok(message) => Some(Event::Message(message)),
            Err(error) => self.peer_ends(PeerEnd::Erred(error), now),
        }
    }

    /// How much of a message has arrived that is not whole yet, in bytes, decompressed.
    pub fn arriving(&self) -> usize {
        self.reader.arriving()
    }

    /// How much memory is taken by what has begun to arrive and is not whole, in bytes, a
    /// decompressor included.
    pub fn arriving_memory(&self) -> usize {
        self.reader.memory()
    }

    /// Whether a message, or a frame of any kind, has begun to arrive and is not whole.
    pub fn is_within_message(&self) -> bool {
        self.reader.is_within_message()
    }

    /// For how many of the next bytes there is room where they belong, in the memory of the
    /// message that is arriving: what [`receive_in_place`](Self::receive_in_place) has to offer.
    ///
    /// 0 but within the payload of a data frame (RFC 6455 §5.6), and also there if nothing of it
    /// has arrived, if it is compressed or if it is of no interest any more. Never more than the
    /// frame lacks, nor more than has arrived of the message: memory does not follow what a header
    /// claims.
    pub fn room(&self) -> usize {
        self.reader.room(&self.config)
    }

    /// Takes in bytes from the socket as [`receive`](Self::receive) does, but without a copy:
    /// `read` puts them where they belong, as many as it has and there is [room](Self::room) for.
    ///
    /// Answers what `read` has, and the event that came of it. `None` if there is no room: then
    /// `read` is not called, and `receive` is what takes in the next bytes. The two can be mixed at
    /// will. It pays for much that comes at once; for less, `receive` saves the socket a call.
    ///
    /// ```
    /// use std::{io::Read, sync::Arc, time::Instant};
    /// use aerys_proto::{Config, Connection, Event, Message};
    /// use bytes::BufMut;
    ///
    /// let mut connection = Connection::new(Arc::new(Config::default()), Instant::now());
    /// // A text of ten bytes, of which six are there.
    /// let mut bytes = *b"\x81\x8a\0\0\0\0in pla";
    /// assert_eq!(connection.receive(&mut &mut bytes[..], Instant::now()), None);
    ///
    /// // The other four, and what follows them, which is left where it is.
    /// let mut socket = &b"ce: \x8a\x80"[..];
    /// let received = connection.receive_in_place(Instant::now(), |room| {
    ///     let (now, later) = socket.split_at(socket.len().min(room.remaining_mut()));
    ///     room.put_slice(now);
    ///     socket = later;
    ///     now.len()
    /// });
    /// assert_eq!(received, Some((4, Some(Event::Message(Message::text("in place: "))))));
    /// assert_eq!(socket, b"\x8a\x80");
    /// assert_eq!(connection.room(), 0);
    /// ```
    pub fn receive_in_place<T>(
        &mut self,
        now: Instant,
        read: impl FnOnce(&mut dyn BufMut) -> T,
    ) -> Option<(T, Option<Event>)> {
        let room = self.room();
        if room == 0 {
            return None;
        }
        let (mut answer, mut left) = (None, room);
        let before = self.reader.progress();
        let message = self.reader.read_in_place(&self.config, |room| {
            answer = Some(read(room));
            left = room.remaining_mut();
        });
        if left < room {
            self.heartbeat.heard(now);
        }
        self.note_unfinished(before, now);
        let event = match message {
            Ok(message) => message.map(Event::Message),
            Err(error) => self.peer_ends(PeerEnd::Erred(error), now),
        };
        answer.map(|answer| (answer, event))
    }

    /// Notes whether a message is arriving, and whether it has brought anything since `before`.
    fn note_unfinished(&mut self, before: (u64, usize), now: Instant) {
        if !self.reader.is_within_message() {
            self.unfinished = None;
        } else if self.unfinished.is_none() || self.reader.progress() != before {
            self.unfinished = Some(Box::new(now));
        }
    }
}
