//! A server with an admin page, and somebody who sits before that.

use std::fs;

use fantoccini::{
    actions::{InputSource, KeyAction, KeyActions},
    elements::Element,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    common::{
        server::{Server, aerys},
        soon,
    },
    driver::Browser,
};

pub(super) const TOKEN: &str = "the-token_of.this~test";

/// A server, its file, and where it says that its page is.
pub(super) struct Site {
    pub(super) server: Server,
    folder: TempDir,
    pub(super) page: String,
}

impl Site {
    /// One that echoes, with a page on any free port, and a token that nobody has chosen if there is none.
    pub(super) async fn serve(token: Option<&str>) -> Self {
        Self::serve_on("127.0.0.1:0", token).await
    }

    pub(super) async fn serve_on(page: &str, token: Option<&str>) -> Self {
        let token = token.map_or_else(String::new, |token| format!("token = '{token}'\n"));
        Self::of(&format!(
            "workers = 2\n[admin]\npage = '{page}'\n{token}[[listen]]\naddress = '127.0.0.1:0'\n\
             [[host]]\nname = 'localhost'\n[[host.websocket]]\npath = '/echo'\napplication = 'echo'\n"
        ))
        .await
    }

    pub(super) async fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("aerys.toml");
        fs::write(&file, text).unwrap();
        let mut server = Server::spawn(&mut aerys(&["-c", file.to_str().unwrap()])).await;
        let line = server.line().await;
        let page = line.strip_prefix("Admin page on ").expect("where its page is").to_owned();
        Self { server, folder, page }
    }

    pub(super) fn write(&self, text: &str) {
        fs::write(self.folder.path().join("aerys.toml"), text).unwrap();
    }
}

pub(super) struct Operator<'b>(&'b Browser);

impl<'b> Operator<'b> {
    /// Opens the page in a tab of its own.
    pub(super) async fn open(browser: &'b Browser, url: &str) -> Self {
        let window = browser.client().new_window(true).await.unwrap().handle;
        browser.client().switch_to_window(window).await.unwrap();
        browser.client().goto(url).await.unwrap();
        Self(browser)
    }

    pub(super) async fn sees_overview(&self) {
        self.sees("//*[@id='connection' and @data-state='connected' and .='Connected']").await;
        self.sees("//*[@id='overview' and not(@hidden)]//*[@id='state' and .='Ready']").await;
    }

    pub(super) async fn sees(&self, xpath: &str) -> Element {
        self.0.find(xpath).await
    }

    pub(super) async fn text(&self, xpath: &str) -> String {
        self.sees(xpath).await.text().await.unwrap()
    }

    pub(super) async fn attribute(&self, xpath: &str, name: &str) -> String {
        self.sees(xpath).await.attr(name).await.unwrap().unwrap_or_default()
    }

    /// Presses what it sees; something that moves meanwhile is looked for anew.
    pub(super) async fn click(&self, xpath: &str) {
        let clicking = async { while self.sees(xpath).await.click().await.is_err() {} };
        soon(xpath, clicking).await;
    }

    /// Writes in place of what stands there.
    pub(super) async fn write(&self, xpath: &str, text: &str) {
        let field = self.sees(xpath).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses keys, wherever the focus is.
    pub(super) async fn keys(&self, keys: &str) {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for value in keys.chars().map(|key| if key == '\n' { '\u{e007}' } else { key }) {
            actions = actions.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        }
        self.0.client().perform_actions(actions).await.unwrap();
    }

    /// Presses Tab until this is true of the page.
    pub(super) async fn tabs_to(&self, script: &str) {
        for _ in 0..60 {
            self.keys("\u{e004}").await;
            let script = format!("return Boolean({script})");
            if self.0.client().execute(&script, Vec::new()).await.unwrap() == true {
                return;
            }
        }
        panic!("{script}: the focus does not get there");
    }

    pub(super) async fn is_as_wide_as(&self, width: u32) {
        self.is_as_large_as(width, 740).await;
    }

    pub(super) async fn is_as_large_as(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.0.tell("Emulation.setDeviceMetricsOverride", size).await;
    }

    pub(super) async fn likes(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.0.tell("Emulation.setEmulatedMedia", features).await;
    }

    /// Whether nothing is beyond the right edge.
    pub(super) async fn fits(&self) -> bool {
        let script = "return document.documentElement.scrollWidth <= innerWidth \
                      && [...document.querySelectorAll('body *')].every((it) => \
                      it.closest('.plot details, .spoken, [hidden], thead') || it.getBoundingClientRect().right <= innerWidth + 1)";
        self.0.client().execute(script, Vec::new()).await.unwrap() == true
    }

    /// What those hear who do not see it: roles and names, in order.
    pub(super) async fn accessibility(&self) -> Vec<(String, String)> {
        let tree = self.0.tell("Accessibility.getFullAXTree", json!({})).await;
        let nodes = tree["nodes"].as_array().expect("nodes").iter();
        let of =
            |node: &Value, key: &str| node[key]["value"].as_str().unwrap_or_default().to_owned();
        nodes
            .filter(|node| node["ignored"] == false)
            .map(|node| (of(node, "role"), of(node, "name")))
            .collect()
    }

    pub(super) async fn picture(&self) -> Vec<u8> {
        self.0.client().screenshot().await.unwrap()
    }
}
