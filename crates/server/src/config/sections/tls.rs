//! `[listen.tls]`: the certificates of a listener, and what is asked of clients.

use std::path::PathBuf;

use crate::{
    config::{
        format::{FilePath, IfWritten, OrFalse, Secret, SecretText},
        keys::{Keys, Placed, Section},
    },
    transport::Tls,
};

#[derive(Debug)]
pub(in crate::config) struct TlsSection {
    /// Shown to whoever asks for none of the others.
    pub(in crate::config) first: CertificateSection,
    pub(in crate::config) others: Vec<Placed<CertificateSection>>,
    require_client_certificate: Option<PathBuf>,
    ask_client_certificate: Option<PathBuf>,
}

impl TlsSection {
    pub(in crate::config) fn tls(&self) -> Tls {
        let others = self.others.iter().map(|it| &**it);
        let tls = others.fold(self.first.tls(), |tls, other| other.add_to(tls));
        match (&self.require_client_certificate, &self.ask_client_certificate) {
            (Some(authorities), _) => tls.require_client_certificate(authorities),
            (None, Some(authorities)) => tls.ask_client_certificate(authorities),
            (None, None) => tls,
        }
    }

    /// Whether clients are told two different things.
    pub(in crate::config) fn asks_and_requires(&self) -> bool {
        self.require_client_certificate.is_some() && self.ask_client_certificate.is_some()
    }
}

impl Section for TlsSection {
    const NAME: &'static str = "tls";

    fn new() -> Self {
        Self {
            first: CertificateSection::new(),
            others: Vec::new(),
            require_client_certificate: None,
            ask_client_certificate: None,
        }
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        self.first.keys(keys);
        let required = &mut self.require_client_certificate;
        keys.key("require_client_certificate", OrFalse(FilePath), required);
        keys.key("ask_client_certificate", OrFalse(FilePath), &mut self.ask_client_certificate);
        keys.sections("others", &mut self.others);
    }
}

/// A certificate with its key: both in files, or both as they would be there.
#[derive(Debug)]
pub(in crate::config) struct CertificateSection {
    pub(in crate::config) certificate: Option<PathBuf>,
    pub(in crate::config) key: Option<PathBuf>,
    pub(in crate::config) certificate_pem: Option<SecretText>,
    pub(in crate::config) key_pem: Option<SecretText>,
}

impl CertificateSection {
    /// What is missing, or too much.
    pub(in crate::config) fn complaint(&self) -> Option<&'static str> {
        let Self { certificate, key, certificate_pem, key_pem } = self;
        match (certificate, key, certificate_pem, key_pem) {
            (Some(_), Some(_), None, None) | (None, None, Some(_), Some(_)) => None,
            (Some(_), None, None, None) => Some("there is a certificate, and no \"key\" for it"),
            (None, Some(_), None, None) => Some("there is a key, and no \"certificate\" for it"),
            (None, None, Some(_), None) => {
                Some("there is a certificate, and no \"key_pem\" for it")
            }
            (None, None, None, Some(_)) => {
                Some("there is a key, and no \"certificate_pem\" for it")
            }
            (None, None, None, None) => Some(
                "there is no certificate: write \"certificate\" and \"key\", the paths of two files",
            ),
            _ => Some(
                "a certificate is in a file or in memory: write \"certificate\" and \"key\", or \
                 \"certificate_pem\" and \"key_pem\"",
            ),
        }
    }

    pub(in crate::config) fn tls(&self) -> Tls {
        match (&self.certificate_pem, &self.key_pem) {
            (Some(certificate), Some(key)) => Tls::from_pem(&*certificate.text, &*key.text),
            _ => {
                let (certificate, key) = self.files();
                Tls::new(certificate, key)
            }
        }
    }

    fn add_to(&self, tls: Tls) -> Tls {
        match (&self.certificate_pem, &self.key_pem) {
            (Some(certificate), Some(key)) => tls.certificate_pem(&*certificate.text, &*key.text),
            _ => {
                let (certificate, key) = self.files();
                tls.certificate(certificate, key)
            }
        }
    }

    fn files(&self) -> (PathBuf, PathBuf) {
        let path = |path: &Option<PathBuf>| path.clone().unwrap_or_default();
        (path(&self.certificate), path(&self.key))
    }
}

impl Section for CertificateSection {
    const NAME: &'static str = "a certificate";

    fn new() -> Self {
        Self { certificate: None, key: None, certificate_pem: None, key_pem: None }
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        keys.key("certificate", IfWritten(FilePath), &mut self.certificate);
        keys.key("key", IfWritten(FilePath), &mut self.key);
        keys.key("certificate_pem", IfWritten(Secret), &mut self.certificate_pem);
        keys.key("key_pem", IfWritten(Secret), &mut self.key_pem);
    }
}
