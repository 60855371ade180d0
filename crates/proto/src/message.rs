//! What travels: a text or a binary payload.

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use bytes::Bytes;

use crate::{
    Config,
    deflate::{Compressed, Compression},
};

/// A text or a binary message; reference-counted, so that a clone copies no payload.
///
/// ```
/// # use aerys_proto::Message;
/// let text = Message::from("hello");
/// assert_eq!(text.as_text(), Some("hello"));
///
/// let binary = Message::binary(vec![1, 2, 3]);
/// assert!(binary.is_binary());
/// assert_eq!(binary.as_bytes(), [1, 2, 3]);
/// ```
#[derive(Clone)]
pub struct Message {
    kind: Kind,
    payload: Bytes,
    /// Where it is kept what this message was compressed to, if it goes to many.
    compressed: Option<Arc<Compressed>>,
}

// A word wide, for speed: a byte would be moved together with its padding in two overlapping parts,
// and on a message's way out of the connection each such move stalls the load of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Kind {
    /// UTF-8, as everything that we make of a `String` and all that was checked on arrival.
    Text,
    /// It came as a text while `validate_utf8` was off.
    UncheckedText,
    Binary,
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Kind::Text, text.into().into())
    }

    /// A text message of a text that is part of the program, which is not copied.
    ///
    /// ```
    /// # use aerys_proto::Message;
    /// static GREETING: Message = Message::from_static("good day");
    /// assert_eq!(GREETING, Message::text("good day"));
    /// ```
    pub const fn from_static(text: &'static str) -> Self {
        Self::new(Kind::Text, Bytes::from_static(text.as_bytes()))
    }

    /// A binary message. Bytes that are part of the program, a `&'static [u8]`, are not copied, nor are those
    /// of a `Vec<u8>`, a `Box<[u8]>` or a [`Bytes`].
    pub fn binary(payload: impl Into<Bytes>) -> Self {
        Self::new(Kind::Binary, payload.into())
    }

    /// A text message of bytes that are UTF-8, which are not copied; `None` if they are not.
    ///
    /// ```
    /// # use aerys_proto::Message;
    /// # use bytes::Bytes;
    /// let text = Message::from_utf8(Bytes::from_static(b"hello"));
    /// assert_eq!(text, Some(Message::text("hello")));
    /// assert_eq!(Message::from_utf8(Bytes::from_static(b"\xFF")), None);
    /// ```
    pub fn from_utf8(text: Bytes) -> Option<Self> {
        simdutf8::basic::from_utf8(&text).is_ok().then(|| Self::new(Kind::Text, text))
    }

    pub(crate) const fn new(kind: Kind, payload: Bytes) -> Self {
        Self { kind, payload, compressed: None }
    }

    /// The same message, to be cloned and sent to many connections that share `config`: it is
    /// compressed once for all of them, as far as they compress each message on its own.
    ///
    /// Hidden from those who know a message through the server, which does this at each broadcast.
    #[doc(hidden)]
    pub fn for_many(mut self, config: &Config) -> Self {
        let is_worthwhile = |compression: &Compression| compression.is_worthwhile(self.len());
        self.compressed = config.compression.as_ref().is_some_and(is_worthwhile).then(Arc::default);
        self
    }

    pub(crate) fn compressed(&self) -> Option<&Arc<Compressed>> {
        self.compressed.as_ref()
    }

    /// Whether this is a text message. One that arrived while
    /// `validate_utf8` was off need not be UTF-8.
    pub fn is_text(&self) -> bool {
        self.kind != Kind::Binary
    }

    /// Whether this is a binary message.
    pub fn is_binary(&self) -> bool {
        self.kind == Kind::Binary
    }

    /// The text, or `None` if the message is binary, or a text that is not UTF-8 and arrived
    /// while `validate_utf8` was off.
    ///
    /// Each call checks the payload (at memory speed), because this crate has no `unsafe` code to
    /// remember it with: keep the `&str` if you need it often.
    pub fn as_text(&self) -> Option<&str> {
        match self.kind {
            Kind::Binary => None,
            Kind::Text | Kind::UncheckedText => simdutf8::basic::from_utf8(&self.payload).ok(),
        }
    }

    /// The payload of either kind of message.
    pub fn as_bytes(&self) -> &[u8] {
        &self.payload
    }

    /// The payload, to share it without a copy.
    pub fn bytes(&self) -> &Bytes {
        &self.payload
    }

    /// The payload.
    #[inline]
    pub fn into_bytes(self) -> Bytes {
        self.payload
    }

    /// The length of the payload in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.payload.len()
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }

    /// As what this message can be sent: a text that was not checked on arrival is checked now,
    /// and goes as binary rather than have the peer cut off who relayed it.
    #[inline]
    pub(crate) fn is_sendable_as_text(&self) -> bool {
        match self.kind {
            Kind::Text => true,
            Kind::UncheckedText => self.as_text().is_some(),
            Kind::Binary => false,
        }
    }
}

/// The kind, text or binary, and the payload count.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.is_text() == other.is_text() && self.payload == other.payload
    }
}

impl Eq for Message {}

impl Hash for Message {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.is_text().hash(state);
        self.payload.hash(state);
    }
}

/// The text, with what is not UTF-8 replaced; a binary payload as an escaped byte string.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Binary => fmt::Debug::fmt(&self.payload, f),
            Kind::Text | Kind::UncheckedText => f.pad(&String::from_utf8_lossy(&self.payload)),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_text() {
            Some(text) => f.debug_tuple("Text").field(&text).finish(),
            None if self.is_text() => f.debug_tuple("Text").field(&self.payload).finish(),
            None => f.debug_tuple("Binary").field(&self.payload).finish(),
        }
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&String> for Message {
    fn from(text: &String) -> Self {
        Self::text(text)
    }
}

impl From<Box<str>> for Message {
    fn from(text: Box<str>) -> Self {
        Self::text(text)
    }
}

impl From<Cow<'_, str>> for Message {
    fn from(text: Cow<'_, str>) -> Self {
        Self::text(text)
    }
}

/// Copies the text; one that is part of the program can go without a copy by
/// [`from_static`](Message::from_static).
impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<Bytes> for Message {
    fn from(payload: Bytes) -> Self {
        Self::binary(payload)
    }
}

impl From<Vec<u8>> for Message {
    fn from(payload: Vec<u8>) -> Self {
        Self::binary(payload)
    }
}

impl From<&[u8]> for Message {
    fn from(payload: &[u8]) -> Self {
        Self::binary(Bytes::copy_from_slice(payload))
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    fn from(payload: &[u8; N]) -> Self {
        Self::from(&payload[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_was_not_checked_is_sent_as_what_it_is() {
        let unchecked = |bytes| Message::new(Kind::UncheckedText, Bytes::from_static(bytes));
        assert!(unchecked(b"fine").is_sendable_as_text());
        assert!(!unchecked(b"\xff").is_sendable_as_text());
        assert!(Message::text("fine").is_sendable_as_text());
        assert!(!Message::binary("fine").is_sendable_as_text());
    }

    #[test]
    fn a_text_that_is_not_utf8_is_a_text_without_a_str() {
        let message = Message::new(Kind::UncheckedText, Bytes::from_static(b"a\xff"));
        assert!(message.is_text());
        assert_eq!(message.as_text(), None);
        assert_eq!(message.as_bytes(), b"a\xff");
        assert_eq!(message.to_string(), "a\u{fffd}");
        assert_eq!(format!("{message:?}"), r#"Text(b"a\xff")"#);
    }

    #[test]
    fn messages_are_equal_if_kind_and_payload_are() {
        let unchecked = Message::new(Kind::UncheckedText, Bytes::from_static(b"a"));
        assert_eq!(unchecked, Message::text("a"));
        assert_ne!(Message::text("a"), Message::binary("a"));
        assert_ne!(Message::text("a"), Message::text("b"));
    }

    #[test]
    fn messages_print_their_payload() {
        assert_eq!(Message::text("né").to_string(), "né");
        assert_eq!(format!("{:>4}", Message::text("né")), "  né");
        assert_eq!(Message::binary("n\u{1}").to_string(), r#"b"n\x01""#);
        assert_eq!(format!("{:?}", Message::text("né")), r#"Text("né")"#);
        assert_eq!(format!("{:?}", Message::binary("n")), r#"Binary(b"n")"#);
    }

    #[test]
    fn a_message_can_be_made_of_what_applications_have() {
        for text in [
            Message::from("a"),
            Message::from(&String::from("a")),
            Message::from(String::from("a")),
            Message::from(Box::<str>::from("a")),
            Message::from(Cow::Borrowed("a")),
            Message::from_static("a"),
        ] {
            assert_eq!(text, Message::text("a"));
        }
        let bytes = Bytes::from_static(b"a");
        for binary in [
            Message::from(&b"a"[..]),
            Message::from(b"a"),
            Message::from(vec![b'a']),
            Message::from(bytes),
        ] {
            assert_eq!(binary, Message::binary("a"));
        }
    }

    #[test]
    fn what_is_part_of_the_program_is_not_copied() {
        static TEXT: &str = "text";
        static BYTES: &[u8] = b"bytes";
        assert_eq!(Message::from_static(TEXT).as_bytes().as_ptr(), TEXT.as_ptr());
        assert_eq!(Message::binary(BYTES).as_bytes().as_ptr(), BYTES.as_ptr());
    }

    #[test]
    fn a_clone_shares_the_payload() {
        let message = Message::text("shared");
        assert_eq!(message.clone().as_bytes().as_ptr(), message.as_bytes().as_ptr());
    }
}
