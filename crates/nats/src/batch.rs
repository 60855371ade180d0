//! Several frames in one message of the bus.
//!
//! A small message costs the library and the server a multiple of what its bytes do. So what waits at once for the same
//! partition goes as one, each frame behind its length: sixteen bits, the high byte first. Nothing is waited for.

use bytes::{Buf as _, Bytes, BytesMut};

/// How many bytes a frame may have to be gathered: it is copied.
const MAX_FRAME: usize = 4 << 10;

/// How many bytes a message of several has at most, unless the server takes fewer.
const MAX: usize = 32 << 10;

/// The frames that are gathered.
pub(crate) struct Batch {
    bytes: BytesMut,
    frames: usize,
    max: usize,
}

impl Batch {
    /// For a server that takes messages of up to so many bytes.
    pub(crate) fn new(max_payload: usize) -> Self {
        Self { bytes: BytesMut::new(), frames: 0, max: max_payload.min(MAX) }
    }

    /// Whether such a frame may be with others at all.
    pub(crate) fn is_for(&self, frame: &Bytes) -> bool {
        frame.len() <= MAX_FRAME && 2 + frame.len() <= self.max
    }

    /// Adds a frame, if there is room.
    pub(crate) fn push(&mut self, frame: &Bytes) -> bool {
        let Ok(len) = u16::try_from(frame.len()) else { return false };
        let has_room = self.is_for(frame) && self.bytes.len() + 2 + frame.len() <= self.max;
        if has_room {
            self.bytes.extend_from_slice(&len.to_be_bytes());
            self.bytes.extend_from_slice(frame);
            self.frames += 1;
        }
        has_room
    }

    /// How many there are.
    pub(crate) fn frames(&self) -> usize {
        self.frames
    }

    /// All of them; it is empty then.
    pub(crate) fn take(&mut self) -> Bytes {
        self.frames = 0;
        self.bytes.split().freeze()
    }
}

/// The frames of a message of several. If one is cut short, what there is of it is the last.
pub(crate) fn frames(mut message: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        if message.is_empty() {
            return None;
        }
        let Some(len) = message.try_get_u16().ok().map(usize::from) else {
            return Some(std::mem::take(&mut message));
        };
        Some(message.split_to(len.min(message.len())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_as_many_as_there_is_room_for() {
        let mut batch = Batch::new(1 << 20);
        let frame = |number: usize| Bytes::from(vec![number as u8; number]);
        let gathered = (0..).take_while(|number| batch.push(&frame(*number))).count();
        assert_eq!(batch.frames(), gathered);
        let message = batch.take();
        assert!(message.len() <= MAX && message.len() + 2 + gathered > MAX);
        assert!(frames(message).eq((0..gathered).map(frame)));
        assert_eq!((batch.frames(), batch.take()), (0, Bytes::new()));
    }

    #[test]
    fn what_is_large_for_the_batch_or_for_the_server_goes_alone() {
        let frame = Bytes::from_static(&[0; MAX_FRAME + 1]);
        let mut batch = Batch::new(1 << 20);
        assert!(!batch.is_for(&frame) && !batch.push(&frame));
        assert!(batch.is_for(&frame.slice(1..)) && batch.push(&frame.slice(1..)));
        let mut batch = Batch::new(100);
        assert!(!batch.is_for(&frame.slice(..99)) && batch.push(&frame.slice(..98)));
        assert!(!batch.push(&Bytes::new()));
    }

    #[test]
    fn of_a_message_that_was_cut_short_no_more_comes_than_there_is() {
        for (message, expected) in [
            (&[][..], &[][..]),
            (&[0, 0], &[&[][..]]),
            (&[0, 1, 7, 0], &[&[7], &[0]]),
            (&[0, 1, 7, 0, 9, 1], &[&[7], &[1]]),
        ] {
            let all: Vec<_> = frames(Bytes::from_static(message)).collect();
            assert_eq!(all, expected, "{message:?}");
        }
    }
}
