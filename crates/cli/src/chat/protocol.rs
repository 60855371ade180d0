//! What a chat's clients say and hear: JSON, one object for each message, told apart by `type`.

use aerys::{ClientId, JoinError, Message, ShowError};
use serde::{Deserialize, Serialize};

/// Of a person's name and of a room's, in characters.
const MAX_NAME: usize = 32;

const MAX_TEXT: usize = 2000;

/// The largest request, in bytes: JSON may write each character of a text as two escapes of six
/// bytes each, and there is something around it.
pub(super) const MAX_SIZE: usize = 12 * MAX_TEXT + 1000;

/// What a client says.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Request {
    /// Comes first, and once.
    Join {
        name: String,
    },
    Say {
        text: String,
    },
}

/// What a client hears.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Reply<'a> {
    /// To the one who has joined. Of others it may have heard before, all of whom are in it.
    Welcome {
        id: ClientId,
        name: &'a str,
        count: usize,
        people: Vec<String>,
    },
    /// To everyone else in the room.
    Joined {
        id: ClientId,
        name: &'a str,
        count: usize,
    },
    Left {
        id: ClientId,
        name: &'a str,
        count: usize,
    },
    /// To everyone in the room, the one who said it included.
    Said {
        id: ClientId,
        name: &'a str,
        text: &'a str,
        /// Milliseconds since 1970.
        at: u64,
    },
    /// To everyone in any room: upon the welcome, and when it has changed. The lobby comes first, then the largest.
    Rooms {
        rooms: Vec<RoomCount<'a>>,
    },
    /// To the one who asked for what cannot be; the connection stays.
    Error {
        text: String,
    },
}

/// A room, and how many are in it.
#[derive(Debug, Serialize)]
pub(super) struct RoomCount<'a> {
    pub(super) name: &'a str,
    pub(super) count: usize,
}

/// Why a client's request is not granted, in words for whoever sits there.
#[derive(Debug, thiserror::Error)]
pub(super) enum Complaint {
    #[error("This is no request: {0}.")]
    NotUnderstood(serde_json::Error),
    #[error("A name has 1 to {MAX_NAME} characters, none of them a control character.")]
    BadName,
    #[error("A room's name has 1 to {MAX_NAME} characters, none of them a control character.")]
    BadRoom,
    #[error("There is no place for you here: {0}.")]
    NoPlace(JoinError),
    #[error("You cannot be seen here: {0}.")]
    NotShown(ShowError),
    #[error("A message has 1 to {MAX_TEXT} characters.")]
    BadText,
    #[error("Join with a name before you say something.")]
    NotJoined,
    #[error("You have joined already, as {name}.")]
    JoinedAlready { name: String },
}

pub(super) fn parse(json: &[u8]) -> Result<Request, Complaint> {
    serde_json::from_slice(json).map_err(Complaint::NotUnderstood)
}

/// The name without the blanks around it.
pub(super) fn check_name(name: &str) -> Result<&str, Complaint> {
    trimmed(name).ok_or(Complaint::BadName)
}

/// The room's name without the blanks around it.
pub(super) fn check_room(name: &str) -> Result<&str, Complaint> {
    trimmed(name).ok_or(Complaint::BadRoom)
}

fn trimmed(name: &str) -> Option<&str> {
    let name = name.trim();
    let good = has_length(name, MAX_NAME) && !name.chars().any(char::is_control);
    good.then_some(name)
}

/// The text without the blanks behind it.
pub(super) fn check_text(text: &str) -> Result<&str, Complaint> {
    let text = text.trim_end();
    has_length(text, MAX_TEXT).then_some(text).ok_or(Complaint::BadText)
}

fn has_length(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count())
}

impl From<Reply<'_>> for Message {
    fn from(reply: Reply<'_>) -> Self {
        Self::json(&reply).expect("texts and numbers are always JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_by_their_type() {
        let join = Request::Join { name: "Ada".into() };
        assert_eq!(parse(br#"{"type":"join","name":"Ada"}"#).unwrap(), join);
        let say = Request::Say { text: "a\nb".into() };
        assert_eq!(parse(br#"{"text":"a\nb","type":"say","more":1}"#).unwrap(), say);
    }

    #[test]
    fn what_is_no_request_is_answered_with_the_reason() {
        for (json, reason) in [
            ("", "EOF while parsing"),
            ("hello", "expected value"),
            ("null", "invalid type: null"),
            ("{}", "missing field `type`"),
            (r#"{"type":"shout"}"#, "unknown variant `shout`, expected `join` or `say`"),
            (r#"{"type":"join"}"#, "missing field `name`"),
            (r#"{"type":"say","text":7}"#, "invalid type: integer `7`, expected a string"),
            (r#"{"type":"say","text":"\ud800"}"#, "escape"),
        ] {
            let complaint = parse(json.as_bytes()).unwrap_err().to_string();
            assert!(complaint.starts_with("This is no request: "), "{json}: {complaint}");
            assert!(complaint.contains(reason), "{json}: {complaint}");
        }
    }

    #[test]
    fn names_are_trimmed_and_neither_empty_nor_long_nor_odd() {
        let (longest, longer) = ("é".repeat(32), "é".repeat(33));
        for (name, checked) in [
            ("Ada", Some("Ada")),
            ("  Ada L. \n", Some("Ada L.")),
            (&longest, Some(&*longest)),
            (&longer, None),
            ("", None),
            (" \t ", None),
            ("A\nda", None),
            ("A\u{7f}da", None),
            ("A\u{85}da", None),
        ] {
            assert_eq!(check_name(name).ok(), checked, "{name:?}");
        }
    }

    #[test]
    fn texts_are_trimmed_behind_and_neither_empty_nor_long() {
        let (longest, longer) = ("é".repeat(2000), "é".repeat(2001));
        let trimmed = format!("{longest}  ");
        for (text, checked) in [
            ("hello", Some("hello")),
            ("  two\nlines \n", Some("  two\nlines")),
            (&longest, Some(&*longest)),
            (&trimmed, Some(&longest)),
            (&longer, None),
            ("", None),
            (" \n", None),
        ] {
            assert_eq!(check_text(text).ok(), checked, "{text:?}");
        }
    }

    #[test]
    fn the_longest_text_fits_however_it_is_written() {
        let text = r"\ud83d\ude00".repeat(MAX_TEXT);
        let json = format!(r#"{{"type":"say","text":"{text}"}}"#);
        assert!(json.len() <= MAX_SIZE);
        let Request::Say { text } = parse(json.as_bytes()).unwrap() else { panic!("a say") };
        assert_eq!(check_text(&text).unwrap(), "😀".repeat(MAX_TEXT));
    }

    #[test]
    fn replies_name_their_type_first() {
        let error = Message::from(Reply::Error { text: Complaint::NotJoined.to_string() });
        let json = r#"{"type":"error","text":"Join with a name before you say something."}"#;
        assert_eq!(error, Message::text(json));
    }
}
