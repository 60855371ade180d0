//! What an answer to a handshake was given and cannot have. It becomes a 500, and is logged.

use std::error::Error;

use http::{HeaderName, HeaderValue};

use super::Status;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Misuse {
    #[error("`{method}` was given a name that no header can have")]
    HeaderName { method: &'static str, source: Box<dyn Error + Send + Sync> },
    #[error("`{method}` was given a value that the header {name} cannot have")]
    HeaderValue { method: &'static str, name: HeaderName, source: Box<dyn Error + Send + Sync> },
    #[error("`Handshake::refuse` was given a status that does not refuse")]
    Status { source: Box<dyn Error + Send + Sync> },
}

impl Misuse {
    /// A header as `method` was given it.
    pub(crate) fn check_header<N, V>(
        method: &'static str,
        name: N,
        value: V,
    ) -> Result<(HeaderName, HeaderValue), Self>
    where
        N: TryInto<HeaderName, Error: Error + Send + Sync + 'static>,
        V: TryInto<HeaderValue, Error: Error + Send + Sync + 'static>,
    {
        let name = name.try_into();
        let name = name.map_err(|error| Self::HeaderName { method, source: error.into() })?;
        match value.try_into() {
            Ok(value) => Ok((name, value)),
            Err(error) => Err(Self::HeaderValue { method, name, source: error.into() }),
        }
    }

    /// A status as `Handshake::refuse` was given it.
    pub(crate) fn check_status<T>(status: T) -> Result<Status, Self>
    where
        T: TryInto<Status, Error: Error + Send + Sync + 'static>,
    {
        status.try_into().map_err(|error| Self::Status { source: error.into() })
    }
}
