//! The certificate that every server shows over TLS, and its key, for as long as a run takes.

use std::{fs, sync::Arc};

use anyhow::{Context as _, Result};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ClientConfig;
use tempfile::TempDir;

use crate::{load, servers::Files};

/// A key on the curve P-256, with a certificate that it has signed itself.
#[derive(Debug)]
pub(crate) struct Identity {
    files: Files,
    client: Arc<ClientConfig>,
    /// It goes with what is in it.
    _folder: TempDir,
}

impl Identity {
    /// Makes a new one, and writes it to the disk.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn make() -> Result<Self> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([load::TLS_NAME.to_owned()])?;
        let folder = tempfile::tempdir().context("no place for a certificate")?;
        let path = |name| folder.path().join(name);
        let files = Files { certificate: path("certificate.pem"), key: path("key.pem") };
        fs::write(&files.certificate, cert.pem())?;
        fs::write(&files.key, signing_key.serialize_pem())?;
        let client = load::tls_config(cert.der().clone())?;
        Ok(Self { files, client, _folder: folder })
    }

    /// Where it is, for a server.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// How clients speak to whoever shows it, and to no one else.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.client)
    }
}
