//! What stands in where TLS is left out (feature `tls`): nobody can ask for it.

use aerys::Listener;
use clap::Args;

#[derive(Args)]
pub(crate) struct TlsArguments {}

impl TlsArguments {
    pub(crate) fn apply(self, listener: Listener) -> (Listener, &'static str) {
        (listener, "http")
    }
}
