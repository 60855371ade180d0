//! All of a file.

use super::{
    AdminSection, ClusterSection, DrainSection, HostSection, LimitsSection, ListenSection, Log,
};
use crate::{
    config::{
        format::{Count, Many, OrAuto, Valid},
        keys::{Keys, Placed, Section},
    },
    http_server::TrustedProxies,
};

#[derive(Debug)]
pub(in crate::config) struct Top {
    /// `None` for one for each core.
    pub(in crate::config) workers: Option<usize>,
    pub(in crate::config) trusted_proxies: Vec<String>,
    /// `None` for nowhere.
    pub(in crate::config) admin: Option<Placed<AdminSection>>,
    /// `None` for none.
    pub(in crate::config) cluster: Option<Placed<ClusterSection>>,
    pub(in crate::config) log: Placed<Log>,
    pub(in crate::config) limits: Placed<LimitsSection>,
    pub(in crate::config) drain: Placed<DrainSection>,
    pub(in crate::config) listeners: Vec<Placed<ListenSection>>,
    pub(in crate::config) hosts: Vec<Placed<HostSection>>,
}

impl Section for Top {
    const NAME: &'static str = "the file";

    fn new() -> Self {
        Self {
            workers: None,
            trusted_proxies: Vec::new(),
            admin: None,
            cluster: None,
            log: Placed::new(),
            limits: Placed::new(),
            drain: Placed::new(),
            listeners: Vec::new(),
            hosts: Vec::new(),
        }
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        let proxy = Valid("an IP address, a network or \"unix:\"", |given| {
            let parsed = TrustedProxies::parse(&[given.to_owned()]);
            parsed.map(drop).map_err(|error| error.to_string())
        });
        keys.key("workers", OrAuto(Count(1..=u16::MAX.into())), &mut self.workers);
        keys.key("trusted_proxies", Many(proxy), &mut self.trusted_proxies);
        keys.section("log", &mut self.log);
        keys.section("limits", &mut self.limits);
        keys.section("drain", &mut self.drain);
        keys.optional("admin", &mut self.admin);
        keys.optional("cluster", &mut self.cluster);
        keys.sections("listen", &mut self.listeners);
        keys.sections("host", &mut self.hosts);
    }
}
