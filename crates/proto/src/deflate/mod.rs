//! Compression of messages: permessage-deflate, RFC 7692.
//!
//! A client offers it in its handshake, [`negotiate()`] finds what both sides can agree to, and a
//! [`Connection`](crate::Connection) that is given that [`Agreement`] compresses and decompresses
//! by itself:
//!
//! ```
//! use std::{sync::Arc, time::Instant};
//! use aerys_proto::{Config, Connection, deflate};
//! use http::Request;
//!
//! let request = Request::get("/chat")
//!     .header("sec-websocket-extensions", "permessage-deflate; client_max_window_bits")
//!     .body(())?;
//! let config = Arc::new(Config::default());
//! let compression = config.compression.as_ref().expect("the default is on");
//!
//! let agreement = deflate::negotiate(request.headers(), compression).expect("a usual offer");
//! assert_eq!(
//!     agreement.header_value(),
//!     "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
//! );
//! let connection = Connection::with_compression(config, agreement, Instant::now());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What compresses and decompresses is large: a few hundred KiB, and about 50. A connection that
//! does not take the context of one message over to the next borrows it for as long as it works
//! on a message, from a few that each thread keeps, and owns nothing in between.
//!
//! Without the feature `compression` there is none of that: [`negotiate`] agrees to nothing, whatever is
//! offered.

mod codec;
mod compressed;
mod compression;
#[cfg_attr(not(feature = "compression"), path = "no_engine.rs")]
mod engine;
mod extensions;
mod large;
mod negotiate;
mod pool;
mod window;

pub use self::{
    codec::Inflated,
    compression::{Compression, CompressionError},
    negotiate::{Agreement, negotiate},
};
pub(crate) use self::{
    codec::{Deflated, Deflater, Inflater, Inflation, deflate_alone},
    compressed::Compressed,
    engine::Engine,
    large::Large,
    window::Output,
};
