//! What a process says: its side of the beginning, what it did with events, and commands.

use aerys::{ClientId, CloseCode, Message};
use bytes::{Buf, Bytes};
use serde::Deserialize;

use super::{Frame, Kind};

const IS_TEXT: u8 = 1;
const HAS_GROUP: u8 = 2;
const HAS_KEY: u8 = 4;
const HAS_ONLY: u8 = 8;
const HAS_EXCEPT: u8 = 16;
const IS_LOCAL: u8 = 32;

/// What a process means by a frame.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FromProcess {
    /// Who it is.
    Hello(Hello),
    /// It is ready for clients.
    Ready,
    /// Whether the server is there.
    Ping,
    /// It is.
    Pong,
    /// It has handled an event.
    Done {
        /// Without success.
        has_failed: bool,
    },
    /// A header of the answer to a handshake.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: Bytes,
    },
    /// The client is not let in.
    Refuse {
        /// With this status.
        status: u16,
        /// With these words, or those of the status if there are none.
        reason: String,
    },
    /// Something is to be done, whose outcome it may want to know.
    Command(Command),
}

/// What is to be done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// The client is let in, with this subprotocol.
    Accept(String),
    /// A message for the client.
    Send {
        /// In whose place it comes.
        key: Option<String>,
        /// The message.
        message: Message,
    },
    /// A message for several.
    Broadcast {
        /// For whom.
        audience: Audience,
        /// In whose place it comes.
        key: Option<String>,
        /// The message.
        message: Message,
    },
    /// The client is to be closed.
    Close {
        /// With this code.
        code: CloseCode,
        /// With these words.
        reason: String,
    },
    /// How its connection is.
    Inspect,
    /// It joins a group.
    Join(String),
    /// It leaves a group.
    Leave(String),
    /// Who is in a group.
    Group(String),
    /// Who is here.
    Clients,
    /// Nothing that could be done, for this reason.
    Impossible(&'static str),
}

/// For whom a broadcast is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Members of a group.
    pub group: Option<String>,
    /// These alone.
    pub only: Option<Vec<ClientId>>,
    /// Not these.
    pub except: Vec<ClientId>,
    /// Of this node alone.
    pub is_local: bool,
}

/// Who a process is.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Hello {
    /// The latest version of the protocol that it speaks.
    pub version: u32,
    /// What it is written with, for the log.
    #[serde(default)]
    pub adapter: Option<String>,
    /// What is to be served, if the server was started with it.
    #[serde(default)]
    pub config: Option<serde_json::Value>,
}

/// A frame that breaks the protocol's rules.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Only the server may say that.
    #[error("a {0:?} came from the process, which is for the server to say")]
    Servers(Kind),
    /// Its payload ends before all of it is there.
    #[error("the payload of a {0:?} ends too early")]
    Cut(Kind),
    /// A name, a key or a reason is no UTF-8.
    #[error("a text in a {0:?} is no UTF-8")]
    NotUtf8(Kind),
    /// Its flags have no meaning.
    #[error("a {0:?} has the flags {1:#x}, which mean nothing")]
    Flags(Kind, u8),
    /// A header without a name.
    #[error("a Header is no \"Name: value\"")]
    Header,
    /// It is no JSON, or not as it has to be.
    #[error("the Hello makes no sense: {0}")]
    Hello(#[source] serde_json::Error),
}

impl TryFrom<Frame> for FromProcess {
    type Error = Malformed;

    fn try_from(frame: Frame) -> Result<Self, Malformed> {
        let Frame { head, payload } = frame;
        let mut fields = Fields { kind: head.kind, payload };
        Ok(Self::Command(match head.kind {
            Kind::Hello => {
                let hello = serde_json::from_slice(&fields.payload);
                return hello.map(Self::Hello).map_err(Malformed::Hello);
            }
            Kind::Ready => return Ok(Self::Ready),
            Kind::Ping => return Ok(Self::Ping),
            Kind::Pong => return Ok(Self::Pong),
            Kind::Done => return Ok(Self::Done { has_failed: fields.u8()? != 0 }),
            Kind::Header => return fields.header(),
            Kind::Refuse => {
                let status = fields.u16()?;
                return Ok(Self::Refuse { status, reason: fields.rest()? });
            }
            Kind::Start | Kind::Stop | Kind::Open | Kind::Data | Kind::Closed | Kind::Result => {
                return Err(Malformed::Servers(head.kind));
            }
            Kind::Accept => Command::Accept(fields.rest()?),
            Kind::Send => fields.send()?,
            Kind::Broadcast => fields.broadcast()?,
            Kind::Close => fields.close()?,
            Kind::Inspect => Command::Inspect,
            Kind::Join => Command::Join(fields.rest()?),
            Kind::Leave => Command::Leave(fields.rest()?),
            Kind::Group => Command::Group(fields.rest()?),
            Kind::Clients => Command::Clients,
        }))
    }
}

/// A payload that is taken apart from its beginning.
struct Fields {
    kind: Kind,
    payload: Bytes,
}

impl Fields {
    fn cut<E>(&self) -> impl FnOnce(E) -> Malformed + use<E> {
        let kind = self.kind;
        move |_| Malformed::Cut(kind)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        self.payload.try_get_u8().map_err(self.cut())
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        self.payload.try_get_u16().map_err(self.cut())
    }

    /// `length:u16 bytes`.
    fn text(&mut self) -> Result<String, Malformed> {
        let length = usize::from(self.u16()?);
        if self.payload.len() < length {
            return Err(Malformed::Cut(self.kind));
        }
        let text = self.payload.split_to(length);
        self.utf8(&text)
    }

    /// `count:u32 id:u64 …`.
    fn ids(&mut self) -> Result<Vec<ClientId>, Malformed> {
        let count = self.payload.try_get_u32().map_err(self.cut())? as usize;
        // Before anything is made of what it claims.
        if self.payload.len() / 8 < count {
            return Err(Malformed::Cut(self.kind));
        }
        Ok((0..count).map(|_| ClientId::from_u64(self.payload.get_u64())).collect())
    }

    /// All that is left, as a text.
    fn rest(&self) -> Result<String, Malformed> {
        self.utf8(&self.payload)
    }

    fn utf8(&self, bytes: &[u8]) -> Result<String, Malformed> {
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed::NotUtf8(self.kind))?;
        Ok(text.to_owned())
    }

    fn flags(&mut self, known: u8) -> Result<u8, Malformed> {
        match self.u8()? {
            flags if flags & !known == 0 => Ok(flags),
            flags => Err(Malformed::Flags(self.kind, flags)),
        }
    }

    /// All that is left, as a message.
    fn message(self, flags: u8) -> Result<Message, &'static str> {
        if flags & IS_TEXT == 0 {
            return Ok(Message::binary(self.payload));
        }
        let text = Message::from_utf8(self.payload);
        text.ok_or("the message is no UTF-8, and so no text")
    }

    fn send(mut self) -> Result<Command, Malformed> {
        let flags = self.flags(IS_TEXT | HAS_KEY)?;
        let key = (flags & HAS_KEY != 0).then(|| self.text()).transpose()?;
        Ok(match self.message(flags) {
            Ok(message) => Command::Send { key, message },
            Err(why) => Command::Impossible(why),
        })
    }

    fn broadcast(mut self) -> Result<Command, Malformed> {
        let flags = self.flags(IS_TEXT | HAS_GROUP | HAS_KEY | HAS_ONLY | HAS_EXCEPT | IS_LOCAL)?;
        let mut audience = Audience { is_local: flags & IS_LOCAL != 0, ..Audience::default() };
        audience.group = (flags & HAS_GROUP != 0).then(|| self.text()).transpose()?;
        let key = (flags & HAS_KEY != 0).then(|| self.text()).transpose()?;
        audience.only = (flags & HAS_ONLY != 0).then(|| self.ids()).transpose()?;
        if flags & HAS_EXCEPT != 0 {
            audience.except = self.ids()?;
        }
        Ok(match self.message(flags) {
            Ok(message) => Command::Broadcast { audience, key, message },
            Err(why) => Command::Impossible(why),
        })
    }

    fn close(mut self) -> Result<Command, Malformed> {
        if self.payload.is_empty() {
            return Ok(Command::Close { code: CloseCode::NORMAL, reason: String::new() });
        }
        let (code, reason) = (self.u16()?, self.rest()?);
        Ok(match CloseCode::new(code) {
            Some(code) => Command::Close { code, reason },
            None => Command::Impossible("there is no CLOSE with this code"),
        })
    }

    fn header(self) -> Result<FromProcess, Malformed> {
        let colon = self.payload.iter().position(|it| *it == b':').ok_or(Malformed::Header)?;
        let name = self.utf8(&self.payload[..colon])?;
        let value = self.payload.slice_ref(self.payload[colon + 1..].trim_ascii());
        Ok(FromProcess::Header { name, value })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Head, *};

    fn parsed(kind: Kind, payload: &[u8]) -> Result<FromProcess, Malformed> {
        Frame { head: Head::new(kind, 0), payload: Bytes::copy_from_slice(payload) }.try_into()
    }

    #[test]
    fn what_breaks_a_rule_is_told_in_a_sentence() {
        for (kind, payload, sentence) in [
            (
                Kind::Start,
                &b"{}"[..],
                "a Start came from the process, which is for the server to say",
            ),
            (Kind::Open, b"{}", "a Open came from the process, which is for the server to say"),
            (Kind::Done, b"", "the payload of a Done ends too early"),
            (Kind::Refuse, b"\x01", "the payload of a Refuse ends too early"),
            (Kind::Refuse, b"\x01\x91\xff", "a text in a Refuse is no UTF-8"),
            (Kind::Header, b"no header", "a Header is no \"Name: value\""),
            (Kind::Header, b"\xff: a", "a text in a Header is no UTF-8"),
            (Kind::Send, b"", "the payload of a Send ends too early"),
            (Kind::Send, b"\x02", "a Send has the flags 0x2, which mean nothing"),
            (Kind::Send, b"\x05\0\x05four", "the payload of a Send ends too early"),
            (Kind::Broadcast, b"\x40", "a Broadcast has the flags 0x40, which mean nothing"),
            (Kind::Broadcast, b"\x08\0\0", "the payload of a Broadcast ends too early"),
            (
                Kind::Broadcast,
                b"\x08\xff\xff\xff\xff1234567",
                "the payload of a Broadcast ends too early",
            ),
            (
                Kind::Broadcast,
                b"\x10\0\0\0\x011234567",
                "the payload of a Broadcast ends too early",
            ),
            (Kind::Broadcast, b"\x02\0\x01\xff", "a text in a Broadcast is no UTF-8"),
            (Kind::Close, b"\x03", "the payload of a Close ends too early"),
            (Kind::Join, b"\xc0\x80", "a text in a Join is no UTF-8"),
        ] {
            let told = parsed(kind, payload).expect_err("it breaks a rule").to_string();
            assert_eq!(told, sentence, "{kind:?} {payload:?}");
        }
        let told = parsed(Kind::Hello, b"hello").unwrap_err().to_string();
        assert!(told.starts_with("the Hello makes no sense: "), "{told}");
    }

    #[test]
    fn a_broadcast_says_for_whom_it_is() {
        let payload = b"\x3f\0\x03tea\0\x01k\0\0\0\x01\0\0\0\0\0\0\0\x07\0\0\0\0hello";
        let parsed = parsed(Kind::Broadcast, payload).unwrap();
        let FromProcess::Command(Command::Broadcast { audience, key, message }) = parsed else {
            panic!("{parsed:?}");
        };
        let only = Some(vec![ClientId::from_u64(7)]);
        let group = Some("tea".to_owned());
        assert_eq!(audience, Audience { group, only, except: vec![], is_local: true });
        assert_eq!((key.as_deref(), message), (Some("k"), Message::text("hello")));
    }

    #[test]
    fn what_cannot_be_done_breaks_no_rule() {
        for (kind, payload) in [
            (Kind::Send, &b"\x01\xff"[..]),
            (Kind::Broadcast, b"\x01\xff"),
            (Kind::Close, b"\x03\xed"),
            (Kind::Close, b"\0\0"),
        ] {
            let parsed = parsed(kind, payload).unwrap();
            assert!(matches!(parsed, FromProcess::Command(Command::Impossible(_))), "{parsed:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_in_a_frame_does_not_panic(
            number in 0_u8..64,
            payload in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut decoder = super::super::Decoder::new(1000);
            let head = Head::new(Kind::Ready, 3);
            head.put(&[&payload], decoder.buffer());
            decoder.buffer()[4] = number;
            if let Ok(Some(frame)) = decoder.poll_frame() {
                let _ = FromProcess::try_from(frame);
            }
        }
    }
}
