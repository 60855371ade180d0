//! Why a certificate cannot be used.

use std::{fmt, io, path::PathBuf};

/// Where a certificate, a key or an authority was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemSource {
    /// A file.
    File(PathBuf),
    /// What [`Tls::from_pem`](crate::Tls::from_pem) or [`Tls::certificate_pem`](crate::Tls::certificate_pem)
    /// was given.
    Memory,
}

impl fmt::Display for PemSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Memory => f.write_str("the PEM that was given"),
        }
    }
}

/// Why a certificate cannot be shown to clients, or an authority not be asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The file cannot be read, or what is in there is no PEM.
    #[error("{pem} cannot be read: {cause}")]
    Unreadable {
        /// Where it was looked for.
        pem: PemSource,
        /// What is wrong with it.
        cause: io::Error,
    },
    /// There is no certificate.
    #[error("there is no certificate in {pem}: it has to have a section \"BEGIN CERTIFICATE\"")]
    NoCertificate {
        /// Where it was looked for.
        pem: PemSource,
    },
    /// There is no key.
    #[error("there is no private key in {pem}: it has to have a section \"BEGIN PRIVATE KEY\"")]
    NoKey {
        /// Where it was looked for.
        pem: PemSource,
    },
    /// The certificate makes no sense.
    #[error("the certificate in {pem} cannot be used: {cause}")]
    BadCertificate {
        /// Where it was found.
        pem: PemSource,
        /// What is wrong with it.
        cause: String,
    },
    /// The key makes no sense.
    #[error("the private key in {pem} cannot be used: {cause}")]
    BadKey {
        /// Where it was found.
        pem: PemSource,
        /// What is wrong with it.
        cause: String,
    },
    /// The key is of another certificate.
    #[error("the private key in {key} is not that of the first certificate in {certificate}")]
    OtherKey {
        /// Where the certificate was found.
        certificate: PemSource,
        /// Where the key was found.
        key: PemSource,
    },
    /// The system offers nothing that TLS needs.
    #[error("TLS cannot be had: {cause}")]
    Unusable {
        /// What is missing.
        cause: String,
    },
}
