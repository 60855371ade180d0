//! A headless Chromium in which scripts are run, and which is never left behind.

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{program::Program, stage::soon};

pub(crate) struct Browser {
    client: Client,
    _driver: Program,
    _profile: TempDir,
}

impl Browser {
    /// One that shows this page.
    pub(crate) async fn at(page: &str) -> Self {
        let mut command = Command::new("chromedriver");
        let missing = "These tests need a browser: apt-get install chromium chromium-driver";
        let mut driver = Program::start(command.arg("--port=0"), missing);
        let port = loop {
            // `ChromeDriver was started successfully on port 12345.`
            let line = driver.line().await;
            let port = line.strip_suffix('.').and_then(|line| line.rsplit_once(" port "));
            if let Some((_, port)) = port.filter(|(line, _)| line.contains("successfully")) {
                break port.to_owned();
            }
        };
        let profile = tempfile::tempdir().unwrap();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let capabilities = json!({ "goog:chromeOptions": { "args": arguments(&profile) } });
        builder.capabilities(serde_json::from_value(capabilities).expect("an object"));
        let client = soon(builder.connect(&format!("http://127.0.0.1:{port}"))).await;
        let client = client.expect("Chromium starts");
        soon(client.goto(page)).await.expect("the page is there");
        Self { client, _driver: driver, _profile: profile }
    }

    /// What this body of an asynchronous function answers, or the error that it throws.
    pub(crate) async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        let script = format!(
            "const given = [...arguments];
             const done = given.pop();
             (async () => {{ {script} }})().then(done, (error) => done(`${{error}}`));"
        );
        soon(self.client.execute_async(&script, arguments)).await.expect("the script runs")
    }

    pub(crate) async fn close(self) {
        soon(self.client.close()).await.expect("Chromium ends");
    }
}

fn arguments(profile: &TempDir) -> Vec<String> {
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--no-proxy-server",
    ];
    let profile = format!("--user-data-dir={}", profile.path().display());
    arguments.into_iter().map(str::to_owned).chain([profile]).collect()
}
