//! What nodes tell each other, as bytes.
//!
//! ```text
//! frame     = version:u8 kind:u8 node:u32 nonce:u64 body            numbers are big-endian
//! body      = nothing                                               of an announcement (1) and a goodbye (2)
//!           | flags:u8 endpoint:text [group:text] [key:text]
//!             [only:ids] [except:ids] payload                       of a broadcast (3)
//!           | endpoint:text told                                    of who is present (4): `presence/wire.rs`
//! text      = length:u16 bytes        ids = count:u32 id:u64 …
//! flags     = 1 the payload is a text, 2 group, 4 key, 8 only, 16 except
//! ```

use std::sync::Arc;

use aerys_proto::Message;
use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::wire::{self, Malformed, put_ids, put_text, text};
use crate::connection::ClientId;

/// Of this format. Who hears another one does not understand it.
const FRAME_VERSION: u8 = 1;

const ANNOUNCEMENT: u8 = 1;
const GOODBYE: u8 = 2;
const BROADCAST: u8 = 3;
const PRESENCE: u8 = 4;

const IS_TEXT: u8 = 1;
const HAS_GROUP: u8 = 2;
const HAS_KEY: u8 = 4;
const HAS_ONLY: u8 = 8;
const HAS_EXCEPT: u8 = 16;

/// What of a frame is not the payload of a message is no larger than this, unless ids are listed: in bytes.
const HEAD_ROOM: usize = 256;

/// Who has published a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Publisher {
    pub(super) node: u32,
    pub(super) nonce: u64,
}

#[derive(Debug)]
pub(super) enum Frame {
    /// The publisher is there.
    Announcement,
    /// It goes.
    Goodbye,
    Broadcast {
        endpoint: Arc<str>,
        received: Received,
    },
    /// What the publisher tells of who is present at an endpoint.
    Presence {
        endpoint: Arc<str>,
        told: Bytes,
    },
}

/// A message for clients of other nodes.
pub(crate) struct Outgoing<'m> {
    pub(crate) endpoint: &'m str,
    pub(crate) group: Option<&'m str>,
    pub(crate) key: Option<&'m str>,
    /// `None` is everyone.
    pub(crate) only: Option<&'m [ClientId]>,
    pub(crate) except: &'m [ClientId],
    pub(crate) message: &'m Message,
}

/// The same on another node.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) group: Option<Arc<str>>,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) only: Option<Vec<ClientId>>,
    pub(crate) except: Vec<ClientId>,
    pub(crate) message: Message,
}

impl Publisher {
    pub(super) fn announcement(self) -> Bytes {
        self.begin(ANNOUNCEMENT, 0).freeze()
    }

    pub(super) fn goodbye(self) -> Bytes {
        self.begin(GOODBYE, 0).freeze()
    }

    pub(super) fn broadcast(self, outgoing: &Outgoing<'_>) -> Bytes {
        let Outgoing { endpoint, group, key, only, except, message } = outgoing;
        let ids = (only.map_or(0, <[_]>::len) + except.len()) * size_of::<u64>();
        let mut frame = self.begin(BROADCAST, HEAD_ROOM + ids + message.len());
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        frame.put_u8(
            flag(message.is_text(), IS_TEXT)
                | flag(group.is_some(), HAS_GROUP)
                | flag(key.is_some(), HAS_KEY)
                | flag(only.is_some(), HAS_ONLY)
                | flag(!except.is_empty(), HAS_EXCEPT),
        );
        put_text(&mut frame, endpoint);
        group.inspect(|group| put_text(&mut frame, group));
        key.inspect(|key| put_text(&mut frame, key));
        only.inspect(|ids| put_ids(&mut frame, ids));
        if !except.is_empty() {
            put_ids(&mut frame, except);
        }
        frame.put_slice(message.as_bytes());
        frame.freeze()
    }

    pub(super) fn presence(self, endpoint: &str, told: &[u8]) -> Bytes {
        let mut frame = self.begin(PRESENCE, HEAD_ROOM + told.len());
        put_text(&mut frame, endpoint);
        frame.put_slice(told);
        frame.freeze()
    }

    fn begin(self, kind: u8, room: usize) -> BytesMut {
        let mut frame = BytesMut::with_capacity(14 + room);
        frame.put_u8(FRAME_VERSION);
        frame.put_u8(kind);
        frame.put_u32(self.node);
        frame.put_u64(self.nonce);
        frame
    }
}

/// Takes a frame apart; the payload of a message is not copied.
pub(super) fn decode(mut frame: Bytes) -> Result<(Publisher, Frame), Malformed> {
    let version = frame.try_get_u8()?;
    if version != FRAME_VERSION {
        return Err(Malformed::Version { version, spoken: FRAME_VERSION });
    }
    let kind = frame.try_get_u8()?;
    let publisher = Publisher { node: frame.try_get_u32()?, nonce: frame.try_get_u64()? };
    let said = match kind {
        ANNOUNCEMENT => Frame::Announcement,
        GOODBYE => Frame::Goodbye,
        BROADCAST => broadcast(frame)?,
        PRESENCE => Frame::Presence { endpoint: text(&mut frame)?, told: frame },
        kind => return Err(Malformed::Kind(kind)),
    };
    Ok((publisher, said))
}

fn broadcast(mut frame: Bytes) -> Result<Frame, Malformed> {
    let flags = frame.try_get_u8()?;
    if flags & !(IS_TEXT | HAS_GROUP | HAS_KEY | HAS_ONLY | HAS_EXCEPT) != 0 {
        return Err(Malformed::Flags);
    }
    let has = |flag: u8| flags & flag != 0;
    let endpoint = text(&mut frame)?;
    let group = has(HAS_GROUP).then(|| text(&mut frame)).transpose()?;
    let key = has(HAS_KEY).then(|| text(&mut frame)).transpose()?;
    let only = has(HAS_ONLY).then(|| wire::ids(&mut frame)).transpose()?;
    let except = has(HAS_EXCEPT).then(|| wire::ids(&mut frame)).transpose()?.unwrap_or_default();
    // A text that was not checked where it came from is sent as what it is.
    let message = match has(IS_TEXT).then(|| Message::from_utf8(frame.clone())).flatten() {
        Some(text) => text,
        None => Message::binary(frame),
    };
    Ok(Frame::Broadcast { endpoint, received: Received { group, key, only, except, message } })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHER: Publisher = Publisher { node: 4_000_000, nonce: u64::MAX - 1 };

    fn ids(numbers: &[u64]) -> Vec<ClientId> {
        numbers.iter().copied().map(ClientId::from_u64).collect()
    }

    #[test]
    fn what_one_node_says_another_understands() {
        let long = "x".repeat(70_000);
        let (text, binary) = (Message::text("hello"), Message::binary(vec![0xFF, 0]));
        let (some, none) = (ids(&[1, u64::MAX]), ids(&[]));
        for (group, key, only, except, message) in [
            (None, None, None, &none, &text),
            (Some("tea"), None, None, &some, &binary),
            (Some("tea"), Some("key"), Some(&some), &some, &text),
            (None, Some(&*long), Some(&none), &none, &Message::text("")),
        ] {
            let outgoing = Outgoing {
                endpoint: "mysite.com/chat",
                group,
                key,
                only: only.map(|ids| &**ids),
                except,
                message,
            };
            let (publisher, frame) = decode(PUBLISHER.broadcast(&outgoing)).unwrap();
            let Frame::Broadcast { endpoint, received } = frame else { panic!("{frame:?}") };
            assert_eq!((publisher, &*endpoint), (PUBLISHER, "mysite.com/chat"));
            assert_eq!(received.group.as_deref(), group);
            assert_eq!(
                received.key.as_deref(),
                key.map(|key| &key[..key.len().min(wire::MAX_TEXT)])
            );
            assert_eq!((received.only.as_ref(), &received.except), (only, except));
            assert_eq!(received.message, *message);
            assert_eq!(received.message.is_text(), message.is_text());
        }
        let (publisher, frame) = decode(PUBLISHER.presence("mysite.com/chat", b"told")).unwrap();
        let Frame::Presence { endpoint, told } = frame else { panic!("{frame:?}") };
        assert_eq!((publisher, &*endpoint, &*told), (PUBLISHER, "mysite.com/chat", &b"told"[..]));
        for (frame, is_announcement) in
            [(PUBLISHER.announcement(), true), (PUBLISHER.goodbye(), false)]
        {
            let (publisher, frame) = decode(frame).unwrap();
            assert_eq!(publisher, PUBLISHER);
            assert_eq!(matches!(frame, Frame::Announcement), is_announcement);
        }
    }

    #[test]
    fn whatever_comes_is_understood_or_not_and_makes_room_for_no_more_than_it_has() {
        let some = ids(&[1, 2, 3]);
        let message = Message::text("hello");
        let whole = PUBLISHER.broadcast(&Outgoing {
            endpoint: "/",
            group: Some("tea"),
            key: Some("key"),
            only: Some(&some),
            except: &some,
            message: &message,
        });
        // What is missing of the payload is not seen.
        for len in 0..whole.len() - message.len() {
            assert_eq!(decode(whole.slice(..len)).unwrap_err(), Malformed::Short, "{len}");
        }
        for index in 0..whole.len() {
            for byte in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut frame = BytesMut::from(&*whole);
                frame[index] = byte;
                let _ = decode(frame.freeze());
            }
        }
        let changed = |index: usize, byte| {
            let mut frame = BytesMut::from(&*whole);
            frame[index] = byte;
            decode(frame.freeze()).unwrap_err()
        };
        assert_eq!(changed(0, 2), Malformed::Version { version: 2, spoken: 1 });
        assert_eq!(changed(1, 9), Malformed::Kind(9));
        assert_eq!(changed(14, 0x20), Malformed::Flags);
        assert_eq!(changed(17, 0xFF), Malformed::Name);
    }

    #[test]
    fn a_text_that_is_none_is_binary() {
        let mut frame = BytesMut::from(&*PUBLISHER.broadcast(&Outgoing {
            endpoint: "/",
            group: None,
            key: None,
            only: None,
            except: &[],
            message: &Message::text("hello"),
        }));
        *frame.last_mut().unwrap() = 0xFF;
        let (_, frame) = decode(frame.freeze()).unwrap();
        let Frame::Broadcast { received, .. } = frame else { panic!("{frame:?}") };
        assert_eq!(received.message, Message::binary(&b"hell\xFF"[..]));
    }
}
