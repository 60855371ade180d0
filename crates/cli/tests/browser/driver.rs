//! A headless Chromium, driven over WebDriver, and never left behind.

use std::{io, process::Stdio, time::Duration};

use fantoccini::{
    Client, ClientBuilder,
    elements::Element,
    error::CmdError,
    wd::{Capabilities, Locator, WebDriverCompatibleCommand},
};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    time::sleep,
};
use url::{ParseError, Url};

use crate::common::{PATIENCE, soon};

pub(crate) struct Browser {
    client: Client,
    _driver: Driver,
    _profile: TempDir,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// One that trusts certificates beneath one whose key has this SHA-256, in Base64.
    pub(crate) async fn trusting(pin: &str) -> Self {
        Self::with(&[&format!("--ignore-certificate-errors-spki-list={pin}")]).await
    }

    /// With arguments of its own.
    pub(crate) async fn with(arguments: &[&str]) -> Self {
        let driver = Driver::start().await;
        let profile = tempfile::tempdir().unwrap();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(&profile, arguments));
        let address = format!("http://127.0.0.1:{}", driver.port);
        let client = soon("the browser", builder.connect(&address)).await;
        let client = client.expect("Chromium starts");
        size(&client).await;
        Self { client, _driver: driver, _profile: profile }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The first element that the XPath finds, as soon as there is one.
    pub(crate) async fn find(&self, xpath: &str) -> Element {
        let wait = self.client.wait().at_most(PATIENCE).every(PERIOD);
        let found = wait.for_element(Locator::XPath(xpath)).await;
        found.unwrap_or_else(|error| panic!("{xpath}: {error}"))
    }

    /// What went wrong in the pages since the last time, as their consoles have it.
    pub(crate) async fn errors(&self) -> Vec<String> {
        let entries = self.client.issue_cmd(ConsoleLog).await.expect("a log");
        let entries = entries.as_array().expect("a list of entries").iter();
        entries
            .filter(|entry| entry["level"] == "SEVERE")
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The same, as soon as something has.
    pub(crate) async fn some_errors(&self) -> Vec<String> {
        let errors = async {
            loop {
                match self.errors().await {
                    none if none.is_empty() => sleep(PERIOD).await,
                    some => break some,
                }
            }
        };
        soon("an error in a console", errors).await
    }

    /// Has Chromium do what WebDriver has no word for: a method of its DevTools protocol.
    pub(crate) async fn tell(&self, method: &'static str, parameters: Value) -> Value {
        let command = DevTools { method, parameters };
        self.client.issue_cmd(command).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    pub(crate) async fn close(self) -> Result<(), CmdError> {
        self.client.close().await
    }
}

/// How often to look for what there is no event for.
const PERIOD: Duration = Duration::from_millis(20);

/// Makes the window as large as it takes for the page to have its size.
async fn size(client: &Client) {
    let frame = "return [outerWidth - innerWidth, outerHeight - innerHeight]";
    let frame = client.execute(frame, Vec::new()).await.unwrap();
    let (width, height): (u32, u32) = serde_json::from_value(frame).expect("two numbers");
    client.set_window_size(1280 + width, 800 + height).await.unwrap();
}

fn capabilities(profile: &TempDir, more: &[&str]) -> Capabilities {
    let usual = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--force-device-scale-factor=2",
        // What has appeared is there at once, for the picture's sake.
        "--force-prefers-reduced-motion",
        &format!("--user-data-dir={}", profile.path().display()),
    ];
    let arguments = [&usual[..], more].concat();
    let capabilities = json!({
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    serde_json::from_value(capabilities).expect("an object")
}

/// The program between us and the browser.
struct Driver {
    child: Child,
    port: u16,
    _output: BufReader<ChildStdout>,
}

impl Driver {
    async fn start() -> Self {
        let mut command = Command::new("chromedriver");
        // A group of its own, so that the browser that it starts can be ended with it.
        command.arg("--port=0").process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                panic!("this test needs a browser: apt-get install chromium chromium-driver");
            }
            spawned => spawned.expect("chromedriver starts"),
        };
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let port = soon("the port of chromedriver", port(&mut output)).await;
        Self { child, port, _output: output }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(group) = group {
            // The whole group may have ended already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Reads until `ChromeDriver was started successfully on port 12345.`
async fn port(output: &mut BufReader<ChildStdout>) -> u16 {
    loop {
        let mut line = String::new();
        let length = output.read_line(&mut line).await.unwrap();
        assert!(length > 0, "chromedriver ended before it said its port");
        let port = line.trim_end().strip_suffix('.').and_then(|line| line.rsplit_once(" port "));
        if let Some((_, port)) = port.filter(|(line, _)| line.contains("successfully")) {
            return port.parse().expect("a port");
        }
    }
}

/// Chromium's own addition to WebDriver: its DevTools protocol.
#[derive(Debug)]
struct DevTools {
    method: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.method, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}

/// Chromium's own addition to WebDriver: what the consoles got since the last time.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body: Value = json!({ "type": "browser" });
        (Method::POST, Some(body.to_string()))
    }
}
