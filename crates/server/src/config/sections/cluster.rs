//! `[cluster]`: the bus by which this server is a node.

use std::{path::PathBuf, time::Duration};

use crate::config::{
    BusSettings,
    format::{FilePath, Many, OrFalse, Period, Secret, SecretText, Text, Valid},
    keys::{Keys, Section},
};

#[derive(Debug)]
pub(in crate::config) struct ClusterSection {
    nats: Vec<String>,
    prefix: String,
    user: Option<String>,
    password: Option<SecretText>,
    token: Option<SecretText>,
    credentials: Option<PathBuf>,
    root_certificates: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    pub(in crate::config) lease: Duration,
}

impl ClusterSection {
    pub(in crate::config) fn settings(&self) -> BusSettings {
        let text = |secret: &Option<SecretText>| secret.as_ref().map(|it| it.text.clone());
        BusSettings {
            servers: self.nats.clone(),
            prefix: self.prefix.clone(),
            user: self.user.clone(),
            password: text(&self.password),
            token: text(&self.token),
            credentials: self.credentials.clone(),
            root_certificates: self.root_certificates.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone(),
        }
    }

    /// What is only half there, and where.
    pub(in crate::config) fn complaint(&self) -> Option<(&'static str, &'static str)> {
        let Self { user, password, token, certificate, key, .. } = self;
        match (user.is_some(), password.is_some(), token.is_some()) {
            (true, false, _) => return Some(("user", "there is a \"user\", and no \"password\"")),
            (false, true, _) => {
                return Some(("password", "there is a \"password\", and no \"user\""));
            }
            (true, true, true) => {
                return Some(("token", "write a \"user\" and a \"password\", or a \"token\""));
            }
            _ => {}
        }
        match (certificate.is_some(), key.is_some()) {
            (true, false) => Some(("certificate", "there is a certificate, and no \"key\" for it")),
            (false, true) => Some(("key", "there is a key, and no \"certificate\" for it")),
            _ => None,
        }
    }
}

impl Section for ClusterSection {
    const NAME: &'static str = "[cluster]";
    const SHORT: Option<&'static str> = Some("nats");

    fn new() -> Self {
        Self {
            nats: Vec::new(),
            prefix: "aerys".to_owned(),
            user: None,
            password: None,
            token: None,
            credentials: None,
            root_certificates: None,
            certificate: None,
            key: None,
            lease: Duration::from_secs(15),
        }
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        let server = Valid("a server such as \"nats://10.0.0.7:4222\"", |server| {
            let has_secret = server.contains('@');
            let sentence =
                "who it is that connects is said by \"user\" and \"password\", or by \"token\"";
            if has_secret { Err(sentence.to_owned()) } else { Ok(()) }
        });
        keys.required("nats", Many(server), &mut self.nats);
        keys.key("prefix", Text("what subjects begin with"), &mut self.prefix);
        keys.key("user", OrFalse(Text("a name")), &mut self.user);
        keys.key("password", OrFalse(Secret), &mut self.password);
        keys.key("token", OrFalse(Secret), &mut self.token);
        keys.key("credentials", OrFalse(FilePath), &mut self.credentials);
        keys.key("root_certificates", OrFalse(FilePath), &mut self.root_certificates);
        keys.key("certificate", OrFalse(FilePath), &mut self.certificate);
        keys.key("key", OrFalse(FilePath), &mut self.key);
        keys.key("lease", Period::Some, &mut self.lease);
    }
}
