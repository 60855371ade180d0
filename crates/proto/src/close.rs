//! Close codes and the payload of a CLOSE frame: RFC 6455 §5.5.1, §7.4.

use std::{borrow::Cow, fmt};

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::PeerError;

/// RFC 6455 §5.5: a control frame holds at most 125 bytes, two of which are the code.
const MAX_REASON: usize = 123;

/// Why a connection was closed: a code and, mostly for logs, a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The status code.
    pub code: CloseCode,
    /// A text of at most 123 bytes; what is longer is cut off when it is sent.
    pub reason: Cow<'static, str>,
}

impl Close {
    /// A close with `code` and with as much of `reason` as a CLOSE frame can hold: 123 bytes,
    /// cut between two characters.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        let reason = match reason.into() {
            Cow::Borrowed(reason) => Cow::Borrowed(fitting(reason)),
            Cow::Owned(mut reason) => {
                reason.truncate(fitting(&reason).len());
                Cow::Owned(reason)
            }
        };
        Self { code, reason }
    }

    /// Reads the payload of a peer's CLOSE frame.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, PeerError> {
        // A payload of a single byte was refused at its header.
        let Some((code, reason)) = payload.split_first_chunk() else {
            return Ok(CloseCode::NO_STATUS.into());
        };
        // RFC 6455 §7.4.1: 1005, 1006 and 1015 "MUST NOT be set as a status code in a Close
        // control frame by an endpoint".
        let code = u16::from_be_bytes(*code);
        let code = CloseCode::new(code).ok_or(PeerError::CloseCode { code })?;
        // RFC 6455 §5.5.1: "the body may contain UTF-8-encoded data".
        let reason = simdutf8::basic::from_utf8(reason).map_err(|_| PeerError::ReasonNotUtf8)?;
        Ok(Self::new(code, reason.to_owned()))
    }

    /// What answers this CLOSE: RFC 6455 §5.5.1, "the endpoint typically echos the status code it
    /// received".
    pub(crate) fn echo(&self) -> Self {
        self.code.into()
    }

    /// The payload of a CLOSE frame. Codes that only stand for the absence of one leave it empty.
    pub(crate) fn payload(&self) -> Bytes {
        if CloseCode::new(self.code.0).is_none() {
            return Bytes::new();
        }
        let reason = fitting(&self.reason);
        let mut payload = BytesMut::with_capacity(2 + reason.len());
        payload.put_u16(self.code.0);
        payload.put_slice(reason.as_bytes());
        payload.freeze()
    }
}

impl From<CloseCode> for Close {
    fn from(code: CloseCode) -> Self {
        Self { code, reason: Cow::Borrowed("") }
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.reason {
            "" => self.code.fmt(f),
            reason => write!(f, "{} {reason}", self.code),
        }
    }
}

/// A status code of RFC 6455 §7.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection has been fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: a server going down, or a browser leaving the page.
    pub const AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// 1003: a kind of data that is not accepted.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1005: the CLOSE frame had no code. Never sent.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006: there was no CLOSE frame. Never sent.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: data that contradicts its type, such as a text that is not UTF-8.
    pub const INVALID: Self = Self(1007);
    /// 1008: a policy was violated, and no other code says how.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message too big to be processed.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: a client missed an extension that it needs.
    pub const EXTENSION: Self = Self(1010);
    /// 1011: an unexpected condition kept the server from going on.
    pub const INTERNAL: Self = Self(1011);
    /// 1012: the server restarts.
    pub const RESTART: Self = Self(1012);
    /// 1013: the server is overloaded; the client may try again later.
    pub const TRY_AGAIN: Self = Self(1013);
    /// 1014: a gateway had a bad answer from the server behind it.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code of that number, if it may stand in a CLOSE frame: 1000–1003, 1007–1014 (the
    /// registry of RFC 6455 §11.7) and 3000–4999 (§7.4.2).
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    pub const fn as_u16(self) -> u16 {
        self.0
    }
}

/// As [`CloseCode::new`].
impl TryFrom<u16> for CloseCode {
    type Error = NotACloseCode;

    fn try_from(code: u16) -> Result<Self, NotACloseCode> {
        Self::new(code).ok_or(NotACloseCode(code))
    }
}

/// The number is none that may stand in a CLOSE frame (RFC 6455 §7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no code of a CLOSE frame: those are 1000–1003, 1007–1014 and 3000–4999")]
pub struct NotACloseCode(u16);

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// As much of `reason` as a CLOSE frame can hold.
fn fitting(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_may_be_sent_can_be_made_from_numbers() {
        for code in [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999] {
            assert_eq!(CloseCode::new(code).map(CloseCode::as_u16), Some(code));
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, u16::MAX] {
            assert_eq!(CloseCode::new(code), None, "{code}");
            assert_eq!(CloseCode::try_from(code), Err(NotACloseCode(code)));
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_two_characters() {
        let cases = [
            ("x".repeat(123), 123),
            ("x".repeat(124), 123),
            ("é".repeat(62), 122),
            ("€".repeat(42), 123),
            ("😀".repeat(31), 120),
        ];
        for (reason, len) in cases {
            let close = Close::new(CloseCode::NORMAL, reason.clone());
            assert_eq!(close.reason, reason[..len]);
            assert_eq!(close.payload().len(), 2 + len);
        }
    }

    #[test]
    fn a_reason_set_by_hand_is_cut_when_sent() {
        let close = Close { code: CloseCode::AWAY, reason: "é".repeat(100).into() };
        assert_eq!(close.payload().len(), 124);
    }

    #[test]
    fn what_was_sent_is_what_is_read() {
        for close in [
            Close::new(CloseCode::NORMAL, ""),
            Close::new(CloseCode::POLICY, "no answer to pings"),
            CloseCode::NO_STATUS.into(),
        ] {
            assert_eq!(Close::parse(&close.payload()).ok(), Some(close));
        }
    }

    #[test]
    fn codes_for_the_absence_of_a_code_are_not_sent() {
        for code in [CloseCode::NO_STATUS, CloseCode::ABNORMAL] {
            assert!(Close::new(code, "why").payload().is_empty());
        }
    }

    #[test]
    fn a_close_reads_as_its_code_and_reason() {
        assert_eq!(Close::from(CloseCode::NORMAL).to_string(), "1000");
        assert_eq!(Close::new(CloseCode::AWAY, "bye").to_string(), "1001 bye");
    }
}
