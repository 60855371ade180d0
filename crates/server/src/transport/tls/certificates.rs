//! The certificates of a listener, which may change while it listens.

use std::{collections::HashMap, fmt, sync::Arc};

use arc_swap::ArcSwap;
use rustls::{
    crypto::CryptoProvider,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::certificate::{Certificate, Contents, Source};
use crate::{
    error::CertificateError,
    sync::{Mutex, Rank},
};

pub(crate) struct Certificates {
    provider: Arc<CryptoProvider>,
    /// One look at the disk at a time; each pair with what it was when it was looked at last.
    pairs: Mutex<Option<Vec<Pair>>>,
    now: ArcSwap<Chosen>,
}

/// A certificate with its key, where they are and what was read there.
struct Pair {
    source: Source,
    contents: Contents,
    certificate: Certificate,
    /// What was there at the last look, and does not fit. It is told of once.
    refused: Option<Contents>,
}

/// Which key is shown to whom.
struct Chosen {
    by_name: HashMap<String, Arc<CertifiedKey>>,
    /// To whom asks for none of the names, or for none at all.
    default: Arc<CertifiedKey>,
}

/// What came of another look at the disk.
#[derive(Default)]
pub(crate) struct Reloaded {
    /// How many pairs are new.
    pub(crate) changed: usize,
    /// What does not fit; what was there before stays.
    pub(crate) refused: Vec<CertificateError>,
}

impl Certificates {
    pub(super) fn read(
        sources: Vec<Source>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, CertificateError> {
        let pair = |source: Source| {
            let contents = source.read()?;
            let certificate = source.parse(&contents, provider)?;
            Ok(Pair { source, contents, certificate, refused: None })
        };
        let pairs = sources.into_iter().map(pair).collect::<Result<Vec<_>, _>>()?;
        let now = ArcSwap::from_pointee(Chosen::of(&pairs));
        let pairs = Mutex::new(Rank::Leaf, Some(pairs));
        Ok(Self { provider: Arc::clone(provider), pairs, now })
    }

    /// Looks whether there are other certificates now. Connections that are open keep what they have; those
    /// that come get what fits, and else what was there before. What does not fit is told of once, or again if
    /// it `is_asked` for. Reads files, and blocks for as long.
    pub(super) fn reload(&self, is_asked: bool) -> Reloaded {
        let mut reloaded = Reloaded::default();
        let taken = self.pairs.lock().take();
        // Somebody else is at it.
        let Some(mut pairs) = taken else { return reloaded };
        for pair in &mut pairs {
            if is_asked {
                pair.refused = None;
            }
            match pair.look(&self.provider) {
                Ok(changed) => reloaded.changed += usize::from(changed),
                Err(error) => reloaded.refused.push(error),
            }
        }
        if reloaded.changed > 0 {
            self.now.store(Arc::new(Chosen::of(&pairs)));
        }
        *self.pairs.lock() = Some(pairs);
        reloaded
    }
}

impl Pair {
    /// Answers whether there was something new.
    fn look(&mut self, provider: &CryptoProvider) -> Result<bool, CertificateError> {
        let contents = self.source.read()?;
        if contents == self.contents || self.refused.as_ref() == Some(&contents) {
            return Ok(false);
        }
        match self.source.parse(&contents, provider) {
            Ok(certificate) => {
                self.certificate = certificate;
                self.contents = contents;
                self.refused = None;
                Ok(true)
            }
            Err(error) => {
                self.refused = Some(contents);
                Err(error)
            }
        }
    }
}

impl Chosen {
    /// Of several for one name, the first.
    fn of(pairs: &[Pair]) -> Self {
        let mut by_name = HashMap::new();
        for pair in pairs {
            for name in &pair.certificate.names {
                by_name.entry(name.clone()).or_insert_with(|| Arc::clone(&pair.certificate.key));
            }
        }
        Self { by_name, default: Arc::clone(&pairs[0].certificate.key) }
    }

    fn key(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        let named = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            // RFC 6125 §6.4.3: a wildcard stands for one label, the first.
            let wildcard = || self.by_name.get(&format!("*.{}", name.split_once('.')?.1));
            self.by_name.get(&name).or_else(wildcard)
        });
        Arc::clone(named.unwrap_or(&self.default))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.now.load().key(hello.server_name()))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}
