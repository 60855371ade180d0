//! Messages that are JSON (RFC 8259), for who asks for the feature `json`.

use std::error::Error;

use serde::{Deserialize, Serialize};

use crate::Message;

impl Message {
    /// A text message with the value as JSON, on one line. Needs the feature `json`.
    ///
    /// ```
    /// # use aerys_proto::{JsonError, Message};
    /// # use serde::Serialize;
    /// #[derive(Serialize)]
    /// struct Said<'a> {
    ///     name: &'a str,
    ///     text: &'a str,
    /// }
    ///
    /// # fn main() -> Result<(), JsonError> {
    /// let message = Message::json(&Said { name: "Ada", text: "hello" })?;
    /// assert_eq!(message.as_text(), Some(r#"{"name":"Ada","text":"hello"}"#));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`JsonError::Unwritable`] if there is no JSON for the value, such as for a map whose keys are no texts.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        let json = serde_json::to_string(value);
        json.map(Self::text).map_err(|error| JsonError::Unwritable { source: error.into() })
    }

    /// The value that the payload is the JSON of, whether it is text or binary. It may borrow from the
    /// message. Needs the feature `json`.
    ///
    /// ```
    /// # use aerys_proto::{JsonError, Message};
    /// # use serde::Deserialize;
    /// #[derive(Deserialize)]
    /// struct Said {
    ///     text: String,
    /// }
    ///
    /// let said: Result<Said, JsonError> = Message::text(r#"{"text":"hello"}"#).parse_json();
    /// assert!(said.is_ok_and(|said| said.text == "hello"));
    /// assert!(Message::text("hello").parse_json::<Said>().is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`JsonError::Unreadable`] if the payload is no JSON, or is of something else.
    pub fn parse_json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, JsonError> {
        serde_json::from_slice(self.as_bytes())
            .map_err(|error| JsonError::Unreadable { source: error.into() })
    }
}

/// Why a message is not made of a value, or a value not of a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// There is no JSON for a value that was to be sent.
    #[error("the value cannot be written as JSON")]
    Unwritable {
        /// What kept it from being written.
        source: Box<dyn Error + Send + Sync>,
    },
    /// What has come is no JSON, or of something else than was asked for.
    #[error("the message is not the JSON that was asked for")]
    Unreadable {
        /// What is wrong, and where.
        source: Box<dyn Error + Send + Sync>,
    },
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn what_was_written_is_what_is_read_of_either_kind() {
        let value = ("é\n", vec![1, 2], None::<u8>);
        let message = Message::json(&value).unwrap();
        assert_eq!(message, Message::text(r#"["é\n",[1,2],null]"#));
        let binary = Message::binary(message.clone().into_bytes());
        for message in [message, binary] {
            let read: (String, Vec<i32>, Option<u8>) = message.parse_json().unwrap();
            assert_eq!(read, ("é\n".to_owned(), vec![1, 2], None));
        }
    }

    #[test]
    fn a_value_may_borrow_from_the_message() {
        let message = Message::text(r#"{"name":"Ada"}"#);
        let read: HashMap<&str, &str> = message.parse_json().unwrap();
        assert_eq!(read["name"].as_ptr(), message.as_bytes()[9..].as_ptr());
    }

    #[test]
    fn who_erred_is_told_by_the_error_and_how_by_what_lies_under_it() {
        let error = Message::text("[1,").parse_json::<Vec<u8>>().unwrap_err();
        assert!(matches!(error, JsonError::Unreadable { .. }));
        assert!(error.source().is_some_and(|it| it.to_string().contains("column 3")));
        assert!(!error.to_string().contains("column"), "it is told once");
        let unwritable = HashMap::from([((1, 2), 3)]);
        assert!(matches!(Message::json(&unwritable), Err(JsonError::Unwritable { .. })));
        let not_utf8 = Message::binary(&b"\"\xff\""[..]);
        assert!(not_utf8.parse_json::<String>().is_err());
    }
}
