//! What WebDriver has no word for, and Chromium's own protocol has.

use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

/// A command of the DevTools protocol, with its parameters.
#[derive(Debug)]
pub(crate) struct DevTools(pub(crate) &'static str, pub(crate) Value);

impl DevTools {
    /// A page that is as wide as a narrow phone; a window cannot be.
    pub(crate) fn phone() -> Self {
        let size = json!({ "width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true });
        Self("Emulation.setDeviceMetricsOverride", size)
    }
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let Self(command, params) = self;
        (Method::POST, Some(json!({ "cmd": command, "params": params }).to_string()))
    }
}
