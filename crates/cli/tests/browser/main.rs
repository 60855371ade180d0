//! The chat in a real browser: two tabs, one server, and a server that goes and comes back; rooms; and two nodes of a
//! cluster.
//!
//! `AERYS_SCREENSHOT=docs/chat.png cargo test -p aerys-cli --test browser` keeps a picture of it;
//! the path is taken from the root of the repository.

mod admin;
mod cluster;
#[path = "../common/mod.rs"]
mod common;
mod devtools;
mod driver;
mod entrance;
mod http2;
#[path = "../../../nats/tests/nats/server.rs"]
mod nats;
mod rooms;
mod secure;
mod tab;

use std::{env, fs, path::Path};

use common::server::{Server, aerys};
use driver::Browser;
use tab::Tab;

#[tokio::test]
async fn two_people_chat_and_find_each_other_again_after_the_server_was_away() {
    let server = Server::start(&["--workers", "2"]).await;
    let page = server.page();
    let browser = Browser::start().await;

    let ada = Tab::open(&browser, &page).await;
    ada.join("Ada").await;
    ada.is_told("note", "You joined as Ada. Nobody else is here yet").await;
    ada.counts(1).await;

    let grace = Tab::open(&browser, &page).await;
    grace.join("Grace").await;
    grace.is_told("note", "You joined as Grace. Also here: Ada.").await;
    grace.counts(2).await;
    ada.is_told("joined", "Grace joined").await;
    ada.counts(2).await;

    let others = elsewhere(&browser, &page).await;
    ada.lists(&[("lobby", 2), ("compilers", 2), ("tea", 1)]).await;
    talk(&ada, &grace).await;
    keep(&ada.picture().await);
    for tab in others {
        tab.close().await;
    }
    ada.lists(&[("lobby", 2)]).await;

    let markup = "<img src=x onerror=alert(1)>";
    grace.say(markup).await;
    ada.hears("Grace", markup).await;
    for tab in [&ada, &grace] {
        assert_eq!(tab.count(r#"//*[@id="log"]//img"#).await, 0, "markup from the network");
    }

    grace.close().await;
    ada.is_told("left", "Grace left").await;
    ada.counts(1).await;
    let grace = Tab::open(&browser, &page).await;
    grace.join("Grace").await;
    ada.counts(2).await;
    assert_eq!(browser.errors().await, [""; 0]);

    let address = server.address().to_string();
    server.kill().await;
    ada.is_lost().await;
    grace.is_lost().await;
    let refused = browser.some_errors().await;
    let is_refused = |it: &String| it.contains("/chat'") && it.contains("ERR_CONNECTION_REFUSED");
    assert!(refused.iter().all(is_refused), "{refused:?}");

    let _server = Server::spawn(&mut aerys(&["--listen", &address])).await;
    for tab in [&ada, &grace] {
        tab.is_connected().await;
        tab.counts(2).await;
    }
    ada.is_told("note", "Connected again as Ada.").await;
    grace.is_told("note", "Connected again as Grace.").await;
    ada.say("There you are again.").await;
    grace.hears("Ada", "There you are again.").await;
    grace.say("As if nothing had happened.").await;
    ada.hears("Grace", "As if nothing had happened.").await;

    let errors = browser.errors().await;
    assert!(errors.iter().all(is_refused), "{errors:?}");
    browser.close().await.unwrap();
}

/// In other rooms.
async fn elsewhere<'b>(browser: &'b Browser, page: &str) -> Vec<Tab<'b>> {
    let mut tabs = Vec::new();
    for (room, name) in [("compilers", "Barbara"), ("compilers", "Edsger"), ("tea", "Alan")] {
        let tab = Tab::open(browser, &format!("{page}#{room}")).await;
        tab.join(name).await;
        tabs.push(tab);
    }
    tabs
}

async fn talk(ada: &Tab<'_>, grace: &Tab<'_>) {
    let lines = [
        (ada, grace, "Ada", "Hello, Grace! Are you on the new server already?"),
        (grace, ada, "Grace", "Just started it. One binary, and the page came out of it."),
        (ada, grace, "Ada", "How much code is this room?"),
        (grace, ada, "Grace", "Three methods: on_open, on_data, on_close."),
        (grace, ada, "Grace", "The rest is Aerys."),
        (ada, grace, "Ada", "Lovely. Now restart it: I want to see my tab come back."),
    ];
    for (speaker, listener, name, text) in lines {
        speaker.say(text).await;
        listener.hears(name, text).await;
    }
}

/// Writes the picture to where `AERYS_SCREENSHOT` says, if it says anything.
fn keep(picture: &[u8]) {
    if let Some(path) = env::var_os("AERYS_SCREENSHOT") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
        fs::write(&path, picture).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
