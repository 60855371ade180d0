//! One tab with the chat in it, as somebody sits before it.

use fantoccini::{Locator, wd::WindowHandle};
use serde_json::Value;

use crate::{devtools::DevTools, driver::Browser};

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

    /// The page names this room, where it has the place to, and in its list.
    pub(crate) async fn is_in(&self, room: &str) {
        self.sees(&format!(r#"//*[@id="room-title" and .="{room}"]"#)).await;
        let here = format!(r#"//*[@id="rooms"]//a[@aria-current="page" and *[1]="{room}"]"#);
        self.sees(&here).await;
        assert_eq!(self.count(r#"//*[@id="rooms"]//*[@aria-current]"#).await, 1);
    }

    /// Just these rooms, with so many people.
    pub(crate) async fn lists(&self, rooms: &[(&str, usize)]) {
        let rows = rooms.iter().enumerate().map(|(at, (name, count))| {
            let at = at + 1;
            format!(r#" and li[{at}]/a[*[1]="{name}" and *[2]="{count}"]"#)
        });
        let rows = rows.collect::<String>();
        self.sees(&format!(r#"//*[@id="room-list" and count(li)={}{rows}]"#, rooms.len())).await;
    }

    pub(crate) async fn makes_room(&self, name: &str) {
        self.look().await;
        let input = self.browser.find(r#"//*[@id="room-name"]"#).await;
        input.clear().await.unwrap();
        input.send_keys(name).await.unwrap();
        self.browser.find(r#"//*[@id="room-form"]/button"#).await.click().await.unwrap();
    }

    pub(crate) async fn is_complained_to_of_the_room(&self, words: &str) {
        self.sees(&format!(r#"//*[@id="room-problem" and starts-with(., "{words}")]"#)).await;
    }

    pub(crate) async fn address(&self) -> String {
        self.look().await;
        self.browser.client().current_url().await.unwrap().into()
    }

    pub(crate) async fn types(&self, text: &str) {
        self.look().await;
        self.browser.find(r#"//*[@id="text"]"#).await.send_keys(text).await.unwrap();
    }

    /// What is in the box below.
    pub(crate) async fn draft(&self) -> String {
        self.run("return document.getElementById('text').value").await.as_str().unwrap().to_owned()
    }

    /// On a keyboard, wherever the focus is.
    pub(crate) async fn presses(&self, keys: &str) {
        self.look().await;
        self.browser.client().active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Until the focus is at this room of the list.
    pub(crate) async fn presses_until_at(&self, room: &str, keys: &str) {
        for _ in 0..20 {
            self.presses(keys).await;
            let at = self.run("return document.activeElement.title").await;
            if at == room {
                return;
            }
        }
        panic!("{room} is not reached");
    }

    pub(crate) async fn clicks(&self, id: &str) {
        self.look().await;
        self.browser.find(&format!(r#"//*[@id="{id}"]"#)).await.click().await.unwrap();
    }

    pub(crate) async fn shows(&self, id: &str) -> bool {
        self.look().await;
        let element = self.browser.find(&format!(r#"//*[@id="{id}"]"#)).await;
        element.is_displayed().await.unwrap()
    }

    /// Has the page be somewhere else than in this window.
    pub(crate) async fn emulates(&self, device: DevTools) {
        self.look().await;
        self.browser.client().issue_cmd(device).await.unwrap();
    }

    /// By how many pixels the page is wider than its window.
    pub(crate) async fn overflow(&self) -> i64 {
        let width = "return document.documentElement.scrollWidth - innerWidth";
        self.run(width).await.as_i64().expect("a number").max(0)
    }

    async fn run(&self, script: &str) -> Value {
        self.look().await;
        self.browser.client().execute(script, Vec::new()).await.unwrap()
    }

    pub(crate) async fn picture(&self) -> Vec<u8> {
        self.look().await;
        self.browser.client().screenshot().await.unwrap()
    }

    /// How many elements of the page the XPath finds now.
    pub(crate) async fn count(&self, xpath: &str) -> usize {
        self.look().await;
        let found = self.browser.client().find_all(Locator::XPath(xpath)).await;
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
