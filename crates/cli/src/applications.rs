//! What a file may put on paths: the applications and pages that are built in.

use aerys::{BusSettings, Config};
use aerys_nats::{NatsBus, NatsError};

use crate::{
    broadcast::Broadcast,
    chat::{self, Chats},
    echo::Echo,
    page::Page,
};

/// A file with everything that the binary has without one, and every key with its default.
pub(crate) const DEFAULTS: &str = include_str!("../defaults.toml");

pub(crate) fn register(config: Config) -> Config {
    let chats = Chats::default();
    config
        .application_with("chat", move || chats.application())
        .default_options("chat", chat::options())
        .application_with("echo", || Echo)
        .application_with("broadcast", || Broadcast)
        .service("chat-page", Page::new())
        .bus(bus)
}

/// The bus that a file asks for.
fn bus(settings: &BusSettings) -> Result<NatsBus, NatsError> {
    let BusSettings { servers, prefix, user, password, token, .. } = settings;
    let BusSettings { credentials, root_certificates, certificate, key, .. } = settings;
    let mut bus = NatsBus::new(servers)?.prefix(prefix)?;
    if let (Some(user), Some(password)) = (user, password) {
        bus = bus.user_and_password(user, password);
    }
    if let Some(token) = token {
        bus = bus.token(token);
    }
    if let Some(file) = credentials {
        bus = bus.credentials_file(file);
    }
    if let Some(file) = root_certificates {
        bus = bus.root_certificates(file);
    }
    if let (Some(certificate), Some(key)) = (certificate, key) {
        bus = bus.client_certificate(certificate, key);
    }
    Ok(bus)
}
