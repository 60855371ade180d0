//! A client that is to go, whatever its application keeps for it.

use std::future::poll_fn;

use aerys_proto::CloseCode;

use super::BoxFuture;
use crate::{app::Client, connection::ClientId};

pub(crate) trait Leaver: Send + Sync {
    fn id(&self) -> ClientId;

    /// Tells it to go.
    fn close(&self, code: CloseCode);

    fn has_gone(&self) -> bool;

    /// Resolves when it has gone and its `on_close` has run.
    fn departed(&self) -> BoxFuture<'_, ()>;
}

impl<S: Send + Sync> Leaver for Client<S> {
    fn id(&self) -> ClientId {
        Client::id(self)
    }

    fn close(&self, code: CloseCode) {
        Client::close(self).code(code).nowait();
    }

    fn has_gone(&self) -> bool {
        self.shared().outbox.is_gone()
    }

    fn departed(&self) -> BoxFuture<'_, ()> {
        Box::pin(poll_fn(|cx| self.shared().outbox.poll_departed(cx)))
    }
}
