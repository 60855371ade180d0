//! A running server, as operators ask it.

use std::{collections::BTreeMap, process, sync::Arc, time::Instant};

use arc_swap::ArcSwap;
use serde_json::{Value, json};

use super::{
    control::{Reloader, Shutdown},
    reload::Reloaded,
};
use crate::{
    admission::LimitsHit,
    error::ReloadError,
    http_server::Control,
    metrics::Readiness,
    session::{Application, BoxFuture},
};

pub(super) struct Controls {
    began: Instant,
    shutdown: Shutdown,
    reloader: Reloader,
    readiness: Readiness,
    serving: ArcSwap<Serving>,
}

/// What is served now.
#[derive(Default)]
pub(super) struct Serving {
    pub(super) listeners: Vec<String>,
    pub(super) applications: Vec<Arc<dyn Application>>,
    /// With its token if nobody has chosen that, so for operators alone.
    pub(super) admin_page_url: Option<String>,
}

impl Controls {
    pub(super) fn new(shutdown: &Shutdown, reloader: &Reloader, readiness: &Readiness) -> Self {
        Self {
            began: Instant::now(),
            shutdown: shutdown.clone(),
            reloader: reloader.clone(),
            readiness: readiness.clone(),
            serving: ArcSwap::default(),
        }
    }

    pub(super) fn serve(&self, serving: Serving) {
        self.serving.store(Arc::new(serving));
    }
}

impl Control for Controls {
    fn status(&self, limits_hit: LimitsHit) -> Value {
        let serving = self.serving.load_full();
        let endpoint = |it: &Arc<dyn Application>| {
            let (host, path, clients) = (it.host(), it.path(), it.clients());
            json!({ "host": host, "path": path, "clients": clients })
        };
        let endpoints: Vec<_> = serving.applications.iter().map(endpoint).collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "process": process::id(),
            "state": if self.readiness.is_ready() { "ready" } else { "draining" },
            "uptime": self.began.elapsed().as_secs(),
            "listeners": serving.listeners,
            "admin_page": serving.admin_page_url,
            "endpoints": endpoints,
            "limits_hit": limits_hit.by_name().into_iter().collect::<BTreeMap<_, _>>(),
        })
    }

    fn applications(&self) -> Vec<Arc<dyn Application>> {
        self.serving.load().applications.clone()
    }

    fn reload(&self) -> BoxFuture<'static, Result<Value, ReloadError>> {
        let (reloader, readiness) = (self.reloader.clone(), self.readiness.clone());
        Box::pin(async move {
            match reloader.reload().await {
                Ok(Reloaded { kept, started, ended }) => {
                    Ok(json!({ "kept": kept, "started": started, "ended": ended }))
                }
                Err(ReloadError::NotReloading) if !readiness.is_ready() => {
                    Err(ReloadError::Refused("the server is about to stop".to_owned()))
                }
                Err(error) => Err(error),
            }
        })
    }

    fn drain(&self) {
        self.shutdown.drain();
    }

    fn stop(&self) {
        self.shutdown.stop();
    }
}
