//! Frames: `length:u32 type:u8 endpoint:u16 client:u64 seq:u32 payload`, numbers big-endian.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// How long a frame is before its payload, its length included.
pub const FRAME_HEAD: usize = 4 + COUNTED;

/// What the length counts beside the payload.
const COUNTED: usize = 15;

/// Payloads up to this length are copied, so that a message that waits for a slow client does not keep all that was
/// read together with it. It is half of what is read at once.
const COPIED: usize = 32 << 10;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Kind {
    /// The process says who it is.
    Hello = 1,
    /// The server says what it serves.
    Start = 2,
    /// The process is ready for clients.
    Ready = 3,
    /// Whether the other is there.
    Ping = 4,
    /// It is.
    Pong = 5,
    /// No new clients come.
    Stop = 6,
    /// A client asks to be let in.
    Open = 16,
    /// A message of a client.
    Data = 17,
    /// A client has gone.
    Closed = 18,
    /// What came of a command.
    Result = 19,
    /// An event was handled.
    Done = 32,
    /// A header of the answer to a handshake.
    Header = 33,
    /// A client is not let in.
    Refuse = 34,
    /// A client is let in.
    Accept = 35,
    /// A message for a client.
    Send = 36,
    /// A message for several.
    Broadcast = 37,
    /// A client is to be closed.
    Close = 38,
    /// How a client's connection is.
    Inspect = 39,
    /// A client joins a group.
    Join = 40,
    /// A client leaves a group.
    Leave = 41,
    /// Who is in a group.
    Group = 42,
    /// Who is here.
    Clients = 43,
}

impl Kind {
    const ALL: [Self; 22] = [
        Self::Hello,
        Self::Start,
        Self::Ready,
        Self::Ping,
        Self::Pong,
        Self::Stop,
        Self::Open,
        Self::Data,
        Self::Closed,
        Self::Result,
        Self::Done,
        Self::Header,
        Self::Refuse,
        Self::Accept,
        Self::Send,
        Self::Broadcast,
        Self::Close,
        Self::Inspect,
        Self::Join,
        Self::Leave,
        Self::Group,
        Self::Clients,
    ];

    fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// A frame without its payload. What means nothing in one of its kind is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What it is for.
    pub kind: Kind,
    /// The endpoint's number.
    pub endpoint: u16,
    /// The client's id.
    pub client: u64,
    /// The number of an event or a command.
    pub seq: u32,
}

impl Head {
    /// One that is about no client.
    pub fn new(kind: Kind, seq: u32) -> Self {
        Self { kind, endpoint: 0, client: 0, seq }
    }

    /// Writes it, and the payload in parts.
    ///
    /// # Panics
    ///
    /// If the payload is longer than a frame can be: 4 GiB.
    pub fn put(self, parts: &[&[u8]], out: &mut BytesMut) {
        let payload: usize = parts.iter().map(|part| part.len()).sum();
        out.reserve(FRAME_HEAD + payload);
        self.put_alone(payload, out);
        for part in parts {
            out.put_slice(part);
        }
    }

    /// Writes it for a payload of this length that follows by another way.
    pub(crate) fn put_alone(self, payload: usize, out: &mut BytesMut) {
        out.put_u32(u32::try_from(COUNTED + payload).expect("a payload is shorter than 4 GiB"));
        out.put_u8(self.kind as u8);
        out.put_u16(self.endpoint);
        out.put_u64(self.client);
        out.put_u32(self.seq);
    }
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub head: Head,
    /// What it says.
    pub payload: Bytes,
}

/// Why a stream is none of frames. What comes after it makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Less than a head.
    #[error("a frame says that it is {0} bytes long, and none is shorter than {COUNTED}")]
    Short(u32),
    /// More than is allowed.
    #[error("a frame says that it is {length} bytes long, and none is longer than {max}")]
    Long {
        /// So much.
        length: u32,
        /// `max_frame` of START.
        max: usize,
    },
    /// Of no type.
    #[error("a frame is of type {0}, which there is not")]
    Unknown(u8),
}

/// Makes frames of what comes.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    max_frame: usize,
}

impl Decoder {
    /// For frames up to this length, in bytes, which is that of their contents: what comes after `length`.
    pub fn new(max_frame: usize) -> Self {
        Self { buffer: BytesMut::new(), max_frame }
    }

    /// Where what has come is put behind what there is.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next frame, if it is there whole.
    ///
    /// # Errors
    ///
    /// [`FrameError`]; it is said as soon as the first five bytes are there, whatever length they claim.
    pub fn poll_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some((length, rest)) = self.buffer.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length);
        let size = length as usize;
        if size < COUNTED {
            return Err(FrameError::Short(length));
        }
        if size > self.max_frame {
            return Err(FrameError::Long { length, max: self.max_frame });
        }
        let Some(&number) = rest.first() else { return Ok(None) };
        let kind = Kind::of(number).ok_or(FrameError::Unknown(number))?;
        if rest.len() < size {
            // All at once, as it is known how much is to come.
            self.buffer.reserve(4 + size - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(5);
        let (endpoint, client) = (self.buffer.get_u16(), self.buffer.get_u64());
        let head = Head { kind, endpoint, client, seq: self.buffer.get_u32() };
        let payload = size - COUNTED;
        let payload = if payload <= COPIED {
            let copied = Bytes::copy_from_slice(&self.buffer[..payload]);
            self.buffer.advance(payload);
            copied
        } else {
            self.buffer.split_to(payload).freeze()
        };
        Ok(Some(Frame { head, payload }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_frame_is_found_out_before_it_is_there() {
        for (bytes, error) in [
            (&b"\0\0\0\x0e"[..], FrameError::Short(14)),
            (b"\0\0\0\0", FrameError::Short(0)),
            (b"\0\0\0\x65", FrameError::Long { length: 101, max: 100 }),
            (b"\xff\xff\xff\xff", FrameError::Long { length: u32::MAX, max: 100 }),
            (b"GET / HTTP/1.1", FrameError::Long { length: 0x4745_5420, max: 100 }),
            (b"\0\0\0\x0f\0", FrameError::Unknown(0)),
            (b"\0\0\0\x0f\x07", FrameError::Unknown(7)),
            (b"\0\0\0\x0f\x2c", FrameError::Unknown(44)),
        ] {
            let mut decoder = Decoder::new(100);
            decoder.buffer().put_slice(bytes);
            assert_eq!(decoder.poll_frame(), Err(error), "{bytes:?}");
            assert!(decoder.buffer().capacity() < 1000);
        }
    }

    #[test]
    fn a_frame_that_is_not_whole_is_waited_for() {
        let mut whole = BytesMut::new();
        Head::new(Kind::Hello, 7).put(&[b"{}"], &mut whole);
        for cut in 0..whole.len() {
            let mut decoder = Decoder::new(100);
            decoder.buffer().put_slice(&whole[..cut]);
            assert_eq!(decoder.poll_frame(), Ok(None), "{cut}");
        }
    }

    fn frames() -> impl Strategy<Value = Vec<Frame>> {
        let kind = proptest::sample::select(&Kind::ALL[..]);
        let payload = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..50),
            Just(vec![7; COPIED - 1]),
            Just(vec![8; COPIED + 1]),
        ];
        let frame = (kind, any::<u16>(), any::<u64>(), any::<u32>(), payload);
        let frame = frame.prop_map(|(kind, endpoint, client, seq, payload)| Frame {
            head: Head { kind, endpoint, client, seq },
            payload: payload.into(),
        });
        proptest::collection::vec(frame, 0..8)
    }

    proptest! {
        #[test]
        fn what_was_written_is_what_is_read_however_it_is_cut(
            frames in frames(),
            chunk in prop_oneof![1_usize..40, Just(usize::MAX)],
        ) {
            let mut stream = BytesMut::new();
            for Frame { head, payload } in &frames {
                let (a, b) = payload.split_at(payload.len() / 2);
                head.put(&[a, b], &mut stream);
            }
            let mut decoder = Decoder::new(1 << 20);
            let mut read = Vec::new();
            for part in stream.chunks(chunk.min(stream.len().max(1))) {
                decoder.buffer().put_slice(part);
                while let Some(frame) = decoder.poll_frame().unwrap() {
                    read.push(frame);
                }
            }
            prop_assert_eq!(read, frames);
            prop_assert!(decoder.buffer().is_empty());
        }

        #[test]
        fn whatever_comes_neither_panics_nor_takes_more_than_a_frame(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut decoder = Decoder::new(64);
            decoder.buffer().put_slice(&bytes);
            while let Ok(Some(frame)) = decoder.poll_frame() {
                prop_assert!(frame.payload.len() <= 64);
            }
        }
    }
}
