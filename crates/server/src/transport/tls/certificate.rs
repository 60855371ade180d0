//! A certificate with its key, as they are on disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{crypto::CryptoProvider, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject};
use webpki::EndEntityCert;

use crate::error::CertificateError;

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// A certificate, with the chain that leads to an authority, and its key.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// Whom it is for, in lower case: DNS names, with `*.` in front for all that are one label longer.
    pub(super) names: Vec<String>,
}

impl Files {
    /// What is in both files now: a certificate that is renewed has other bytes.
    pub(super) fn read(&self) -> Result<Contents, CertificateError> {
        let read = |path: &Path| {
            let unreadable = |cause| CertificateError::Unreadable { path: path.to_owned(), cause };
            fs::read(path).map_err(unreadable)
        };
        Ok(Contents { certificate: read(&self.certificate)?, key: read(&self.key)? })
    }

    /// Makes of it what can be shown to clients, if both fit.
    pub(super) fn parse(
        &self,
        contents: &Contents,
        provider: &CryptoProvider,
    ) -> Result<Certificate, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(&contents.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| no_pem(&self.certificate, error))?;
        let Some(first) = chain.first() else {
            return Err(CertificateError::NoCertificate { path: self.certificate.clone() });
        };
        let of_certificate = |cause: String| CertificateError::BadCertificate {
            path: self.certificate.clone(),
            cause,
        };
        let names = EndEntityCert::try_from(first)
            .map_err(|error| of_certificate(error.to_string()))?
            .valid_dns_names()
            .map(str::to_ascii_lowercase)
            .collect();
        let der = match PrivateKeyDer::from_pem_slice(&contents.key) {
            Ok(der) => der,
            Err(pem::Error::NoItemsFound) => {
                return Err(CertificateError::NoKey { path: self.key.clone() });
            }
            Err(error) => return Err(no_pem(&self.key, error)),
        };
        let bad_key = |error: rustls::Error| CertificateError::BadKey {
            path: self.key.clone(),
            cause: error.to_string(),
        };
        let key = provider.key_provider.load_private_key(der).map_err(bad_key)?;
        let key = CertifiedKey::new(chain, key);
        match key.keys_match() {
            // One that cannot tell is believed.
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(CertificateError::OtherKey {
                    certificate: self.certificate.clone(),
                    key: self.key.clone(),
                });
            }
            Err(error) => return Err(of_certificate(error.to_string())),
        }
        Ok(Certificate { key: Arc::new(key), names })
    }
}

/// The bytes of both files.
#[derive(PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

fn no_pem(path: &Path, error: pem::Error) -> CertificateError {
    let cause = io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    CertificateError::Unreadable { path: path.to_owned(), cause }
}
