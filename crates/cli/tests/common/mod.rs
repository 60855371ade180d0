//! What the tests share: the binary under test, and a little HTTP.

#![allow(dead_code, reason = "each test program uses its own part of this")]

pub(crate) mod http;
pub(crate) mod notify;
pub(crate) mod server;
pub(crate) mod tls;

use std::time::Duration;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for what has to happen, but not for ever.
pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    let Ok(outcome) = tokio::time::timeout(PATIENCE, event).await else {
        panic!("{what}: not within {PATIENCE:?}");
    };
    outcome
}
