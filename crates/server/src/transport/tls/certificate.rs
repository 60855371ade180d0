//! A certificate with its key, as they are on disk or in memory.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use rustls::{crypto::CryptoProvider, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject};
use webpki::EndEntityCert;

use crate::error::{CertificateError, PemSource};

/// Where a certificate and its key are.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Files { certificate: PathBuf, key: PathBuf },
    Memory(Contents),
}

/// A certificate, with the chain that leads to an authority, and its key.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// Whom it is for, in lower case: DNS names, with `*.` in front for all that are one label longer.
    pub(super) names: Vec<String>,
}

impl Source {
    /// What is there now: a certificate that is renewed has other bytes.
    pub(super) fn read(&self) -> Result<Contents, CertificateError> {
        match self {
            Self::Files { certificate, key } => {
                Ok(Contents { certificate: read(certificate)?.into(), key: read(key)?.into() })
            }
            Self::Memory(contents) => Ok(contents.clone()),
        }
    }

    /// Makes of it what can be shown to clients, if both fit.
    pub(super) fn parse(
        &self,
        contents: &Contents,
        provider: &CryptoProvider,
    ) -> Result<Certificate, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(&contents.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| no_pem(self.certificate(), error))?;
        let Some(first) = chain.first() else {
            return Err(CertificateError::NoCertificate { pem: self.certificate() });
        };
        let bad_certificate =
            |cause: String| CertificateError::BadCertificate { pem: self.certificate(), cause };
        let names = EndEntityCert::try_from(first)
            .map_err(|error| bad_certificate(error.to_string()))?
            .valid_dns_names()
            .map(str::to_ascii_lowercase)
            .collect();
        let der = match PrivateKeyDer::from_pem_slice(&contents.key) {
            Ok(der) => der,
            Err(pem::Error::NoItemsFound) => {
                return Err(CertificateError::NoKey { pem: self.key() });
            }
            Err(error) => return Err(no_pem(self.key(), error)),
        };
        let bad_key = |error: rustls::Error| CertificateError::BadKey {
            pem: self.key(),
            cause: error.to_string(),
        };
        let key = provider.key_provider.load_private_key(der).map_err(bad_key)?;
        let key = CertifiedKey::new(chain, key);
        match key.keys_match() {
            // One that cannot tell is believed.
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                let (certificate, key) = (self.certificate(), self.key());
                return Err(CertificateError::OtherKey { certificate, key });
            }
            Err(error) => return Err(bad_certificate(error.to_string())),
        }
        Ok(Certificate { key: Arc::new(key), names })
    }

    fn certificate(&self) -> PemSource {
        match self {
            Self::Files { certificate, .. } => file(certificate),
            Self::Memory(_) => PemSource::Memory,
        }
    }

    fn key(&self) -> PemSource {
        match self {
            Self::Files { key, .. } => file(key),
            Self::Memory(_) => PemSource::Memory,
        }
    }
}

/// The bytes of both.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) certificate: Bytes,
    pub(super) key: Bytes,
}

/// The key is nobody's business.
impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").finish_non_exhaustive()
    }
}

/// What is in a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|cause| CertificateError::Unreadable { pem: file(path), cause })
}

pub(super) fn file(path: &Path) -> PemSource {
    PemSource::File(path.to_owned())
}

fn no_pem(pem: PemSource, error: pem::Error) -> CertificateError {
    let cause = io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    CertificateError::Unreadable { pem, cause }
}
