//! A query that is not what the application asks for.

use std::error::Error;

/// In characters; room for the name of a field and what is wrong with it.
const MAX_EXPLANATION: usize = 200;

/// The query of a request is not what the application takes; see
/// [`Handshake::query`](crate::Handshake::query).
///
/// Let out of [`on_open`](crate::Websocket::on_open) by `?` it answers 400 with what is wrong, and is not
/// logged as a fault.
#[derive(Debug, thiserror::Error)]
#[error("the query does not fit")]
pub struct QueryError(#[source] Box<dyn Error + Send + Sync>);

impl QueryError {
    pub(crate) fn new(cause: impl Error + Send + Sync + 'static) -> Self {
        Self(cause.into())
    }

    /// For who asked, in one line. It may repeat what they wrote, which may be long.
    pub(crate) fn explained(&self) -> String {
        format!("{self}: {}", self.0).chars().take(MAX_EXPLANATION).collect()
    }
}
