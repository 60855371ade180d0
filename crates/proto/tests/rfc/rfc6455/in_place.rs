//! Payloads that are put where they belong, instead of being received: RFC 6455 §5.6.

use std::time::Duration;

use aerys_proto::{
    CloseCode, Config, Event, Message,
    deflate::{Compression, DEFAULT_THRESHOLD},
};
use proptest::{collection::vec, prelude::*};

use crate::client::{BINARY, CONTINUATION, FIN, PING, Session, TEXT, closed, frame, header, text};
