//! Frames that are the same for many connections: RFC 6455 §5.1, RFC 7692 §7.2.1.
//!
//! A server does not mask, so that a frame depends on nothing but its message and on what was agreed
//! on of compression.

use super::writing::only_frame;
use crate::{
    Config, Frame, Message,
    deflate::{Engine, deflate_alone},
};

/// How a connection [encodes](crate::Connection::encoding) messages each of which stands by itself.
/// Connections that are equal in this, and go by the same [`Config`], send the same frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// What compresses messages, if they are compressed, and with which window.
    deflated: Option<(Engine, u8)>,
}

impl Encoding {
    pub(super) fn plain() -> Self {
        Self { deflated: None }
    }

    pub(super) fn deflated(engine: Engine, bits: u8) -> Self {
        Self { deflated: Some((engine, bits)) }
    }

    /// A message as one frame, though [`Config::auto_frame_size`] may be less.
    ///
    /// ```
    /// use std::{sync::Arc, time::Instant};
    /// use aerys_proto::{Config, Connection, Message};
    ///
    /// let config = Arc::new(Config::default());
    /// let connection = Connection::new(Arc::clone(&config), Instant::now());
    /// let encoding = connection.encoding().expect("it has agreed to nothing");
    /// let frame = encoding.frame(&Message::text("to all"), &config);
    /// assert_eq!(frame.header(), [0x81, 6]);
    /// assert_eq!(&frame.payload()[..], b"to all");
    /// ```
    pub fn frame(self, message: &Message, config: &Config) -> Frame {
        self.into_frame(message.clone(), config)
    }

    /// As [`frame`](Self::frame), of a message that is of no use otherwise.
    pub fn into_frame(self, message: Message, config: &Config) -> Frame {
        let compression = self.deflated.zip(config.compression.as_ref());
        let deflated = compression
            .and_then(|((engine, bits), how)| deflate_alone(&message, how, engine, bits));
        only_frame(message, deflated, config.text_only)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Instant};

    use http::{HeaderMap, HeaderValue, header};

    use super::*;
    use crate::{
        Connection,
        deflate::{self, Compression},
    };

    /// A connection whose client has offered this, if anything.
    fn offered(config: &Arc<Config>, offer: Option<&'static str>) -> Connection {
        let now = Instant::now();
        let Some(offer) = offer else { return Connection::new(Arc::clone(config), now) };
        let mut headers = HeaderMap::new();
        headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(offer));
        let compression = config.compression.as_ref().expect("it is on");
        let agreement = deflate::negotiate(&headers, compression).expect("a usual offer");
        Connection::with_compression(Arc::clone(config), agreement, now)
    }

    const OFFERS: [Option<&str>; 3] =
        [None, Some("permessage-deflate"), Some("permessage-deflate; server_max_window_bits=9")];

    #[test]
    fn a_frame_for_many_is_the_one_that_each_of_them_sends() {
        for text_only in [false, true] {
            let config = Arc::new(Config { text_only, ..Config::default() });
            for offer in OFFERS {
                let mut connection = offered(&config, offer);
                let encoding = connection.encoding().expect("each message stands by itself");
                for message in [
                    Message::text(""),
                    Message::text("short"),
                    Message::binary("binary"),
                    Message::text("a text that repeats ".repeat(500)),
                    // It becomes no shorter.
                    Message::binary(
                        (0..2000_u32).map(|it| ((it * it) >> 3) as u8).collect::<Vec<_>>(),
                    ),
                ] {
                    let message = message.for_many(&config);
                    let frame = encoding.frame(&message, &config);
                    connection.send(message).unwrap();
                    let sent = connection.poll_transmit().unwrap();
                    assert_eq!(frame.header(), sent.header(), "{offer:?}");
                    assert_eq!(frame.payload(), sent.payload(), "{offer:?}");
                    assert!(connection.poll_transmit().is_none());
                }
            }
        }
    }

    #[test]
    fn there_is_none_where_messages_refer_to_those_before() {
        let compression = Compression::new().server_context_takeover(true);
        let config = Config { compression: Some(compression), ..Config::default() };
        let config = Arc::new(config);
        assert_eq!(offered(&config, Some("permessage-deflate")).encoding(), None);
        let alone = "permessage-deflate; server_no_context_takeover";
        assert!(offered(&config, Some(alone)).encoding().is_some());
        assert_eq!(offered(&config, None).encoding(), Some(Encoding::plain()));
    }

    #[test]
    fn those_with_other_windows_are_not_alike() {
        let config = Arc::default();
        let encodings = OFFERS.map(|offer| offered(&config, offer).encoding());
        for (index, encoding) in encodings.iter().enumerate() {
            assert!(!encodings[..index].contains(encoding), "{encodings:?}");
        }
    }
}
