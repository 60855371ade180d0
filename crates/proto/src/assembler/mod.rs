//! Frames to messages: fragmentation, RFC 6455 §5.4, and the limits on sizes.
//!
//! A compressed message is decompressed as it arrives, so that its limit holds for what comes of it.

mod inflated;
mod unfinished;

use bytes::{BufMut, Bytes};

use self::unfinished::{Unfinished, check_size};
use crate::{
    Config, Message,
    deflate::Inflater,
    error::PeerError,
    header::{Opcode, Start},
    message::Kind,
    utf8,
};

/// The message that is arriving, if one is.
///
/// Between messages it owns no memory, and within one little beside the [payload](crate::payload::Payload).
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    /// In a box, so that a connection at rest is small.
    unfinished: Option<Box<Unfinished>>,
}

impl Assembler {
    /// Whether no message is arriving.
    pub(crate) fn is_idle(&self) -> bool {
        self.unfinished.is_none()
    }

    /// How much has arrived of the message that is arriving, in bytes: decompressed, as far as that
    /// has been done.
    pub(crate) fn len(&self) -> usize {
        self.unfinished.as_ref().map_or(0, |message| message.len() + message.waiting())
    }

    /// How much memory the message that is arriving has, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.unfinished.as_deref().map_or(0, Unfinished::memory)
    }

    /// Whether a data frame that starts like this is, or belongs to, a compressed message.
    pub(crate) fn is_compressed(&self, start: Start) -> bool {
        let unfinished = self.unfinished.as_ref();
        unfinished.map_or(start.compressed, |message| message.is_compressed())
    }

    /// Whether something that has arrived is still to be decompressed, or gathered, as soon as there
    /// is [work](Self::push_compressed) allowed.
    pub(crate) fn is_behind(&self) -> bool {
        self.unfinished.as_deref().is_some_and(Unfinished::is_behind)
    }

    /// Whether a data frame may start like this, after the frames that came before.
    pub(crate) fn check_start(&self, start: Start, config: &Config) -> Result<(), PeerError> {
        match (start.opcode, &self.unfinished) {
            // RFC 6455 §5.4: "The fragments of one message MUST NOT be interleaved between the
            // fragments of another message".
            (Opcode::Continuation, None) => Err(PeerError::ContinuationOfNothing),
            (Opcode::Text | Opcode::Binary, Some(_)) => Err(PeerError::MessageUnfinished),
            (Opcode::Binary, None) if config.text_only => Err(PeerError::BinaryRefused),
            _ => Ok(()),
        }
    }

    /// Whether a data frame of `len` bytes is within the limits.
    pub(crate) fn check_len(
        &self,
        start: Start,
        len: u64,
        config: &Config,
    ) -> Result<(), PeerError> {
        if len > config.max_frame_size as u64 {
            return Err(PeerError::FrameTooBig { len, limit: config.max_frame_size });
        }
        match &self.unfinished {
            // What comes of it is not known before it is decompressed.
            None if start.compressed => Ok(()),
            Some(message) if message.is_compressed() => Ok(()),
            Some(message) => message.check_room(len, config),
            None => check_size(len, config),
        }
    }

    /// A data frame of a message that is not compressed has arrived whole; the message, if this
    /// completes one.
    pub(crate) fn frame(
        &mut self,
        start: Start,
        payload: &[u8],
        config: &Config,
    ) -> Result<Option<Message>, PeerError> {
        if start.fin && self.unfinished.is_none() {
            return whole(start.opcode, payload, config).map(Some);
        }
        self.begin(start, config);
        self.push(start, payload, 0, config)
    }

    /// A data frame begins to arrive.
    pub(crate) fn begin(&mut self, start: Start, config: &Config) {
        self.unfinished.get_or_insert_with(|| {
            Box::new(Unfinished::new(kind(start.opcode, config), start.compressed))
        });
    }

    /// The next `bytes` of the frame that has begun, which lacks another `lacking` bytes; the
    /// message, if this completes it. It is not compressed.
    pub(crate) fn push(
        &mut self,
        start: Start,
        bytes: &[u8],
        lacking: u64,
        config: &Config,
    ) -> Result<Option<Message>, PeerError> {
        let Some(message) = &mut self.unfinished else {
            return Ok(None);
        };
        message.push(bytes, message.longest(start, bytes.len() as u64 + lacking, config))?;
        self.finish_if(start.fin && lacking == 0)
    }

    /// As [`push`](Self::push), for a compressed message: takes in as many of the bytes as `work`
    /// allows, and answers how many.
    pub(crate) fn push_compressed(
        &mut self,
        start: Start,
        bytes: &[u8],
        lacking: u64,
        inflater: &mut Inflater,
        config: &Config,
        work: &mut usize,
    ) -> Result<(usize, Option<Message>), PeerError> {
        let Some(message) = self.unfinished.as_deref_mut() else {
            return Ok((bytes.len(), None));
        };
        let is_last = start.fin && lacking == 0;
        let mut taken = 0;
        if !message.is_gathering() {
            taken = message.inflate(bytes, is_last, inflater, config, work)?;
        }
        let is_whole = is_last && !message.is_behind_inflating() && message.gather(work);
        Ok((taken, self.finish_if(is_whole)?))
    }

    /// For how many of the `lacking` bytes of the frame that has begun there is room where they
    /// belong: none if they are compressed.
    pub(crate) fn room(&self, start: Start, lacking: u64, config: &Config) -> usize {
        let Some(message) = self.unfinished.as_ref().filter(|message| !message.is_compressed())
        else {
            return 0;
        };
        let room = message.payload.room(message.longest(start, lacking, config));
        lacking.try_into().map_or(room, |lacking| room.min(lacking))
    }

    /// Lets `read` put as many of the `lacking` bytes as there is [room](Self::room) for where they
    /// belong; what it has put there.
    pub(crate) fn fill(
        &mut self,
        start: Start,
        lacking: u64,
        config: &Config,
        read: impl FnOnce(&mut dyn BufMut),
    ) -> &mut [u8] {
        let room = self.room(start, lacking, config);
        let Some(message) = self.unfinished.as_mut().filter(|_| room > 0) else {
            return &mut [];
        };
        message.payload.fill(room, message.longest(start, lacking, config), read)
    }

    /// Takes in the `len` bytes that it was [filled](Self::fill) with, unmasked by now, of a frame
    /// that lacks another `lacking` bytes; the message, if this completes it.
    pub(crate) fn filled(
        &mut self,
        start: Start,
        len: usize,
        lacking: u64,
    ) -> Result<Option<Message>, PeerError> {
        if let Some(message) = &mut self.unfinished {
            message.check_text(len)?;
        }
        self.finish_if(start.fin && lacking == 0)
    }

    fn finish_if(&mut self, is_whole: bool) -> Result<Option<Message>, PeerError> {
        self.unfinished.take_if(|_| is_whole).map(|message| message.finish()).transpose()
    }
}

/// A message in a single frame. It is copied, so that a message that is kept pins nothing else.
pub(crate) fn whole(opcode: Opcode, payload: &[u8], config: &Config) -> Result<Message, PeerError> {
    let kind = kind(opcode, config);
    if kind == Kind::Text {
        utf8::check(payload)?;
    }
    Ok(Message::new(kind, Bytes::copy_from_slice(payload)))
}

fn kind(opcode: Opcode, config: &Config) -> Kind {
    match opcode {
        Opcode::Text if config.validate_utf8 => Kind::Text,
        Opcode::Text => Kind::UncheckedText,
        _ => Kind::Binary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Start = Start { fin: false, compressed: false, opcode: Opcode::Binary };
    const MIDDLE: Start = Start { fin: false, compressed: false, opcode: Opcode::Continuation };
    const LAST: Start = Start { fin: true, compressed: false, opcode: Opcode::Continuation };
    const ONLY: Start = Start { fin: true, compressed: false, opcode: Opcode::Text };

    fn unlimited() -> Config {
        Config { max_frame_size: usize::MAX, max_msg_size: usize::MAX, ..Config::default() }
    }

    fn capacity(assembler: &Assembler) -> usize {
        assembler.unfinished.as_ref().map_or(0, |message| message.payload.capacity())
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        for start in [FIRST, ONLY] {
            let mut assembler = Assembler::default();
            assembler.begin(start, &unlimited());
            assert_eq!(capacity(&assembler), 0);
            let pushed = assembler.push(start, b"ten bytes!", 1 << 62, &unlimited());
            assert_eq!(pushed, Ok(None));
            assert_eq!(capacity(&assembler), 10);
        }
    }

    #[test]
    fn memory_is_at_most_twice_what_has_arrived_and_never_more_than_the_message() {
        let (len, read) = (100_000, 999);
        let mut assembler = Assembler::default();
        assembler.begin(ONLY, &unlimited());
        let mut arrived = 0;
        while arrived + read < len {
            arrived += read;
            let lacking = (len - arrived) as u64;
            let pushed = assembler.push(ONLY, &vec![b'x'; read], lacking, &unlimited());
            assert_eq!(pushed, Ok(None));
            assert!(capacity(&assembler) <= len.min(2 * arrived));
        }
        let pushed = assembler.push(ONLY, &vec![b'x'; len - arrived], 0, &unlimited());
        assert_eq!(pushed, Ok(Some(Message::text("x".repeat(len)))));
    }

    #[test]
    fn there_is_room_for_as_much_as_has_arrived_and_for_no_more_than_the_frame_lacks() {
        let mut assembler = Assembler::default();
        assembler.begin(ONLY, &unlimited());
        assert_eq!(assembler.room(ONLY, 1 << 62, &unlimited()), 0);
        let pushed = assembler.push(ONLY, b"ten bytes!", 1 << 62, &unlimited());
        assert_eq!(pushed, Ok(None));
        for (lacking, room) in [(1 << 62, 10), (10, 10), (9, 9), (1, 1)] {
            assert_eq!(assembler.room(ONLY, lacking, &unlimited()), room);
        }
        let put = |room: &mut dyn BufMut| {
            assert_eq!(room.remaining_mut(), 7);
            room.put_slice(b"4 more");
        };
        assert_eq!(assembler.fill(ONLY, 7, &unlimited(), put), b"4 more");
        assert_eq!(assembler.filled(ONLY, 6, 1), Ok(None));
        assert_eq!(capacity(&assembler), 17);
    }

    #[test]
    fn many_small_fragments_are_not_moved_at_each() {
        let mut assembler = Assembler::default();
        let mut capacities = Vec::new();
        assert_eq!(assembler.frame(FIRST, b"x", &unlimited()), Ok(None));
        for _ in 0..10_000 {
            assert_eq!(assembler.frame(MIDDLE, b"x", &unlimited()), Ok(None));
            capacities.push(capacity(&assembler));
        }
        capacities.dedup();
        assert!(capacities.len() < 20, "{capacities:?}");
    }

    #[test]
    fn nothing_is_kept_between_messages() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.frame(FIRST, b"a", &unlimited()), Ok(None));
        let message = assembler.frame(LAST, b"b", &unlimited());
        assert_eq!(message, Ok(Some(Message::binary("ab"))));
        assert!(assembler.unfinished.is_none());
        let message = assembler.frame(ONLY, b"c", &unlimited());
        assert_eq!(message, Ok(Some(Message::text("c"))));
        assert!(assembler.unfinished.is_none());
    }
}
