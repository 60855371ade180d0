//! What both sides can agree to: RFC 7692 §5.1, §7.1.

use std::fmt::Write as _;

use http::HeaderValue;

use super::{
    compression::{Compression, MAX_BITS, MIN_BITS},
    engine::Engine,
    extensions::{Param, offered},
};
use crate::Fields;

const NAME: &str = "permessage-deflate";

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";

const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";

const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";

const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// Finds the first offer of permessage-deflate that can be agreed to. `None` if there is none: then
/// the connection goes without compression (RFC 7692 §5.1).
///
/// An offer that breaks the rules of RFC 7692 §7.1 is declined like one that asks for what cannot
/// be done, which is a window of 8 bits to compress with.
pub fn negotiate(fields: &impl Fields, compression: &Compression) -> Option<Agreement> {
    let engine = Engine::find()?;
    offered(fields)
        .filter(|extension| extension.name == NAME.as_bytes())
        .filter_map(|extension| Offer::read(&extension.params))
        .find_map(|offer| offer.agree(compression, engine))
}

/// How the messages of one connection are compressed: RFC 7692 §7.1.
///
/// The parameters as they are named in the answer to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Option<u8>,
    engine: Engine,
}

impl Agreement {
    /// The value of the `Sec-WebSocket-Extensions` header in the 101.
    pub fn header_value(&self) -> HeaderValue {
        let mut value = NAME.to_owned();
        for (takes_none, name) in [
            (self.server_no_context_takeover, SERVER_NO_CONTEXT_TAKEOVER),
            (self.client_no_context_takeover, CLIENT_NO_CONTEXT_TAKEOVER),
        ] {
            if takes_none {
                value.push_str("; ");
                value.push_str(name);
            }
        }
        for (bits, name) in [
            (self.server_max_window_bits, SERVER_MAX_WINDOW_BITS),
            (self.client_max_window_bits, CLIENT_MAX_WINDOW_BITS),
        ] {
            if let Some(bits) = bits {
                let _ = write!(value, "; {name}={bits}");
            }
        }
        HeaderValue::try_from(value).expect("names and numbers are visible ASCII")
    }

    /// What compresses and decompresses.
    pub(super) fn engine(&self) -> Engine {
        self.engine
    }

    /// Whether what we send refers to earlier messages.
    pub(super) fn server_takes_over(&self) -> bool {
        !self.server_no_context_takeover
    }

    /// Whether what the client sends refers to its earlier messages.
    pub(super) fn client_takes_over(&self) -> bool {
        !self.client_no_context_takeover
    }

    /// The window to compress with.
    pub(super) fn server_bits(&self) -> u8 {
        self.server_max_window_bits.unwrap_or(MAX_BITS)
    }

    /// The window that the client compresses with, at most.
    pub(super) fn client_bits(&self) -> u8 {
        self.client_max_window_bits.unwrap_or(MAX_BITS)
    }
}

/// The parameters of one offer.
#[derive(Debug, Default)]
struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// Whether the client can be told a window, and the largest it would use.
    client_max_window_bits: Option<u8>,
}

impl Offer {
    /// RFC 7692 §7.1: an offer is declined if it "contains an extension parameter not defined for
    /// use in an offer", or one "with an invalid value", or "multiple extension parameters with
    /// the same name".
    fn read(params: &[Param<'_>]) -> Option<Self> {
        let mut offer = Self::default();
        for Param { name, value } in params {
            let value = value.as_deref();
            let name = str::from_utf8(name).ok()?;
            match (name, value) {
                (SERVER_NO_CONTEXT_TAKEOVER, None) => once(&mut offer.server_no_context_takeover)?,
                (CLIENT_NO_CONTEXT_TAKEOVER, None) => once(&mut offer.client_no_context_takeover)?,
                (SERVER_MAX_WINDOW_BITS, Some(bits)) => {
                    set(&mut offer.server_max_window_bits, window_bits(bits)?)?;
                }
                // RFC 7692 §7.1.2.2: "This parameter can have no value".
                (CLIENT_MAX_WINDOW_BITS, None) => {
                    set(&mut offer.client_max_window_bits, MAX_BITS)?;
                }
                (CLIENT_MAX_WINDOW_BITS, Some(bits)) => {
                    set(&mut offer.client_max_window_bits, window_bits(bits)?)?;
                }
                _ => return None,
            }
        }
        Some(offer)
    }

    fn agree(&self, compression: &Compression, engine: Engine) -> Option<Agreement> {
        let ours = compression.server_bits();
        let server_max_window_bits = match self.server_max_window_bits {
            Some(asked) if asked < MIN_BITS => return None,
            // RFC 7692 §7.1.2.1: accepted by naming "the same or smaller value".
            Some(asked) => Some(asked.min(ours)),
            None => Some(ours).filter(|bits| *bits < MAX_BITS),
        };
        // RFC 7692 §7.1.2.2: it must not be named if it was not offered. Without takeover its size
        // does not matter to anyone.
        let takes_over = compression.client_takes_over() && !self.client_no_context_takeover;
        let client_max_window_bits = self
            .client_max_window_bits
            .map(|most| most.min(compression.client_bits()))
            .filter(|bits| takes_over && *bits < MAX_BITS);
        Some(Agreement {
            server_no_context_takeover: self.server_no_context_takeover
                || !compression.server_takes_over(),
            client_no_context_takeover: !takes_over,
            server_max_window_bits,
            client_max_window_bits,
            engine,
        })
    }
}

fn once(flag: &mut bool) -> Option<()> {
    (!std::mem::replace(flag, true)).then_some(())
}

fn set(bits: &mut Option<u8>, value: u8) -> Option<()> {
    bits.replace(value).is_none().then_some(())
}

/// RFC 7692 §7.1.2: "a decimal integer value without leading zeroes between 8 to 15, inclusive".
fn window_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}
