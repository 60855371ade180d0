//! How a program makes the bus that a file asks for.

use std::{error::Error, fmt, path::PathBuf, sync::Arc};

use crate::cluster::Bus;

/// What a file says of a bus (`[cluster]`), for [`Config::bus`](super::Config::bus).
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BusSettings {
    /// `nats`: the servers, one at least unless the list is empty.
    pub servers: Vec<String>,
    /// What subjects begin with.
    pub prefix: String,
    /// Who it is that connects.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// What it shows in place of both.
    pub token: Option<String>,
    /// A file with a JWT and its key.
    pub credentials: Option<PathBuf>,
    /// A file with authorities, as PEM.
    pub root_certificates: Option<PathBuf>,
    /// A file with a certificate to show, as PEM.
    pub certificate: Option<PathBuf>,
    /// A file with its key.
    pub key: Option<PathBuf>,
}

type MakeBus =
    dyn Fn(&BusSettings) -> Result<Box<dyn Bus>, Box<dyn Error + Send + Sync>> + Send + Sync;

/// What makes a bus, if the program has anything that does.
#[derive(Clone, Default)]
pub(super) struct Buses(Option<Arc<MakeBus>>);

impl Buses {
    pub(super) fn new<B, E>(
        make: impl Fn(&BusSettings) -> Result<B, E> + Send + Sync + 'static,
    ) -> Self
    where
        B: Bus,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self(Some(Arc::new(move |settings| match make(settings) {
            Ok(bus) => Ok(Box::new(bus)),
            Err(error) => Err(error.into()),
        })))
    }

    /// One, or in one sentence why there is none.
    pub(super) fn make(&self, settings: &BusSettings) -> Result<Box<dyn Bus>, String> {
        let Some(make) = &self.0 else {
            return Err("this program has no bus, and is a node of no cluster".to_owned());
        };
        make(settings).map_err(|error| error.to_string())
    }
}

/// Without what is secret.
impl fmt::Debug for BusSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusSettings")
            .field("servers", &self.servers)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
