//! A client that is to go, whatever its application keeps for it.

use aerys_proto::CloseCode;

use crate::{app::Client, connection::ClientId};

pub(crate) trait Leaver: Send + Sync {
    fn id(&self) -> ClientId;

    /// Tells it to go.
    fn close(&self, code: CloseCode);

    fn has_gone(&self) -> bool;
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
}
