//! Stands in where there is no service manager that asks.

use std::{future::pending, sync::Arc};

use crate::runtime::Worker;

pub(super) fn ready() {}

pub(super) fn reloading() {}

pub(super) fn stopping() {}

pub(super) async fn keep_watched(_: &[Arc<Worker>]) {
    pending().await
}
