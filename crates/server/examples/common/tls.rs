//! TLS, as the arguments of an example ask for it.

use std::path::PathBuf;

use aerys::{Listener, Tls};
use clap::Args;

#[derive(Args)]
pub(crate) struct TlsArguments {
    /// Speak TLS, with the certificate in this file, which is PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of that certificate.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl TlsArguments {
    /// The listener as it is asked for, and the scheme of its URLs.
    pub(crate) fn apply(self, listener: Listener) -> (Listener, &'static str) {
        match self.tls_cert.zip(self.tls_key) {
            Some((certificate, key)) => (listener.tls(Tls::new(certificate, key)), "https"),
            None => (listener, "http"),
        }
    }
}
