//! What stands in where TLS is left out (feature `tls`): nobody can ask for it.

use std::{io, sync::Arc};

use super::{Transport, Versions};
use crate::error::ServerError;

/// There is none.
#[derive(Debug)]
pub(crate) enum Tls {}

/// There is none.
pub(crate) enum TlsAcceptor {}

/// There is none.
pub(crate) type TlsStream<T> = T;

/// There is none.
pub(crate) enum TlsInfo {}

impl Tls {
    pub(crate) fn load(self) -> Result<TlsAcceptor, ServerError> {
        match self {}
    }
}

impl TlsAcceptor {
    pub(crate) async fn accept<T: Transport>(
        &self,
        _: T,
    ) -> io::Result<(T, Arc<TlsInfo>, Versions)> {
        match *self {}
    }
}
