//! A handshake's "no": a status, a reason phrase, headers.

use std::{error::Error, fmt};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{Failure, Misuse, QueryError};

/// The answer to a client that is not let in.
///
/// Made by [`Handshake::refuse`](crate::Handshake::refuse), or from any error by `?`, which answers
/// 500 and logs the error without telling the peer; but a [`QueryError`](crate::QueryError) is the peer's
/// fault, and answers 400. What does not implement [`Error`] becomes a
/// [`Failure`] on the way:
///
/// ```
/// use aerys::{Accepted, Failure, Handshake, Refusal, Websocket};
///
/// # fn name_of(token: &str) -> anyhow::Result<String> { Ok(token.to_owned()) }
/// struct Members;
///
/// impl Websocket<String> for Members {
///     async fn on_open(&self, handshake: Handshake<String>) -> Result<Accepted<String>, Refusal> {
///         let token = handshake.param("token").unwrap_or_default();
///         let name = name_of(token).map_err(Failure::new)?; // anyhow::Error
///         Ok(handshake.accept_with(name))
///     }
/// }
/// ```
#[must_use = "a refusal is the answer only once `on_open` returns it as `Err`"]
pub struct Refusal(Box<Answer>);

/// Boxed, so that it costs no client anything that is let in.
pub(crate) struct Answer {
    pub(crate) status: Status,
    pub(crate) reason: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) cause: Option<Failure>,
}

impl Refusal {
    pub(crate) fn new(status: Status, headers: HeaderMap) -> Self {
        Self(Box::new(Answer { status, reason: None, headers, cause: None }))
    }

    /// Says why, on the status line and in the body, in place of the standard phrase.
    ///
    /// Characters that HTTP does not allow in a reason phrase (RFC 9112 §4) appear as `?`.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    /// Adds a header; one that is there under the same name stays.
    ///
    /// The name and the value are what [`Handshake::header`](crate::Handshake::header) takes, and what cannot
    /// be a header makes the answer a 500, as there.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: Error + Send + Sync + 'static>,
        V: TryInto<HeaderValue, Error: Error + Send + Sync + 'static>,
    {
        match Misuse::check_header("Refusal::header", name, value) {
            Ok((name, value)) => {
                self.0.headers.append(name, value);
                self
            }
            Err(misuse) => misuse.into(),
        }
    }

    /// The status that will be answered.
    pub fn status(&self) -> Status {
        self.0.status
    }

    /// The reason that was given, if one was.
    pub(crate) fn reason_given(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    pub(crate) fn into_answer(self) -> Answer {
        *self.0
    }

    /// The error it was made of, if it was.
    pub(crate) fn cause(&self) -> Option<&Failure> {
        self.0.cause.as_ref()
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Refusal {
    fn from(error: E) -> Self {
        Failure::from(error).into()
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        if let Some(error) = failure.cause().downcast_ref::<QueryError>() {
            return Self::new(Status::BAD_REQUEST, HeaderMap::new()).reason(error.explained());
        }
        let mut refusal = Self::new(Status::INTERNAL_SERVER_ERROR, HeaderMap::new());
        refusal.0.cause = Some(failure);
        refusal
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("status", &self.0.status)
            .field("reason", &self.0.reason)
            .field("headers", &self.0.headers)
            .field("cause", &self.0.cause)
            .finish()
    }
}

/// An HTTP status that refuses: 4xx or 5xx, and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status(StatusCode);

impl Status {
    /// 400 Bad Request.
    pub const BAD_REQUEST: Self = Self(StatusCode::BAD_REQUEST);
    /// 401 Unauthorized.
    pub const UNAUTHORIZED: Self = Self(StatusCode::UNAUTHORIZED);
    /// 403 Forbidden.
    pub const FORBIDDEN: Self = Self(StatusCode::FORBIDDEN);
    /// 404 Not Found.
    pub const NOT_FOUND: Self = Self(StatusCode::NOT_FOUND);
    /// 409 Conflict.
    pub const CONFLICT: Self = Self(StatusCode::CONFLICT);
    /// 429 Too Many Requests.
    pub const TOO_MANY_REQUESTS: Self = Self(StatusCode::TOO_MANY_REQUESTS);
    /// 500 Internal Server Error.
    pub const INTERNAL_SERVER_ERROR: Self = Self(StatusCode::INTERNAL_SERVER_ERROR);
    /// 503 Service Unavailable.
    pub const SERVICE_UNAVAILABLE: Self = Self(StatusCode::SERVICE_UNAVAILABLE);

    /// The status with this number, `None` unless it is in 400–599.
    pub fn new(code: u16) -> Option<Self> {
        StatusCode::from_u16(code).ok().and_then(|status| status.try_into().ok())
    }

    /// As the `http` crate's type.
    pub fn as_status_code(self) -> StatusCode {
        self.0
    }
}

/// The status is not in 400–599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} does not refuse: only a status in 400–599 does")]
pub struct NotARefusal(u16);

impl TryFrom<StatusCode> for Status {
    type Error = NotARefusal;

    fn try_from(status: StatusCode) -> Result<Self, NotARefusal> {
        if status.is_client_error() || status.is_server_error() {
            Ok(Self(status))
        } else {
            Err(NotARefusal(status.as_u16()))
        }
    }
}

impl TryFrom<u16> for Status {
    type Error = NotARefusal;

    fn try_from(code: u16) -> Result<Self, NotARefusal> {
        Self::new(code).ok_or(NotARefusal(code))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_4xx_and_5xx_refuse() {
        for (code, refuses) in [(101, false), (200, false), (302, false), (399, false)]
            .into_iter()
            .chain([(400, true), (418, true), (599, true), (600, false), (99, false)])
        {
            assert_eq!(Status::new(code).is_some(), refuses, "{code}");
        }
    }
}
