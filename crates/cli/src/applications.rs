//! What a file may put on paths: the applications and pages that are built in.

use aerys::Config;

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
}
