//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446), by rustls.

mod certificate;
mod certificates;
mod info;
mod session;
mod stream;

use std::{io, path::PathBuf, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, pem::PemObject};

pub use self::info::TlsInfo;
use self::{
    certificate::{Contents, Source, file, read},
    certificates::Certificates,
};
pub(crate) use self::{certificates::Reloaded, stream::TlsStream};
use super::{Transport, Versions, http2};
use crate::error::{CertificateError, ServerError};

/// TLS for a [`Listener`](crate::Listener): with which certificates, and what is asked of clients.
///
/// ```no_run
/// use aerys::{Listener, Server, Tls};
///
/// Server::new().listen(Listener::from("0.0.0.0:443").tls(
///     Tls::new("/etc/tls/example.org.pem", "/etc/tls/example.org.key")
///         .certificate("/etc/tls/chat.example.pem", "/etc/tls/chat.example.key"),
/// ));
/// ```
///
/// Clients speak TLS 1.2 or 1.3. A certificate's file has the certificate first and then the chain that leads
/// to an authority, both files as PEM; either pair may be [in memory](Self::from_pem) as well. That they fit is
/// checked when the server starts.
///
/// # Certificates that change
///
/// The files are looked at every ten seconds, and by
/// [`Running::reload_certificates`](crate::Running::reload_certificates). A new pair that fits is shown to those
/// who connect from then on, and one that does not is told of in the log, while the old one stays. No
/// connection is closed. What was given in memory stays for as long as the server runs.
#[derive(Clone, Debug)]
#[must_use = "give it to `Listener::tls`"]
pub struct Tls {
    pairs: Vec<Source>,
    clients: Clients,
}

/// Who may connect.
#[derive(Clone, Debug)]
enum Clients {
    Anybody,
    /// Who has a certificate of these authorities; others too, unless it is required.
    Known {
        authorities: PathBuf,
        is_required: bool,
    },
}

impl Tls {
    /// With a certificate that is in a file, as its key is in another: shown to whoever asks for none of the
    /// others.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::without_certificate().certificate(certificate, key)
    }

    /// As [`new`](Self::new), with what would be in the files: from a secret store, or made for a test.
    ///
    /// ```no_run
    /// use std::{env, error::Error};
    /// use aerys::{Listener, Server, Tls};
    ///
    /// # fn main() -> Result<(), Box<dyn Error>> {
    /// let tls = Tls::from_pem(env::var("TLS_CERTIFICATE")?, env::var("TLS_KEY")?);
    /// Server::new().listen(Listener::from("0.0.0.0:443").tls(tls));
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_pem(certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self::without_certificate().certificate_pem(certificate, key)
    }

    fn without_certificate() -> Self {
        Self { pairs: Vec::new(), clients: Clients::Anybody }
    }

    /// Adds a certificate for the names that are in it, among which may be wildcards: a client says which name
    /// it wants (server name indication, RFC 6066 §3).
    pub fn certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.pairs.push(Source::Files { certificate: certificate.into(), key: key.into() });
        self
    }

    /// As [`certificate`](Self::certificate), with what would be in the files.
    pub fn certificate_pem(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        let (certificate, key) = (certificate.into().into(), key.into().into());
        self.pairs.push(Source::Memory(Contents { certificate, key }));
        self
    }

    /// Lets in only clients that have a certificate of one of these authorities, which are in a file as PEM.
    /// The handshake tells [whose](TlsInfo::client_certificates).
    pub fn require_client_certificate(mut self, authorities: impl Into<PathBuf>) -> Self {
        self.clients = Clients::Known { authorities: authorities.into(), is_required: true };
        self
    }

    /// As [`require_client_certificate`](Self::require_client_certificate), but a client may have none. One
    /// that is of no such authority is not let in.
    pub fn ask_client_certificate(mut self, authorities: impl Into<PathBuf>) -> Self {
        self.clients = Clients::Known { authorities: authorities.into(), is_required: false };
        self
    }

    /// Reads the certificates.
    pub(crate) fn load(self) -> Result<TlsAcceptor, ServerError> {
        self.try_load().map_err(|cause| ServerError::Certificate { cause })
    }

    fn try_load(self) -> Result<TlsAcceptor, CertificateError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificates = Arc::new(Certificates::read(self.pairs, &provider)?);
        let verifier = self.clients.verifier(&provider)?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&certificates) as _);
        let mut config = config;
        config.alpn_protocols = http2::protocols().into();
        // Sessions are resumed by tickets, whose keys change by themselves: nothing is kept for who has gone.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(unusable)?;
        Ok(TlsAcceptor { config: Arc::new(config), certificates })
    }
}

impl Clients {
    fn verifier(
        self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
        let Self::Known { authorities: path, is_required } = self else {
            return Ok(WebPkiClientVerifier::no_client_auth());
        };
        let unreadable = |cause| CertificateError::Unreadable { pem: file(&path), cause };
        let mut roots = RootCertStore::empty();
        let pem = read(&path)?;
        for authority in CertificateDer::pem_slice_iter(&pem) {
            let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidData, error);
            let authority = authority.map_err(|error| unreadable(invalid(error.to_string())))?;
            roots.add(authority).map_err(|error| unreadable(invalid(error.to_string())))?;
        }
        if roots.is_empty() {
            return Err(CertificateError::NoCertificate { pem: file(&path) });
        }
        let provider = Arc::clone(provider);
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier =
            if is_required { verifier } else { verifier.allow_unauthenticated() }.build();
        verifier.map_err(|error| CertificateError::Unusable { cause: error.to_string() })
    }
}

/// Speaks TLS with those who connect to a listener.
pub(crate) struct TlsAcceptor {
    config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
}

impl TlsAcceptor {
    /// Shakes hands with a client. It wants a limit in time around it.
    pub(crate) async fn accept<T: Transport>(
        &self,
        transport: T,
    ) -> io::Result<(TlsStream<T>, Arc<TlsInfo>, Versions)> {
        let stream = TlsStream::accept(transport, Arc::clone(&self.config)).await?;
        let (info, versions) = stream.with_session(|session| {
            let connection = session.connection();
            (TlsInfo::of(connection), http2::agreed(connection.alpn_protocol()))
        });
        Ok((stream, Arc::new(info), versions))
    }

    /// Looks whether there are other certificates now; see [`Certificates::reload`].
    pub(crate) fn reload(&self, is_asked: bool) -> Reloaded {
        self.certificates.reload(is_asked)
    }
}

fn unusable(error: rustls::Error) -> CertificateError {
    CertificateError::Unusable { cause: error.to_string() }
}

#[cfg(test)]
mod tests;
