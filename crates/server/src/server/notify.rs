//! What a service manager is told, if it has asked (sd_notify(3)).

use std::sync::Arc;

use futures_util::future::join_all;
use sd_notify::NotifyState;
use tokio::time::{sleep, timeout};

use crate::{
    log,
    runtime::{Probe, Worker},
};

pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The time has to be with it (systemd.service(5), `Type=notify-reload`).
pub(super) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says that all is well for as long as each worker answers, twice as often as it has to be said.
pub(super) async fn keep_watched(workers: &[Arc<Worker>]) {
    let Some(period) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let probes: Vec<_> = workers.iter().map(Probe::new).collect();
    loop {
        let answers = probes.iter().map(|probe| probe.ask());
        match timeout(period / 2, join_all(answers)).await {
            Ok(_) => tell(&[NotifyState::Watchdog]),
            Err(_) => log::event!(
                WARN,
                {},
                "a worker does not answer, and the watchdog is not told that all is well"
            ),
        }
        sleep(period / 2).await;
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        log::event!(WARN, { %error }, "the service manager could not be told how the server is");
    }
}
