//! The opening handshake: RFC 6455 §4.2, and over HTTP/2 RFC 8441.

use base64::{Engine as _, alphabet, engine::general_purpose};
use http::{HeaderName, HeaderValue, Method, Version, header};
use sha1::{Digest as _, Sha1};
use thiserror::Error;

use crate::Fields;

/// RFC 6455 §1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A hash of 20 bytes in base64.
const ACCEPT_SIZE: usize = 28;

/// Tolerates clients that fill the key's last character, of which four bits are unused, at random.
const BASE64: general_purpose::GeneralPurpose = general_purpose::GeneralPurpose::new(
    &alphabet::STANDARD,
    general_purpose::PAD.with_decode_allow_trailing_bits(true),
);

/// Checks whether a request asks for a websocket, and asks properly: RFC 6455 §4.2.1.
///
/// Host, origin, path, subprotocols and extensions are the caller's to judge.
///
/// ```
/// use aerys_proto::upgrade;
/// use http::{Method, Request};
///
/// let request = Request::get("/chat")
///     .header("upgrade", "websocket")
///     .header("connection", "keep-alive, Upgrade")
///     .header("sec-websocket-version", "13")
///     .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .body(())?;
/// let accept = upgrade::check(request.method(), request.version(), request.headers())?;
/// assert_eq!(accept.header_value(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The first rule that the request breaks, in the order of [`UpgradeError`]'s variants.
pub fn check(
    method: &Method,
    version: Version,
    fields: &impl Fields,
) -> Result<Accept, UpgradeError> {
    // RFC 9113 §8.2.2 has no upgrades, whatever the method.
    if version >= Version::HTTP_2 {
        return Err(UpgradeError::ConnectNeeded);
    }
    // RFC 6455 §4.2.1: "An HTTP/1.1 or higher GET request".
    if method != Method::GET {
        return Err(UpgradeError::MethodNotGet { method: method.clone() });
    }
    if version < Version::HTTP_11 {
        return Err(UpgradeError::HttpTooOld { version });
    }
    // "An |Upgrade| header field containing the value "websocket", treated as an ASCII
    // case-insensitive value."
    if !has_token(fields, header::UPGRADE, "websocket") {
        return Err(UpgradeError::UpgradeMissing);
    }
    // "A |Connection| header field that includes the token "Upgrade", treated as an ASCII
    // case-insensitive value."
    if !has_token(fields, header::CONNECTION, "upgrade") {
        return Err(UpgradeError::ConnectionMissing);
    }
    check_version(fields)?;
    // "A |Sec-WebSocket-Key| header field with a base64-encoded value that, when decoded, is 16
    // bytes in length."
    let mut keys = fields.values_of(header::SEC_WEBSOCKET_KEY);
    let key = keys.next().ok_or(UpgradeError::KeyMissing)?;
    // RFC 6455 §11.3.1: it "MUST NOT appear more than once in an HTTP request".
    if keys.next().is_some() {
        return Err(UpgradeError::KeyRepeated);
    }
    Accept::new(key.trim_ascii())
}

/// Checks an extended CONNECT, the way to a websocket over HTTP/2: RFC 8441 §5. `protocol` is what its
/// `:protocol` pseudo-header says. There is no key, and so nothing that answers it.
///
/// ```
/// use aerys_proto::upgrade;
/// use http::Request;
///
/// let request = Request::connect("https://mysite.com/chat").header("sec-websocket-version", "13").body(())?;
/// upgrade::check_connect("websocket", request.headers())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`UpgradeError::ProtocolUnknown`], [`VersionMissing`](UpgradeError::VersionMissing) or
/// [`VersionUnsupported`](UpgradeError::VersionUnsupported).
pub fn check_connect(protocol: &str, fields: &impl Fields) -> Result<(), UpgradeError> {
    // RFC 8441 §5: "The :protocol pseudo-header field MUST be included in the CONNECT request, and it
    // MUST have a value of "websocket"". Tokens of the registry of upgrades know no case (RFC 9110 §7.8).
    if !protocol.eq_ignore_ascii_case("websocket") {
        return Err(UpgradeError::ProtocolUnknown);
    }
    check_version(fields)
}

/// RFC 6455 §4.2.1: "A |Sec-WebSocket-Version| header field, with a value of 13."
fn check_version(fields: &impl Fields) -> Result<(), UpgradeError> {
    let mut versions = fields.values_of(header::SEC_WEBSOCKET_VERSION).peekable();
    if versions.peek().is_none() {
        return Err(UpgradeError::VersionMissing);
    }
    if let Some(version) = versions.find(|value| value.trim_ascii() != b"13") {
        let version = HeaderValue::from_bytes(version).map_err(|_| UpgradeError::VersionMissing)?;
        return Err(UpgradeError::VersionUnsupported { version });
    }
    Ok(())
}

/// Whether a request means to open a websocket, be it as it [should](check) or not: it has the token
/// `websocket` in an `Upgrade` header, or a `Sec-WebSocket-Key`, which is what is left of one when a
/// proxy has removed its `Upgrade`.
pub fn is_meant(fields: &impl Fields) -> bool {
    fields.values_of(header::SEC_WEBSOCKET_KEY).next().is_some()
        || has_token(fields, header::UPGRADE, "websocket")
}

/// The answer to a valid request for a websocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept([u8; ACCEPT_SIZE]);

impl Accept {
    fn new(key: &[u8]) -> Result<Self, UpgradeError> {
        // The longest key decodes to 18 bytes before its length can be judged.
        match BASE64.decode_slice(key, &mut [0; 18]) {
            Ok(16) => {}
            _ => return Err(UpgradeError::KeyInvalid),
        }
        // RFC 6455 §4.2.2: "concatenating this value with the string "258EAFA5-…", taking the
        // SHA-1 hash of this concatenated value to obtain a 20-byte value and base64-encoding".
        let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
        let mut value = [0; ACCEPT_SIZE];
        let written = BASE64.encode_slice(hash, &mut value);
        debug_assert_eq!(written, Ok(ACCEPT_SIZE), "20 bytes are 28 characters");
        Ok(Self(value))
    }

    /// The value of the `Sec-WebSocket-Accept` header: RFC 6455 §4.2.2.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same as the [`http`] crate has it.
    pub fn header_value(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("base64 is visible ASCII")
    }
}

/// The rule of the opening handshake that a request breaks, in the order in which they are
/// checked. The texts are for whoever wrote the client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UpgradeError {
    /// The request came over HTTP/2 or later, and is no extended CONNECT.
    #[error(
        "this is a websocket endpoint: over HTTP/2 it is opened with an extended CONNECT (RFC 8441)"
    )]
    ConnectNeeded,
    /// An extended CONNECT is for another protocol than `websocket`.
    #[error("this server knows no `:protocol` but `websocket`")]
    ProtocolUnknown,
    /// The request's method is not GET.
    #[error("a websocket is opened with GET, not {method}")]
    MethodNotGet {
        /// The request's method.
        method: Method,
    },
    /// The request is older than HTTP/1.1.
    #[error("a websocket needs HTTP/1.1, not {version:?}")]
    HttpTooOld {
        /// The request's version.
        version: Version,
    },
    /// No `Upgrade` header has the token `websocket`.
    #[error("this is a websocket endpoint: send the header \"Upgrade: websocket\"")]
    UpgradeMissing,
    /// No `Connection` header has the token `upgrade`.
    #[error("send the header \"Connection: Upgrade\"; a proxy may have removed it")]
    ConnectionMissing,
    /// There is no `Sec-WebSocket-Version`.
    #[error("send the header \"Sec-WebSocket-Version: 13\"")]
    VersionMissing,
    /// `Sec-WebSocket-Version` is not 13.
    #[error("send the header \"Sec-WebSocket-Version: 13\"; version {version:?} is not supported")]
    VersionUnsupported {
        /// What the header says instead.
        version: HeaderValue,
    },
    /// There is no `Sec-WebSocket-Key`.
    #[error("send the header \"Sec-WebSocket-Key\": 16 random bytes in base64")]
    KeyMissing,
    /// There is more than one `Sec-WebSocket-Key`.
    #[error("send the header \"Sec-WebSocket-Key\" only once")]
    KeyRepeated,
    /// `Sec-WebSocket-Key` is not base64, or not of 16 bytes.
    #[error("\"Sec-WebSocket-Key\" must be exactly 16 bytes in base64")]
    KeyInvalid,
}

/// Whether `name` is a token (RFC 9110 §5.6.2), as the names of subprotocols (RFC 6455 §4.1) and of
/// extensions are.
pub fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| is_token_byte(*byte))
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether one of the comma-separated tokens in the fields of that name is `token`.
fn has_token(fields: &impl Fields, name: HeaderName, token: &str) -> bool {
    fields
        .values_of(name)
        .flat_map(|value| value.split(|&byte| byte == b','))
        .any(|found| found.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}
