//! Stands in where there is no admin page.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{error::ServerError, http_server::Control, metrics::Metrics};

/// Nobody has one.
#[derive(Debug)]
pub(super) enum AdminPage {}

#[derive(Default)]
pub(super) struct AdminServer;

pub(super) struct Change;

impl AdminServer {
    pub(super) async fn start(
        _: Option<AdminPage>,
        _: &Metrics,
        _: &Arc<dyn Control>,
    ) -> Result<Self, ServerError> {
        Ok(Self)
    }

    pub(super) async fn prepare(
        &mut self,
        _: Option<AdminPage>,
        _: &Metrics,
        _: &Arc<dyn Control>,
    ) -> Result<Change, ServerError> {
        Ok(Change)
    }

    pub(super) fn change(&mut self, _: Change) {}

    pub(super) fn url(&self) -> Option<String> {
        None
    }

    pub(super) async fn stop(self, _: Instant) {}
}
