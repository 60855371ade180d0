//! What a worker keeps of metrics: its share of each endpoint's, and how late it is.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{endpoint::EndpointCounters, histogram::Histogram};
use crate::sync::Mutex;

#[derive(Debug, Default)]
pub(crate) struct WorkerCounters {
    endpoints: Mutex<BTreeMap<Arc<str>, Arc<EndpointCounters>>>,
    pub(super) lag: Histogram,
}

impl WorkerCounters {
    /// Its share of an endpoint's, which goes on where it was if there is one of that name already.
    pub(crate) fn endpoint(&self, name: &str) -> Arc<EndpointCounters> {
        let mut endpoints = self.endpoints.lock();
        let made = || Arc::new(EndpointCounters::new(name));
        Arc::clone(endpoints.entry(name.into()).or_insert_with(made))
    }

    pub(super) fn endpoints(&self) -> BTreeMap<Arc<str>, Arc<EndpointCounters>> {
        self.endpoints.lock().clone()
    }

    /// For how long it has kept somebody waiting who wanted nothing but an answer.
    pub(crate) fn late(&self, lag: Duration) {
        self.lag.observe(lag);
    }
}
