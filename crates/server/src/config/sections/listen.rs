//! `[[listen]]`: where a server listens, and what is spoken there.

use std::{borrow::Cow, path::PathBuf};

use super::TlsSection;
use crate::{
    config::{
        format::{
            Count, FilePath, Flag, Format, Mode, OneOf, OrFalse, Reading, Value, Wrong, quoted,
        },
        keys::{Keys, Placed, Section},
    },
    transport::{Forwarded, ForwardedHeader, Listener},
};

#[derive(Debug)]
pub(in crate::config) struct ListenSection {
    pub(in crate::config) address: String,
    /// Of a Unix socket, and so is the owner.
    pub(in crate::config) mode: Option<u32>,
    pub(in crate::config) owner: Option<Placed<OwnerSection>>,
    pub(in crate::config) reuse_port: bool,
    pub(in crate::config) tls: Option<Placed<TlsSection>>,
    http2_prior_knowledge: bool,
    pub(in crate::config) proxy_protocol: bool,
    forwarded: Placed<ForwardedSection>,
    pub(in crate::config) redirect_to_https: Option<u16>,
    pub(in crate::config) acme_webroot: Option<PathBuf>,
    metrics: bool,
}

impl ListenSection {
    /// The one that there is where a file has none.
    pub(in crate::config) fn usual() -> Self {
        Self { address: "127.0.0.1:1337".to_owned(), ..Self::new() }
    }

    pub(in crate::config) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Whether nobody else can listen there: port 0 is a free one for each.
    pub(in crate::config) fn is_fixed(&self) -> bool {
        let is_any = self.address.ends_with(":0") && !self.address.starts_with("systemd:");
        !self.address.is_empty() && !is_any
    }

    pub(in crate::config) fn is_unix(&self) -> bool {
        self.address.starts_with("unix:")
    }

    pub(in crate::config) fn is_passed(&self) -> bool {
        self.address.starts_with("systemd:")
    }

    pub(in crate::config) fn listener(&self) -> Listener {
        let mut listener = Listener::from(&*self.address);
        #[cfg(unix)]
        if let Some(path) = self.address.strip_prefix("unix:") {
            listener = Listener::unix(path);
            if let Some(mode) = self.mode {
                listener = listener.mode(mode);
            }
            if let Some(owner) = &self.owner {
                listener = listener.owner(owner.user, owner.group);
            }
        }
        if self.reuse_port {
            listener = listener.reuse_port();
        }
        if let Some(tls) = &self.tls {
            listener = listener.tls(tls.tls());
        }
        if self.http2_prior_knowledge {
            listener = listener.http2_prior_knowledge();
        }
        if self.proxy_protocol {
            listener = listener.proxy_protocol();
        }
        if let Some(port) = self.redirect_to_https {
            listener = listener.redirect_to_https(port);
        }
        if let Some(webroot) = &self.acme_webroot {
            listener = listener.acme_webroot(webroot);
        }
        if self.metrics {
            listener = listener.metrics();
        }
        listener.forwarded(self.forwarded.0)
    }
}

impl Section for ListenSection {
    const NAME: &'static str = "a listener";
    const SHORT: Option<&'static str> = Some("address");

    fn new() -> Self {
        Self {
            address: String::new(),
            mode: None,
            owner: None,
            reuse_port: false,
            tls: None,
            http2_prior_knowledge: false,
            proxy_protocol: false,
            forwarded: Placed::new(),
            redirect_to_https: None,
            acme_webroot: None,
            metrics: false,
        }
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        keys.required("address", Address, &mut self.address);
        keys.key("reuse_port", Flag, &mut self.reuse_port);
        keys.key("mode", OrFalse(Mode), &mut self.mode);
        keys.key("http2_prior_knowledge", Flag, &mut self.http2_prior_knowledge);
        keys.key("proxy_protocol", Flag, &mut self.proxy_protocol);
        let port = Count(1..=u16::MAX.into());
        keys.key("redirect_to_https", OrFalse(port), &mut self.redirect_to_https);
        keys.key("acme_webroot", OrFalse(FilePath), &mut self.acme_webroot);
        keys.key("metrics", Flag, &mut self.metrics);
        keys.section("forwarded", &mut self.forwarded);
        keys.optional("owner", &mut self.owner);
        keys.optional("tls", &mut self.tls);
    }
}

/// An address as `Listener` takes it.
struct Address;

impl Format<String> for Address {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<String, Wrong> {
        let text = reading.text(value)?;
        Listener::parse(&text).map(drop).map_err(|_| Wrong::Unexpected)?;
        Ok(match text.strip_prefix("unix:") {
            Some("") => return Err(Wrong::Unexpected),
            Some(path) => format!("unix:{}", reading.folder.join(path).display()),
            None => text,
        })
    }

    fn write(&self, value: &String) -> Option<String> {
        Some(quoted(value))
    }

    fn expected(&self) -> Cow<'static, str> {
        "an IP address and a port, as in \"127.0.0.1:8080\" or \"[::1]:8080\", or \"unix:/path\", or \
         \"systemd:0\""
            .into()
    }
}

/// Whose the file of a Unix socket is.
#[derive(Debug)]
pub(in crate::config) struct OwnerSection {
    user: Option<u32>,
    group: Option<u32>,
}

impl Section for OwnerSection {
    const NAME: &'static str = "an owner";

    fn new() -> Self {
        Self { user: None, group: None }
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        keys.key("user", OrFalse(Count::ANY), &mut self.user);
        keys.key("group", OrFalse(Count::ANY), &mut self.group);
    }
}

/// What is believed of a trusted proxy.
#[derive(Debug)]
struct ForwardedSection(Forwarded);

impl Section for ForwardedSection {
    const NAME: &'static str = "forwarded";
    const SHORT: Option<&'static str> = Some("header");

    fn new() -> Self {
        Self(Forwarded::default())
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        let header = OneOf(&[
            ("X-Forwarded-For", ForwardedHeader::XForwardedFor),
            ("Forwarded", ForwardedHeader::Forwarded),
        ]);
        keys.key("header", header, &mut self.0.header);
        keys.key("scheme", Flag, &mut self.0.scheme);
        keys.key("host", Flag, &mut self.0.host);
    }
}
