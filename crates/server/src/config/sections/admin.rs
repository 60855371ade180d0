//! `[admin]`: where operators ask.

use std::{borrow::Cow, net::SocketAddr, path::PathBuf};

use super::{TlsSection, host::check_name};
use crate::{
    admin::{AdminPage, complaint},
    config::{
        format::{
            FilePath, Format, Many, Mode, OrFalse, Reading, Secret, SecretText, Valid, Value,
            Wrong, quoted,
        },
        keys::{Keys, Placed, Section},
    },
    transport::Listener,
};

#[derive(Debug)]
pub(in crate::config) struct AdminSection {
    pub(in crate::config) socket: Option<PathBuf>,
    /// Of the socket's file.
    pub(in crate::config) mode: u32,
    /// Where there is a page for browsers.
    pub(in crate::config) page: Option<String>,
    token: Option<SecretText>,
    names: Vec<String>,
    pub(in crate::config) tls: Option<Placed<TlsSection>>,
}

impl AdminSection {
    pub(in crate::config) fn page(&self) -> Option<AdminPage> {
        let mut listener = Listener::from(&**self.page.as_ref()?);
        if let Some(tls) = &self.tls {
            listener = listener.tls(tls.tls());
        }
        let page = self.names.iter().fold(AdminPage::on(listener), AdminPage::name);
        Some(match &self.token {
            Some(token) => page.token(&token.text),
            None => page,
        })
    }

    /// A key that is there and is about the page alone.
    pub(in crate::config) fn is_for_page(&self) -> Option<&'static str> {
        let Self { token, names, tls, .. } = self;
        let keys =
            [("token", token.is_some()), ("names", !names.is_empty()), ("tls", tls.is_some())];
        keys.into_iter().find(|(_, is_there)| *is_there).map(|(key, _)| key)
    }

    /// Whether the page could be reached from other machines, as far as its address tells.
    pub(in crate::config) fn is_outside(&self) -> bool {
        let address = self.page.as_ref().and_then(|it| it.parse::<SocketAddr>().ok());
        address.is_some_and(|it| !it.ip().to_canonical().is_loopback())
    }
}

impl Section for AdminSection {
    const NAME: &'static str = "[admin]";
    const SHORT: Option<&'static str> = Some("socket");

    fn new() -> Self {
        Self { socket: None, mode: 0o600, page: None, token: None, names: Vec::new(), tls: None }
    }

    fn keys(&mut self, keys: &mut impl Keys) {
        keys.key("socket", OrFalse(FilePath), &mut self.socket);
        keys.key("mode", Mode, &mut self.mode);
        keys.key("page", OrFalse(PageAddress), &mut self.page);
        keys.key("token", OrFalse(Token), &mut self.token);
        let name = Valid("a name such as \"admin.mysite.com\"", check_name);
        keys.key("names", Many(name), &mut self.names);
        keys.optional("tls", &mut self.tls);
    }
}

/// Where browsers can get to.
struct PageAddress;

impl Format<String> for PageAddress {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<String, Wrong> {
        let text = reading.text(value)?;
        let is_passed = text.strip_prefix("systemd:").is_some_and(|it| it.parse::<usize>().is_ok());
        if is_passed || text.parse::<SocketAddr>().is_ok() {
            Ok(text)
        } else {
            Err(Wrong::Unexpected)
        }
    }

    fn write(&self, value: &String) -> Option<String> {
        Some(quoted(value))
    }

    fn expected(&self) -> Cow<'static, str> {
        "an IP address and a port, as in \"127.0.0.1:9001\", or \"systemd:0\"".into()
    }
}

/// A secret that would do.
struct Token;

impl Format<SecretText> for Token {
    fn read(&self, value: &Value<'_>, reading: &mut Reading<'_>) -> Result<SecretText, Wrong> {
        let secret = Secret.read(value, reading)?;
        match complaint(&secret.text) {
            Some(problem) => Err(Wrong::Because(format!("the \"token\" {problem}"))),
            None => Ok(secret),
        }
    }

    fn write(&self, value: &SecretText) -> Option<String> {
        Secret.write(value)
    }

    fn expected(&self) -> Cow<'static, str> {
        Format::<SecretText>::expected(&Secret)
    }
}
