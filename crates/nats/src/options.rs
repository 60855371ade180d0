//! What can be set of a bus.

use std::{fmt, path::PathBuf, sync::Arc};

use async_nats::ServerAddr;

use crate::{NatsError, shared::Shared};

/// What may wait to be written, in bytes.
const MAX_QUEUED_BYTES: usize = 16 << 20;

/// What may wait to be taken in, in bytes.
const MAX_UNREAD_BYTES: usize = 16 << 20;

/// A [bus](aerys::Bus) of NATS, for one node.
pub struct NatsBus {
    pub(crate) options: Options,
    pub(crate) shared: Arc<Shared>,
}

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) servers: Vec<ServerAddr>,
    pub(crate) prefix: String,
    pub(crate) secret: Option<Secret>,
    pub(crate) credentials: Option<PathBuf>,
    pub(crate) roots: Vec<PathBuf>,
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    pub(crate) max_queued_bytes: usize,
    pub(crate) max_unread_bytes: usize,
}

/// Who it is that connects, unless an address says so.
#[derive(Clone)]
pub(crate) enum Secret {
    Password { user: String, password: String },
    Token(String),
}

impl NatsBus {
    /// On any of these servers, which are tried in turn: `nats://`, or `tls://` if it has to be within TLS, with a user and
    /// a password (`nats://user:password@host`), or a token (`nats://token@host`), if there are such.
    ///
    /// # Errors
    ///
    /// If there is none, or one is no address.
    pub fn new(servers: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, NatsError> {
        let parse = |server: &str| {
            // What may be secret is not shown.
            let given = || server.rsplit('@').next().unwrap_or_default().to_owned();
            let address: Option<ServerAddr> = server.parse().ok();
            let is_one =
                |it: &ServerAddr| !it.host().is_empty() && ["nats", "tls"].contains(&it.scheme());
            address.filter(is_one).ok_or_else(|| NatsError::Address { given: given() })
        };
        let servers = servers.into_iter().map(|server| parse(server.as_ref()));
        let servers = servers.collect::<Result<Vec<ServerAddr>, _>>()?;
        if servers.is_empty() {
            return Err(NatsError::NoServer);
        }
        let options = Options {
            servers,
            prefix: "aerys".to_owned(),
            secret: None,
            credentials: None,
            roots: Vec::new(),
            identity: None,
            max_queued_bytes: MAX_QUEUED_BYTES,
            max_unread_bytes: MAX_UNREAD_BYTES,
        };
        Ok(Self { options, shared: Arc::default() })
    }

    /// What all subjects begin with: clusters that share a server, and are none of each other, have others. Default
    /// `aerys`.
    ///
    /// # Errors
    ///
    /// If no subject can begin so.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Result<Self, NatsError> {
        let prefix = prefix.into();
        let is_allowed = |it: char| it.is_ascii_alphanumeric() || "-_".contains(it);
        if prefix.split('.').any(|part| part.is_empty() || !part.chars().all(is_allowed)) {
            return Err(NatsError::Prefix { given: prefix });
        }
        self.options.prefix = prefix;
        Ok(self)
    }

    /// Who it is that connects to servers whose address does not say it.
    pub fn user_and_password(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.options.secret =
            Some(Secret::Password { user: user.into(), password: password.into() });
        self
    }

    /// What is shown to servers whose address says nothing, in place of a user and a password.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.options.secret = Some(Secret::Token(token.into()));
        self
    }

    /// A file with a JWT and its key, as `nsc` writes it (`.creds`). It is read for each connection.
    pub fn credentials_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.options.credentials = Some(file.into());
        self
    }

    /// Authorities that the server's certificate may be of, as PEM, beside those of the system. May be called several
    /// times.
    pub fn root_certificates(mut self, file: impl Into<PathBuf>) -> Self {
        self.options.roots.push(file.into());
        self
    }

    /// A certificate to show to the server, and its key, as PEM.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.options.identity = Some((certificate.into(), key.into()));
        self
    }

    /// How many bytes may wait to be written, each message counting 64 beside what it has; more is refused
    /// ([`NotQueued::Full`](aerys::NotQueued::Full)). Default 16 MiB.
    pub fn max_queued_bytes(mut self, bytes: usize) -> Self {
        self.options.max_queued_bytes = bytes;
        self
    }

    /// How many bytes of other nodes may wait to be taken in by this one, each message counting 128 beside what it has;
    /// more is dropped, and counted ([`BusLosses::unread`](aerys::BusLosses::unread)). Default 16 MiB.
    pub fn max_unread_bytes(mut self, bytes: usize) -> Self {
        self.options.max_unread_bytes = bytes;
        self
    }
}

/// Without what is secret.
impl fmt::Debug for NatsBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.options.servers.iter().map(shown).collect();
        f.debug_struct("NatsBus")
            .field("servers", &servers)
            .field("prefix", &self.options.prefix)
            .finish_non_exhaustive()
    }
}

pub(crate) fn shown(server: &ServerAddr) -> String {
    format!("{}:{}", server.host(), server.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_and_no_secret_shown() {
        let none: [&str; 0] = [];
        assert_eq!(NatsBus::new(none).err(), Some(NatsError::NoServer));
        for given in ["", "nats://", "http://localhost", "nats://user:secret@"] {
            let error = NatsBus::new([given]).expect_err(given).to_string();
            assert!(error.contains("no address") && !error.contains("secret"), "{error}");
        }
        for prefix in ["", "a b", ".", "a.", "a..b", "a.*", ">", "ä"] {
            let bus = NatsBus::new(["localhost"]).unwrap();
            assert_eq!(bus.prefix(prefix).err(), Some(NatsError::Prefix { given: prefix.into() }));
        }
        let bus =
            NatsBus::new(["nats://user:secret@localhost"]).unwrap().prefix("a.b-c_1").unwrap();
        let shown = format!("{bus:?}");
        assert!(shown.contains("localhost:4222") && !shown.contains("secret"), "{shown}");
    }
}
