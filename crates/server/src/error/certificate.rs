//! Why a certificate cannot be used.

use std::{io, path::PathBuf};

/// Why a certificate cannot be shown to clients, or an authority not be asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The file cannot be read, or what is in there is no PEM.
    #[error("{} cannot be read: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: io::Error,
    },
    /// There is no certificate in the file.
    #[error("there is no certificate in {}: it has to have a section \"BEGIN CERTIFICATE\"", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no key in the file.
    #[error("there is no private key in {}: it has to have a section \"BEGIN PRIVATE KEY\"", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The certificate makes no sense.
    #[error("the certificate in {} cannot be used: {cause}", path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The key makes no sense.
    #[error("the private key in {} cannot be used: {cause}", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The key is of another certificate.
    #[error(
        "the private key in {} is not that of the first certificate in {}",
        key.display(),
        certificate.display()
    )]
    OtherKey {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// The system offers nothing that TLS needs.
    #[error("TLS cannot be had: {cause}")]
    Unusable {
        /// What is missing.
        cause: String,
    },
}
