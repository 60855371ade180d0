//! What a client and this server have agreed upon.

use rustls::{ProtocolVersion, server::UnbufferedServerConnection};
use rustls_pki_types::CertificateDer;

/// What is known of a connection within TLS.
///
/// It is in the extensions of each request that a [`Host::service`](crate::Host::service) is given over TLS, as
/// an `Arc<TlsInfo>`.
#[derive(Clone, Debug)]
pub struct TlsInfo {
    version: ProtocolVersion,
    client_certificates: Vec<CertificateDer<'static>>,
}

impl TlsInfo {
    pub(super) fn of(connection: &UnbufferedServerConnection) -> Self {
        Self {
            version: connection.protocol_version().unwrap_or(ProtocolVersion::TLSv1_2),
            client_certificates: connection.peer_certificates().unwrap_or_default().to_vec(),
        }
    }

    /// The version of TLS, as in `"TLSv1.3"`.
    pub fn version(&self) -> &'static str {
        match self.version {
            ProtocolVersion::TLSv1_3 => "TLSv1.3",
            _ => "TLSv1.2",
        }
    }

    /// The client's certificate and the chain that it has sent, each as DER; nothing if it has shown none. They
    /// are of an authority that was asked for.
    pub fn client_certificates(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.client_certificates.iter().map(|certificate| &**certificate)
    }
}
