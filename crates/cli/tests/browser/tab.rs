//! One tab with the chat in it, as somebody sits before it.

use fantoccini::wd::WindowHandle;

use crate::driver::Browser;

pub(crate) struct Tab<'b> {
    browser: &'b Browser,
    window: WindowHandle,
}

impl<'b> Tab<'b> {
    /// Opens the page in a new tab.
    pub(crate) async fn open(browser: &'b Browser, page: &str) -> Self {
        let window = browser.client().new_window(true).await.unwrap().handle;
        let tab = Self { browser, window };
        tab.look().await;
        browser.client().goto(page).await.unwrap();
        tab
    }

    pub(crate) async fn close(self) {
        self.look().await;
        self.browser.client().close_window().await.unwrap();
    }

    pub(crate) async fn join(&self, name: &str) {
        self.look().await;
        self.browser.find(r#"//*[@id="name"]"#).await.send_keys(name).await.unwrap();
        self.browser.find(r#"//*[@id="join"]"#).await.click().await.unwrap();
        self.sees(r#"//*[@id="text" and not(@disabled)]"#).await;
    }

    pub(crate) async fn say(&self, text: &str) {
        self.look().await;
        self.browser.find(r#"//*[@id="text"]"#).await.send_keys(text).await.unwrap();
        self.browser.find(r#"//*[@id="send"]"#).await.click().await.unwrap();
        let own = format!(r#"//*[@id="log"]//li[@data-own and .//p[.="{text}"]]"#);
        self.sees(&own).await;
    }

    /// Somebody else has said this.
    pub(crate) async fn hears(&self, name: &str, text: &str) {
        let message = format!(
            r#"//*[@id="log"]//li[@data-kind="said" and not(@data-own) and .//*[.="{name}"] and .//p[.="{text}"]]"#
        );
        self.sees(&message).await;
    }

    /// A line about who came or went: `joined`, `left` or `note`, and what it begins with.
    pub(crate) async fn is_told(&self, kind: &str, words: &str) {
        let line = format!(
            r#"//*[@id="log"]//li[@data-kind="{kind}" and starts-with(normalize-space(), "{words}")]"#
        );
        self.sees(&line).await;
    }

    pub(crate) async fn counts(&self, people: usize) {
        self.sees(&format!(
            r#"//*[@id="people" and not(@hidden)]/*[@id="count" and .="{people}"]"#
        ))
        .await;
    }

    /// The connection is there and one can write.
    pub(crate) async fn is_connected(&self) {
        self.sees(r#"//*[@id="status" and @data-state="connected"]"#).await;
        self.sees(r#"//*[@id="text" and not(@disabled)]"#).await;
        self.sees(r#"//*[@id="lost" and @hidden]"#).await;
    }

    /// The connection is gone, one is told so and cannot write.
    pub(crate) async fn is_lost(&self) {
        self.sees(r#"//*[@id="status" and @data-state="lost"]"#).await;
        self.sees(r#"//*[@id="lost" and not(@hidden)]"#).await;
        self.sees(r#"//*[@id="text" and @disabled]"#).await;
        self.sees(r#"//*[@id="people" and @hidden]/*[@id="count" and .=""]"#).await;
    }

    pub(crate) async fn picture(&self) -> Vec<u8> {
        self.look().await;
        self.browser.client().screenshot().await.unwrap()
    }

    /// How many elements of the page the XPath finds now.
    pub(crate) async fn count(&self, xpath: &str) -> usize {
        self.look().await;
        let found = self.browser.client().find_all(fantoccini::Locator::XPath(xpath)).await;
        found.unwrap().len()
    }

    async fn sees(&self, xpath: &str) {
        self.look().await;
        self.browser.find(xpath).await;
    }

    async fn look(&self) {
        self.browser.client().switch_to_window(self.window.clone()).await.unwrap();
    }
}
