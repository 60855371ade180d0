//! The websocket protocol, [RFC 6455] with [RFC 7692], as pure state: the server's side of it.
//!
//! No sockets, no clock and no tasks: bytes and [`Instant`](std::time::Instant)s are arguments,
//! frames and events are results. Whoever owns the socket moves the bytes:
//!
//! ```text
//!    bytes read ──▶ receive ──▶ Event::Message, Event::Closed ──▶ application
//!  time reached ──▶ handle_timeout ──┘    │ pongs, the answering CLOSE
//!                                         ▼
//! bytes to write ◀── poll_transmit ◀── [ frames due ] ◀── send, close, fail ◀── application
//!  time to wake  ◀── poll_timeout
//! ```
//!
//! # One connection
//!
//! [`upgrade::check`] says whether a request may become a websocket, and what to answer. From then
//! on a [`Connection`] is told what happens and asked what to do:
//!
//! ```
//! use std::{sync::Arc, time::Instant};
//! use aerys_proto::{Config, Connection, Event, Message};
//!
//! let mut connection = Connection::new(Arc::new(Config::default()), Instant::now());
//!
//! // "Hello", masked, as RFC 6455 §5.7 has it.
//! let mut bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
//! let mut input = &mut bytes[..];
//! while let Some(event) = connection.receive(&mut input, Instant::now()) {
//!     match event {
//!         Event::Message(message) => {
//!             assert_eq!(message.as_text(), Some("Hello"));
//!             connection.send(Message::text("Good day"))?;
//!         }
//!         Event::Closed(close) => println!("gone: {close}"),
//!     }
//! }
//!
//! let frame = connection.poll_transmit().expect("the answer");
//! assert_eq!(frame.header(), [0x81, 8]);
//! assert_eq!(&frame.payload()[..], b"Good day");
//! # Ok::<(), aerys_proto::SendError>(())
//! ```
//!
//! # The map
//!
//! | to read about | see |
//! | --- | --- |
//! | the state machine of one open connection | [`Connection`] |
//! | what it reports, and what travels | [`Event`], [`Message`], [`Close`], [`CloseCode`] |
//! | what goes to the socket | [`Frame`], and to many of them [`Encoding`] |
//! | limits and periods | [`Config`] |
//! | the opening handshake | [`upgrade`], which looks at [`Fields`] |
//! | compression | [`deflate`] |
//!
//! Features: `compression`, on by default, without which no compression is agreed on; `json`, off by default,
//! for `Message::json` and `Message::parse_json`.
//!
//! Inside, `header`, `mask`, `utf8` and `close` are pieces of the wire format and know nothing of
//! each other's state; `assembler` makes messages of frames, in memory that `payload` keeps in
//! bounds; `deflate` makes payloads smaller; `connection` ties them together.
//!
//! [RFC 6455]: https://www.rfc-editor.org/rfc/rfc6455
//! [RFC 7692]: https://www.rfc-editor.org/rfc/rfc7692

mod assembler;
mod close;
mod config;
mod connection;
pub mod deflate;
mod error;
mod event;
mod fields;
mod frame;
mod header;
#[cfg(feature = "json")]
mod json;
mod mask;
mod message;
mod payload;
mod traffic;
pub mod upgrade;
mod utf8;

pub use close::{Close, CloseCode, NotACloseCode};
pub use config::Config;
pub use connection::{Connection, Encoding, Ending};
pub use error::SendError;
pub use event::Event;
pub use fields::Fields;
pub use frame::Frame;
#[cfg(feature = "json")]
pub use json::JsonError;
pub use message::Message;
pub use traffic::{Count, Traffic};

/// The README's examples are compiled with the rest.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
